import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { formatUnitFile, parseKeyfile } from '../../../lib/formats/unit_file.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { isLeaseOf } from '../../../modules/network/networkmanager/leases.ts';
import { notedMtu, noteMtu } from '../../../modules/network/networkmanager/mtu_note.ts';
import { parseManager, splitTerse } from '../../../modules/network/networkmanager/nmcli.ts';
import { ownedLinks } from '../../../modules/network/networkmanager/owner.ts';
import { pinsOf } from '../../../modules/network/networkmanager/pins.ts';
import { masterOf, settingsOf } from '../../../modules/network/networkmanager/settings.ts';
import { holdsSecrets } from '../../../modules/network/networkmanager/write.ts';

const profiles = '/etc/NetworkManager/system-connections';
const uuid = 'f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11';
const mac = '52:54:00:aa:00:51';

function capture(name: string): string {
  return readFileSync(new URL(`../captures/network/${name}.txt`, import.meta.url), 'utf8');
}

/** What a command printed in a capture. */
function printed(name: string, command: string): string {
  const [, after = ''] = capture(name).split(`\n$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

/** A file of the captured ones, by its title. */
function keyfile(title: string): string {
  const [, after = ''] = capture('networkmanager-files').split(`## ${title}\n`);
  return `${(after.split('\n## ')[0] ?? '').trimEnd()}\n`;
}

const original = keyfile('ens33.nmconnection before (DHCP)');
const fixed = keyfile('ens33.nmconnection before (static, case v)');

describe('what nmcli says', () => {
  test('of a link with a lease: its state, its profile, and what its DHCP client calls itself', () => {
    const devices = 'ens33:connected:f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11\nlo:unmanaged:\n';
    const lease = printed(
      'networkmanager-before',
      'nmcli -t -f GENERAL,CAPABILITIES,CONNECTIONS,IP4,DHCP4,IP6 device show ens33',
    );
    const text = `nmcli tool, version 1.42.4\n--devices\n${devices}--connections\n${uuid}:ens33:${profiles}/ens33.nmconnection\n--leases\n${lease}`;
    expect(parseManager(text)).toEqual({
      version: [1, 42],
      devices: [
        { link: 'ens33', state: 'connected', uuid, clientId: `01:${mac}`, iaid: undefined },
        { link: 'lo', state: 'unmanaged', uuid: undefined, clientId: undefined, iaid: undefined },
      ],
      connections: [{ uuid, id: 'ens33', file: `${profiles}/ens33.nmconnection` }],
    });
  });

  test('a colon and a backslash inside of a value stand behind a backslash', () => {
    expect(splitTerse('a\\:b:c\\\\d::e')).toEqual(['a:b', 'c\\d', '', 'e']);
  });

  test("a lease is the bridge's by the link at its end", () => {
    expect(isLeaseOf(`internal-${uuid}-br0.lease`, 'br0')).toBe(true);
    expect(isLeaseOf(`dhclient-${uuid}-br0.lease`, 'br0')).toBe(true);
    expect(isLeaseOf('dhclient-br0.conf', 'br0')).toBe(true);
    expect(isLeaseOf(`internal-${uuid}-my-br0.lease`, 'br0')).toBe(false);
    expect(isLeaseOf('timestamps', 'br0')).toBe(false);
  });
});

describe('who owns the link', () => {
  const owned = (state: string, file: string, version: readonly [number, number] = [1, 42]) =>
    ownedLinks(
      {
        version,
        devices: [{ link: 'ens33', state, uuid, clientId: undefined, iaid: undefined }],
        connections: [{ uuid, id: 'Wired connection 1', file }],
      },
      ['ens33'],
    );

  test('NetworkManager, by a keyfile in /etc', () => {
    expect(owned('connected', `${profiles}/ens33.nmconnection`).links).toEqual([
      { link: 'ens33', file: `${profiles}/ens33.nmconnection`, id: uuid },
    ]);
  });

  test("'connected (externally)' is another's link", () => {
    const [, state = ''] = /^ens33:ethernet:([^:]+):/m.exec(capture('two-daemons')) ?? [];
    expect(state).toBe('connected (externally)');
    expect(owned(state, '/run/NetworkManager/system-connections/ens33.nmconnection')).toEqual({
      links: [],
      seen: "to NetworkManager ens33 is 'connected (externally)': another program has configured it",
    });
  });

  test.each([
    ['/run/NetworkManager/system-connections/netplan-ens33.nmconnection', /which netplan has written$/],
    [
      '/run/NetworkManager/system-connections/Wired connection 1.nmconnection',
      /in memory only: .*nmcli connection modify/,
    ],
    ['', /in memory only/],
    [
      '/etc/sysconfig/network-scripts/ifcfg-ens33',
      /ifcfg-ens33, a file of network-scripts that its plugin ifcfg-rh reads: keep a copy of it, .*nmcli connection migrate f1a1a5a0/,
    ],
    ['/usr/lib/NetworkManager/system-connections/ens33.nmconnection', /belongs to a package/],
  ])('not by %s', (file, sentence) => {
    const answer = owned('connected', file);
    expect(answer.links).toEqual([]);
    expect(answer.seen).toMatch(sentence);
  });

  test('not by a file of network-scripts that a NetworkManager before 1.38 cannot migrate', () => {
    const { seen } = owned('connected', '/etc/sysconfig/network-scripts/ifcfg-ens33', [1, 36]);
    expect(seen).toMatch(
      /NetworkManager 1\.36 cannot make a keyfile of it \(1\.38 can\): update NetworkManager first$/,
    );
    expect(seen).not.toContain('migrate');
  });
});

describe('a keyfile', () => {
  test('is read by the old words and by the new ones', () => {
    expect(masterOf(parseKeyfile(keyfile('ens33.nmconnection after: the port')))).toBe('br0');
    expect(masterOf(parseKeyfile(keyfile('ens33.nmconnection, the port as 1.52 writes it')))).toBe('br0');
    const title =
      'br0.nmconnection after, as NetworkManager 1.52 writes it (the same, changed once by `nmcli connection modify`)';
    expect(settingsOf(parseKeyfile(keyfile(title)), undefined, undefined, [])).toMatchObject({
      ipv4: 'dhcp',
      stp: false,
      zone: 'trusted',
      mac: '52:54:00:aa:00:61',
    });
  });

  test('says that spanning tree is on where it says nothing of it', () => {
    expect(settingsOf(parseKeyfile('[bridge]\n'), undefined, undefined, [])).toMatchObject({ stp: true, delay: 15 });
  });

  test('may end a line in a backslash, and only a hash begins a comment', () => {
    const text = '[wifi-security]\npsk=secret\\\\\n;a=1\n[ipv4]\nmethod=auto\n';
    expect(settingsOf(parseKeyfile(text), undefined, undefined, []).ipv4).toBe('dhcp');
    expect(formatUnitFile(parseKeyfile(text))).toBe(text);
  });

  test('holds secrets also in what it keeps from before', () => {
    expect(holdsSecrets('[802-1x]\npassword=x\n')).toBe(true);
    expect(holdsSecrets('# before br0: [802-1x]\n# before br0: password=x\n[connection]\n')).toBe(true);
    expect(holdsSecrets(original)).toBe(false);
  });
});

describe('the DHCP client identifier is kept as it was sent before', () => {
  const pins = (text: string, clientId: string | undefined) =>
    pinsOf(parseKeyfile(text), mac, { clientId, iaid: undefined }, {});

  test('the MAC, which the bridge sends by itself', () => {
    expect(pins('[ipv4]\nmethod=auto\n', `01:${mac}`)).toEqual([]);
  });

  test("what is worked out of the link's name or of the profile", () => {
    expect(pins('[ipv4]\nmethod=auto\ndhcp-client-id=duid\n', 'ff:3c:e1')).toEqual([
      { section: 'ipv4', key: 'dhcp-client-id', value: 'ff:3c:e1' },
    ]);
    expect(pins('[ipv4]\nmethod=auto\n', 'ff:3c:e1')).toHaveLength(1);
    expect(pins('[ipv4]\nmethod=auto\ndhcp-client-id=office\n', '00:6f')).toEqual([]);
  });

  test('the metric is kept where another link has a default route', () => {
    expect(pinsOf(parseKeyfile(original), mac, { clientId: undefined, iaid: undefined }, { ipv4: '100' })).toEqual([
      { section: 'ipv4', key: 'route-metric', value: '100' },
    ]);
  });
});

/** What is different on a host. */
interface HostOptions {
  /** Mode and owner of the keyfiles. */
  readonly access?: string;
  /** The links, as `ip -o -d link show` prints them. */
  readonly links?: string;
  /** Files besides the keyfiles. */
  readonly more?: Readonly<Record<string, string>>;
  /** The state of ens33 in NetworkManager's words, and the file of its connection. */
  readonly state?: string;
  readonly file?: string;
}

/** A host whose NetworkManager answers as it was seen to. */
function host(
  files: Readonly<Record<string, string>>,
  {
    access = '600 0',
    links = '',
    more = {},
    state = 'connected',
    file = `${profiles}/ens33.nmconnection`,
  }: HostOptions = {},
): FakeHost {
  const paths = Object.keys(files).map((name) => `${profiles}/${name}`);
  return new FakeHost({
    files: {
      '/sys/class/net/ens33/address': `${mac}\n`,
      ...more,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${profiles}/${name}`, text])),
    },
    commands: {
      'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` },
      'ip -o -d link show': { stdout: links },
    },
    answer: (argv) => {
      if (argv[0] === 'stat') return { stdout: paths.map((path) => `${access} ${path}\n`).join('') };
      return argv.join(' ').includes('is-active --quiet NetworkManager')
        ? {
            stdout: `nmcli tool, version 1.42.4\n--devices\nens33:${state}:${uuid}\n--connections\n${uuid}:ens33:${file}\n--leases\nGENERAL.DEVICE:ens33\nDHCP4.OPTION[2]:dhcp_client_identifier = 01:${mac}\n`,
          }
        : { exitCode: 1 };
    },
  });
}

const later = { loadedLater: true } as const;
const named = (args: Partial<BridgeArgs>) => ({
  ...{ name: 'br0', ...(args.ports === undefined && { port: 'ens33' }), ...args },
  ...later,
});
const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.apply(on, named(args));
const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.check(on, named(args));
const text = (on: FakeHost, name: string): string | undefined => on.files.get(`${profiles}/${name}.nmconnection`);

describe('a bridge', () => {
  test("takes over what asks the DHCP server; the port's own file keeps its name, id and UUID", async () => {
    const on = host({ 'ens33.nmconnection': original });
    expect((await apply(on)).changed).toBe(true);
    expect(text(on, 'br0')).toMatch(
      /^\[connection\]\nid=br0\nuuid=[0-9a-f-]{36}\ntype=bridge\ninterface-name=br0\nautoconnect-slaves=1\n\n\[ethernet\]\ncloned-mac-address=52:54:00:AA:00:51\n\n\[bridge\]\nstp=false\n\n\[ipv4\]\nmethod=auto\n\n\[ipv6\]\naddr-gen-mode=eui64\nmethod=auto\n$/,
    );
    expect(text(on, 'ens33')?.split('# before br0: method=auto\n').at(-1)).toBe(
      keyfile('ens33.nmconnection after: the port'),
    );
    const modes = on.executed.flatMap((step) =>
      step.kind === 'write' && step.path.startsWith(profiles) ? [step.mode] : [],
    );
    expect(modes).toEqual([0o600, 0o600]);
    expect((await check(on)).changed).toBe(false);
  });

  test('takes over static addresses of both families, name servers, routes and the zone', async () => {
    const on = host({ 'ens33.nmconnection': fixed });
    await apply(on);
    expect(text(on, 'br0')).toContain('zone=trusted\n');
    expect(text(on, 'br0')).toContain(
      '[ipv4]\nmethod=manual\naddress1=192.168.221.150/24,192.168.221.1\ndns=192.168.221.7;\ndns-search=corp.test;\nroute1=10.9.0.0/16,192.168.221.9,50\n\n[ipv6]\nmethod=manual\naddress1=fd00:221::150/64\n',
    );
    const port = parseKeyfile(text(on, 'ens33') ?? '');
    expect(port.sections.map(({ name }) => name)).toEqual([undefined, 'connection', 'bridge-port']);
    expect((await check(on)).changed).toBe(false);
  });

  test('is given other settings, and then has them', async () => {
    const on = host({ 'ens33.nmconnection': fixed });
    const args: Partial<BridgeArgs> = {
      addresses: ['192.168.221.160/24', '10.1.0.1/16'],
      gateway: '192.168.221.1',
      ipv6: 'static',
      ipv6Addresses: ['fd00:221::160/64'],
      ipv6Gateway: 'fd00:221::1',
      dns: ['fd00:221::7', '192.168.221.8'],
      search: ['a.test', 'b.test'],
      routes: [
        { to: 'fd00:9::/64', via: 'fd00:221::9' },
        { to: '10.8.0.0/16', via: '192.168.221.9', metric: 7, table: 100 },
      ],
      stp: true,
      delay: 4,
      mtu: 1400,
      zone: 'internal',
      mac: '52:54:00:aa:00:99',
    };
    await apply(on, args);
    expect((await check(on, args)).changed).toBe(false);
    expect(text(on, 'br0')).toContain('forward-delay=4');
    expect(text(on, 'br0')).toContain('route1=10.8.0.0/16,192.168.221.9,7\nroute1_options=table=100\n');
    await apply(on, { addresses: ['192.168.221.160/24'], ipv6: false, dns: ['192.168.221.8'], routes: [] });
    expect(text(on, 'br0')).toContain('[ipv6]\nmethod=disabled\n');
  });

  test.each([
    ['DHCP', original],
    ['static addresses', fixed],
    ['no line break at its end, and comments', `# mine\n${original.trimEnd()}`],
    ['a password', `${original}\n[802-1x]\neap=peap;\nidentity=me\npassword=geheim\n`],
  ])('that is taken away gives the file back byte for byte: %s', async (_, before) => {
    const on = host({ 'ens33.nmconnection': before });
    await apply(on);
    expect(text(on, 'ens33')).not.toBe(before);
    await apply(on, { state: 'absent' });
    expect(text(on, 'ens33')).toBe(before);
    expect(text(on, 'br0')).toBeUndefined();
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('shows no password, and keeps none in a backup', async () => {
    const on = host({ 'ens33.nmconnection': `${original}\n[802-1x]\neap=peap;\npassword=geheim\n` });
    const { steps } = await check(on);
    const port = steps.find((step) => step.kind === 'write' && step.path.endsWith('/ens33.nmconnection'));
    expect(port).toMatchObject({ secret: true });
    expect(port).not.toHaveProperty('before');
  });

  test("gives the port the bridge's address where that is another one by then", async () => {
    const on = host({ 'ens33.nmconnection': fixed });
    await apply(on, { addresses: ['192.168.221.160/24'], gateway: '192.168.221.1' });
    await apply(on, { state: 'absent' });
    expect(text(on, 'ens33')).toContain('zone=trusted');
    expect(text(on, 'ens33')).toContain('address1=192.168.221.160/24');
  });

  test('keeps what the task says of name servers, routes and the zone to itself where the address is the same', async () => {
    const on = host({ 'ens33.nmconnection': fixed });
    const routes = [{ to: '10.8.0.0/16', via: '192.168.221.9' }];
    await apply(on, { dns: ['192.168.221.8'], search: ['a.test'], routes, zone: 'internal' });
    expect(text(on, 'br0')).toContain('zone=internal');
    await apply(on, { state: 'absent' });
    expect(text(on, 'ens33')).toBe(fixed);
  });

  test('goes back where NetworkManager has written the files anew, in its own words and without comments', async () => {
    const on = host({
      'ens33.nmconnection': keyfile('ens33.nmconnection, the port as 1.52 writes it').replace(
        'controller=br0',
        'controller=br0',
      ),
      'br0.nmconnection': keyfile(
        'br0.nmconnection after, as NetworkManager 1.52 writes it (the same, changed once by `nmcli connection modify`)',
      ),
    });
    await apply(on, { state: 'absent' });
    expect(masterOf(parseKeyfile(text(on, 'ens33') ?? ''))).toBeUndefined();
    expect(text(on, 'ens33')).toContain('[ipv4]\n');
    expect(text(on, 'ens33')).toContain('zone=trusted');
  });

  test('names a port by its link, so that its profile fits no other NIC', async () => {
    const on = host({ 'ens33.nmconnection': original.replace('interface-name=ens33\n', '') });
    await apply(on);
    expect(text(on, 'ens33')).toContain('\ninterface-name=ens33\n');
  });
});

describe('a trap of NetworkManager', () => {
  const bridgeFile = keyfile('br0.nmconnection after (DHCP)');
  const plugged = keyfile('ens33.nmconnection after: the port');
  const paths = (on: FakeHost): readonly string[] =>
    on.executed.flatMap((step) => ('path' in step && step.path.startsWith(profiles) ? [step.path] : []));

  test('a port whose bridge has no file is disconnected at the next boot: its bridge is written first, and removed last', async () => {
    const on = host({ 'ens33.nmconnection': original });
    await apply(on);
    await apply(on, { state: 'absent' });
    const [port, own] = [`${profiles}/ens33.nmconnection`, `${profiles}/br0.nmconnection`];
    expect(paths(on)).toEqual([own, port, port, own]);
  });

  test('spanning tree that is left unsaid is on, and takes 30 s: it is said, and an unknown key (`stpp`) says nothing', async () => {
    const on = host({
      'ens33.nmconnection': plugged,
      'br0.nmconnection': bridgeFile.replace('stp=false\nforward-delay=0', 'stpp=false'),
    });
    await apply(on, { stp: false });
    expect(text(on, 'br0')).toContain('\nstp=false\n');
  });

  test('forward-delay=0 is valid only beside stp=false: with spanning tree another one is written', async () => {
    const on = host({ 'ens33.nmconnection': plugged, 'br0.nmconnection': bridgeFile });
    await apply(on, { stp: true });
    expect(text(on, 'br0')).toMatch(/\[bridge\]\nstp=true\nforward-delay=15\n/);
  });

  test('cloned-mac-address=preserve gives the bridge a MAC of its own, and bridge.mac-address the one that it names', async () => {
    const kept = bridgeFile.replace(/cloned-mac-address=.*/, 'cloned-mac-address=preserve');
    const on = host({ 'ens33.nmconnection': plugged, 'br0.nmconnection': kept });
    await apply(on);
    expect(text(on, 'br0')).toContain('cloned-mac-address=52:54:00:AA:00:51\n');
    const named = bridgeFile
      .replace(/cloned-mac-address=.*\n/, '')
      .replace('[bridge]\n', `[bridge]\nmac-address=${mac.toUpperCase()}\n`);
    expect((await check(host({ 'ens33.nmconnection': plugged, 'br0.nmconnection': named }))).changed).toBe(false);
  });

  test('without autoconnect-slaves the bridge would wait for its ports', async () => {
    const on = host({
      'ens33.nmconnection': original,
      'br0.nmconnection': bridgeFile.replace('autoconnect-slaves=1\n', ''),
    });
    await apply(on);
    expect(text(on, 'br0')).toContain('autoconnect-slaves=1\n');
  });

  test("a stable-privacy address is made of the link's name: the bridge has another one, which is told", async () => {
    const on = host({ 'ens33.nmconnection': original.replace('addr-gen-mode=eui64', 'addr-gen-mode=stable-privacy') });
    expect((await check(on)).warnings.join()).toContain('br0 gets another IPv6 address than ens33');
  });

  test("a further port that NetworkManager runs by a 'Wired connection' in memory gets a file of its own", async () => {
    const ports = { ports: ['ens33', 'ens34'] };
    const on = host({ 'ens33.nmconnection': original }, { more: { '/sys/class/net/ens34/flags': '0x1003\n' } });
    await apply(on, ports);
    expect(text(on, 'br0-port-ens34')).toMatch(
      /^# A port of br0, made by kvm-play\.\n\[connection\]\nid=br0-port-ens34\nuuid=\S+\ntype=ethernet\ninterface-name=ens34\nmaster=br0\nslave-type=bridge\n\n?\[bridge-port\]\n$/,
    );
    expect((await check(on, ports)).changed).toBe(false);
    await apply(on, { ...ports, state: 'absent' });
    expect(text(on, 'br0-port-ens34')).toBeUndefined();
    expect(text(on, 'ens33')).toBe(original);
  });
});

describe('a profile that serves several links', () => {
  const shared = original.replace('id=ens33', 'id=default\nmulti-connect=3').replace('interface-name=ens33\n', '');
  const file = `${profiles}/default.nmconnection`;
  const sharing = (text = shared) => host({ 'default.nmconnection': text }, { file });

  test('stays as it is, and the port gets one of its own that wins at the next boot', async () => {
    const on = sharing();
    await apply(on);
    expect(text(on, 'default')).toBe(shared);
    const own = text(on, 'br0-port-ens33') ?? '';
    expect(own).toMatch(/\nid=br0-port-ens33\nuuid=[0-9a-f-]{36}\n/);
    expect(own).toContain('\ninterface-name=ens33\n');
    expect(own).toContain('\nautoconnect-priority=1\n');
    expect(own).toContain('\nmaster=br0\n');
    expect(own).not.toMatch(/multi-connect|\[ipv4\]/);
    expect(own).not.toContain(uuid);
    expect(text(on, 'br0')).toContain('[ipv4]\nmethod=auto\n');
    expect(text(on, 'br0')).not.toContain('multi-connect');
    expect((await check(on)).changed).toBe(false);
  });

  test('runs the port again without the bridge', async () => {
    const on = sharing();
    const files = new Map(on.files);
    await apply(on);
    await apply(on, { state: 'absent' });
    expect(new Map(on.files)).toEqual(files);
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('does not get the port back where the host is reached by another address: the port keeps a profile of its own', async () => {
    const on = sharing();
    await apply(on, { addresses: ['192.168.221.160/24'], gateway: '192.168.221.1' });
    await apply(on, { state: 'absent' });
    expect(text(on, 'default')).toBe(shared);
    const own = text(on, 'br0-port-ens33') ?? '';
    expect(own).toMatch(/^\[connection\]\n/);
    expect(own).toContain('address1=192.168.221.160/24\n');
    expect(own).toContain('\nautoconnect-priority=1\n');
    expect(own).not.toMatch(/master=|slave-type|bridge-port/);
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('is narrowed by no section [match], and keeps its password', async () => {
    const on = sharing(`${shared}\n[match]\ninterface-name=ens*;\n\n[802-1x]\neap=peap;\npassword=geheim\n`);
    const { steps } = await check(on);
    const port = steps.find((step) => step.kind === 'write' && step.path.endsWith('/br0-port-ens33.nmconnection'));
    expect(port).toMatchObject({ secret: true });
    await apply(on);
    expect(text(on, 'br0-port-ens33')).toContain('password=geheim\n');
  });

  test('would win over a further port that it does not run now', async () => {
    const ports = { ports: ['ens33', 'ens34'] };
    const more = { '/sys/class/net/ens34/flags': '0x1003\n' };
    const files = {
      'ens33.nmconnection': original,
      'default.nmconnection': shared.replace('id=default', 'id=default\nautoconnect-priority=-5'),
    };
    const on = host({ ...files, 'default.nmconnection': shared }, { more });
    await apply(on, ports);
    expect(text(on, 'br0-port-ens34')).toContain('\nautoconnect-priority=1\n');
    const low = host(files, { more });
    await apply(low, ports);
    expect(text(low, 'br0-port-ens34')).toContain('\nautoconnect-priority=-4\n');
  });

  test('with the highest priority is refused', async () => {
    const highest = shared.replace('id=default', 'id=default\nautoconnect-priority=999');
    await expect(check(sharing(highest))).rejects.toThrow(
      /default\.nmconnection may get ens33 as well as other links, .*lower it below 999/,
    );
  });

  test.each([
    ['by its name', original.replace('id=ens33', 'id=ens33\nmulti-connect=3')],
    ['by its MAC', shared.replace('[ethernet]\n', `[ethernet]\nmac-address=${mac}\n`)],
    ['because it runs one at a time', shared.replace('multi-connect=3\n', '')],
  ])("that fits one link only becomes the port's: %s", async (_, before) => {
    const on = sharing(before);
    await apply(on);
    expect(text(on, 'default')).toContain('\nmaster=br0\n');
    expect(text(on, 'br0-port-ens33')).toBeUndefined();
    await apply(on, { state: 'absent' });
    expect(text(on, 'default')).toBe(before);
  });
});

describe('a default route that is written as a route', () => {
  const routed = fixed
    .replace('address1=192.168.221.150/24,192.168.221.1', 'address1=192.168.221.150/24')
    .replace(
      'route1=10.9.0.0/16,192.168.221.9,50\n',
      [
        'route1=0.0.0.0/0,192.168.221.1',
        'route1_options=onlink=true',
        'route2=10.9.0.0/16,192.168.221.9,50',
        'route3=0.0.0.0/0,192.168.221.2',
        'route3_options=table=100',
        '',
      ].join('\n'),
    )
    .replace('address1=fd00:221::150/64', 'address1=fd00:221::150/64\nroute1=0::/0,fd00:221::1\nroute2=fd00:8::/64');
  const routes = [
    { to: '10.8.0.0/16', via: '192.168.221.9' },
    { to: '10.7.0.0/16', via: '192.168.221.9' },
    { to: 'fd00:9::/64', via: 'fd00:221::9' },
  ];
  const main = 'route1=0.0.0.0/0,192.168.221.1\nroute1_options=onlink=true\n';
  const other = 'route3=0.0.0.0/0,192.168.221.2\nroute3_options=table=100\n';

  test('stays, of every table, when the task names the routes beside it', async () => {
    const on = host({ 'ens33.nmconnection': routed });
    await apply(on, { routes });
    const written = text(on, 'br0') ?? '';
    expect(written).toContain(main);
    expect(written).toContain(other);
    expect(written).toContain('\nroute2=10.8.0.0/16,192.168.221.9\n');
    expect(written).toContain('\nroute4=10.7.0.0/16,192.168.221.9\n');
    expect(written).not.toContain('10.9.0.0');
    expect(written).toContain('\nroute1=0::/0,fd00:221::1\n');
    expect(written).toContain('\nroute2=fd00:9::/64,fd00:221::9\n');
    expect(written).not.toContain('fd00:8::');
    expect((await check(on, { routes })).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(text(on, 'ens33')).toBe(routed);
  });

  test('is the gateway where it is in the main table, and goes when the task names another one', async () => {
    const on = host({ 'ens33.nmconnection': routed });
    await apply(on, { addresses: ['192.168.221.150/24'], gateway: '192.168.221.1' });
    expect(text(on, 'br0')).toContain(main);
    expect(text(on, 'br0')).not.toContain('gateway=');
    await apply(on, { addresses: ['192.168.221.150/24'], gateway: '192.168.221.3' });
    expect(text(on, 'br0')).not.toMatch(/route1=0\.0\.0\.0|route1_options/);
    expect(text(on, 'br0')).toContain('\ngateway=192.168.221.3\n');
    expect(text(on, 'br0')).toContain(other);
  });

  test('is not the gateway in another table', async () => {
    const on = host({ 'ens33.nmconnection': routed.replace(main, '') });
    const args = { addresses: ['192.168.221.150/24'], gateway: '192.168.221.2' };
    await apply(on, args);
    expect(text(on, 'br0')).toContain('\ngateway=192.168.221.2\n');
    expect(text(on, 'br0')).toContain(other);
    await apply(on, { bootproto: 'dhcp' });
    expect(text(on, 'br0')).not.toContain('gateway=');
    expect(text(on, 'br0')).toContain(other);
  });

  test('stays under one name when the address changes', async () => {
    const on = host({ 'ens33.nmconnection': routed });
    await apply(on, { addresses: ['192.168.221.160/24'] });
    expect(text(on, 'br0')).toContain(main);
    expect(text(on, 'br0')).not.toContain('gateway=');
  });
});

describe('an MTU', () => {
  const links = (mtu: number): string => `2: ens33@if7: <BROADCAST,MULTICAST,UP> mtu ${mtu} \\    link/ether ${mac}\n`;

  test('that the port had from elsewhere is noted when the task sets another one, and stays noted', async () => {
    const on = host({ 'ens33.nmconnection': original }, { links: links(9000) });
    await apply(on);
    expect(notedMtu('br0', text(on, 'ens33') ?? '')).toBeUndefined();
    await apply(on, { mtu: 1400 });
    expect(text(on, 'ens33')).toContain('\n# MTU before br0: 9000\n[connection]\n');
    on.commands.set('ip -o -d link show', { stdout: links(1400) });
    await apply(on, { mtu: 1300 });
    expect(notedMtu('br0', text(on, 'ens33') ?? '')).toBe(9000);
    await apply(on, { state: 'absent' });
    expect(text(on, 'ens33')).toBe(original);
  });

  test('of a bridge that is made with it is noted at once', async () => {
    const on = host({ 'ens33.nmconnection': original }, { links: links(9000) });
    await apply(on, { mtu: 1400 });
    expect(notedMtu('br0', text(on, 'ens33') ?? '')).toBe(9000);
    expect(text(on, 'ens33')).toContain('mtu=1400\n');
  });

  test("that the port's own profile names needs no note: that profile sets it again", async () => {
    const own = original.replace('[ethernet]\n', '[ethernet]\nmtu=9000\n');
    const on = host({ 'ens33.nmconnection': own }, { links: links(9000) });
    await apply(on, { mtu: 1400 });
    expect(text(on, 'ens33')).not.toContain('# MTU');
    await apply(on, { state: 'absent' });
    expect(text(on, 'ens33')).toBe(own);
  });

  test('is noted before the first section, once', () => {
    const once = noteMtu('br0', '# mine\n[connection]\n[ipv4]\n', 9000);
    expect(once).toBe('# mine\n# MTU before br0: 9000\n[connection]\n[ipv4]\n');
    expect(noteMtu('br0', once, 1500)).toBe(once);
    expect(notedMtu('br1', once)).toBeUndefined();
  });
});

describe('refused', () => {
  const refusal = (
    files: Readonly<Record<string, string>>,
    args: Partial<BridgeArgs> = {},
    options: HostOptions = {},
  ) => expect(check(host(files, options), args)).rejects;

  test.each(['644 0', '640 0', '600 1000'])(
    'a keyfile that others may read: NetworkManager loads none: %s',
    async (access) => {
      await refusal({ 'ens33.nmconnection': original }, {}, { access }).toThrow(
        new RegExp(`mode and owner ${access}.*chmod 600`),
      );
    },
  );

  test("a link that is 'connected (externally)'", async () => {
    await refusal({ 'ens33.nmconnection': original }, {}, { state: 'connected (externally)' }).toThrow(
      /no network stack that kvm-play knows owns ens33: .*'connected \(externally\)': another program has configured it/,
    );
  });

  test('a profile in memory', async () => {
    const file = '/run/NetworkManager/system-connections/Wired connection 1.nmconnection';
    await refusal({}, {}, { file }).toThrow(/in memory only: have it write a file first \(nmcli connection modify /);
  });

  test('an ifcfg file by which NetworkManager knows the connection', async () => {
    await refusal({}, {}, { file: '/etc/sysconfig/network-scripts/ifcfg-ens33' }).toThrow(
      /keep a copy of it, and have NetworkManager make a keyfile of it first \(nmcli connection migrate /,
    );
  });

  test('a br0 that somebody made by hand: NetworkManager leaves it alone, and the port with it', async () => {
    const more = { '/sys/class/net/br0/bridge/stp_state': '0\n' };
    await refusal({ 'ens33.nmconnection': original }, {}, { more }).toThrow(
      /br0 exists already, and no file describes it: somebody made it by hand/,
    );
  });

  test('two files of one bridge', async () => {
    const bridgeFile = keyfile('br0.nmconnection after (DHCP)');
    await refusal({
      'ens33.nmconnection': original,
      'br0.nmconnection': bridgeFile,
      'other.nmconnection': bridgeFile.replace('id=br0', 'id=other'),
    }).toThrow(/other\.nmconnection describes br0 as well; leave one of the two files/);
  });

  test("another connection's file of the bridge's name", async () => {
    await refusal({
      'ens33.nmconnection': original,
      'br0.nmconnection': original.replaceAll('ens33', 'ens34'),
    }).toThrow(/br0\.nmconnection is the file of another connection; rename it first/);
  });

  test('a bond without a keyfile as a further port', async () => {
    const links =
      '3: bond0: <BROADCAST,MULTICAST,MASTER,UP> mtu 1500 \\    link/ether 52:54:00:aa:00:60 \\    bond mode 1\n';
    const more = { '/sys/class/net/bond0/flags': '0x1003\n' };
    await refusal({ 'ens33.nmconnection': original }, { ports: ['ens33', 'bond0'] }, { links, more }).toThrow(
      /bond0 is a bond without a keyfile of NetworkManager; have NetworkManager make it first/,
    );
  });

  test('a keyfile with a line that is none', async () => {
    await refusal({ 'ens33.nmconnection': original.replace('[ipv4]', '[ipv4') }).toThrow(/ens33\.nmconnection line 9/);
  });

  test('a profile that would win at the next boot', async () => {
    const other = original.replace('id=ens33', 'id=other\nautoconnect-priority=5');
    await refusal({ 'ens33.nmconnection': original, 'other.nmconnection': other }).toThrow(
      /other\.nmconnection has a higher autoconnect-priority/,
    );
  });

  test('a port of another bridge', async () => {
    const port = keyfile('ens33.nmconnection after: the port').replace('master=br0', 'master=br7');
    await refusal({ 'ens33.nmconnection': port }).toThrow(/a port of br7 already/);
  });

  test('a MAC that is another one each time', async () => {
    const port = original.replace('[ethernet]', '[ethernet]\ncloned-mac-address=random');
    await refusal({ 'ens33.nmconnection': port }).toThrow(/another MAC each time/);
  });

  test('to take a bridge away while a port that the task does not name is in it', async () => {
    const port = keyfile('ens33.nmconnection after: the port');
    await refusal(
      {
        'ens33.nmconnection': port,
        'ens34.nmconnection': port.replaceAll('ens33', 'ens34'),
        'br0.nmconnection': keyfile('br0.nmconnection after (DHCP)'),
      },
      { state: 'absent' },
    ).toThrow(/ens34\.nmconnection plugs another link into br0/);
  });
});
