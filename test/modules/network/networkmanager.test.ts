import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { formatUnitFile, parseKeyfile } from '../../../lib/formats/unit_file.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { isLeaseOf } from '../../../modules/network/networkmanager/keyfiles.ts';
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
  const owned = (state: string, file: string) =>
    ownedLinks(
      {
        version: [1, 42],
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
      /ifcfg-ens33, a file of network-scripts: .*nmcli connection migrate/,
    ],
    ['/usr/lib/NetworkManager/system-connections/ens33.nmconnection', /belongs to a package/],
  ])('not by %s', (file, sentence) => {
    const answer = owned('connected', file);
    expect(answer.links).toEqual([]);
    expect(answer.seen).toMatch(sentence);
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

/** A host whose NetworkManager answers as it was seen to. */
function host(files: Readonly<Record<string, string>>, access = '600 0'): FakeHost {
  const paths = Object.keys(files).map((name) => `${profiles}/${name}`);
  return new FakeHost({
    files: {
      '/sys/class/net/ens33/address': `${mac}\n`,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${profiles}/${name}`, text])),
    },
    commands: { 'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` } },
    answer: (argv) => {
      if (argv[0] === 'stat') return { stdout: paths.map((path) => `${access} ${path}\n`).join('') };
      return argv.join(' ').includes('is-active --quiet NetworkManager')
        ? {
            stdout: `nmcli tool, version 1.42.4\n--devices\nens33:connected:${uuid}\n--connections\n${uuid}:ens33:${profiles}/ens33.nmconnection\n--leases\nGENERAL.DEVICE:ens33\nDHCP4.OPTION[2]:dhcp_client_identifier = 01:${mac}\n`,
          }
        : { exitCode: 1 };
    },
  });
}

const later = { loadedLater: true } as const;
const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.apply(on, { name: 'br0', port: 'ens33', ...args, ...later });
const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.check(on, { name: 'br0', port: 'ens33', ...args, ...later });
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

describe('refused', () => {
  const refusal = (files: Readonly<Record<string, string>>, args: Partial<BridgeArgs> = {}, access?: string) =>
    expect(check(host(files, access), args)).rejects;

  test('a keyfile that others may read: NetworkManager loads none', async () => {
    await refusal({ 'ens33.nmconnection': original }, {}, '644 0').toThrow(/mode and owner 644 0.*chmod 600/);
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
