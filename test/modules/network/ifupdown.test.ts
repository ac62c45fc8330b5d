import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { formatInterfaces, parseInterfaces } from '../../../lib/formats/interfaces.ts';
import type { CommandStep } from '../../../lib/task/step.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { stanzasOf } from '../../../modules/network/ifupdown/files.ts';
import { loadIfupdown } from '../../../modules/network/ifupdown/load.ts';
import { parseIfstate } from '../../../modules/network/ifupdown/owner.ts';
import { settingsOf } from '../../../modules/network/ifupdown/settings.ts';
import { readLiveBridge } from '../../../modules/network/live.ts';

const mac = '52:54:00:aa:00:01';
const main = '/etc/network/interfaces';

/** What a command printed in a capture. */
function printed(name: string, command: string): string {
  const text = readFileSync(new URL(`../captures/network/${name}.txt`, import.meta.url), 'utf8');
  const [, after = ''] = text.split(`$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

const before = printed('ifupdown-before', `cat ${main}`);
const after = printed('ifupdown-after', `cat ${main}`);
const lease = 'default-duid "\\000\\001\\000\\0012\\233H\\341RT\\000\\252\\000S";\n';

interface Given {
  readonly text?: string;
  readonly more?: Readonly<Record<string, string>>;
  /** The links that ifupdown has brought up. */
  readonly up?: readonly string[];
  readonly tools?: readonly string[];
  /** True where ens33 is a port of br0. */
  readonly isBridged?: boolean;
  /** What `ip -o -4 address show` prints. */
  readonly addresses?: string;
}

const bridgedFiles = {
  '/sys/class/net/br0/bridge/stp_state': '0\n',
  '/sys/class/net/br0/brif/ens33/state': '3\n',
  '/sys/class/net/ens34/address': '52:54:00:aa:00:02\n',
};

function host({
  text = before,
  more = {},
  isBridged = false,
  up = ['lo', isBridged ? 'br0' : 'ens33'],
  tools = ['brctl'],
  addresses = '',
}: Given = {}): FakeHost {
  return new FakeHost({
    files: {
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      '/run/network/ifstate': up.map((link) => `${link}=${link}\n`).join(''),
      [main]: text,
      ...(isBridged && bridgedFiles),
      ...more,
    },
    commands: {
      'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` },
      'cat /sys/class/net/br0/address': { stdout: isBridged ? `${mac}\n` : '' },
      'ip -o -4 address show': { stdout: addresses },
      // Nothing was written since the bridge was brought up.
      [`find ${main} -newer /run/network/ifstate.br0`]: { stdout: '' },
    },
    answer: ([program, ...words]) => {
      const isAsked = program === 'grep' && words.some((word) => word.endsWith('/br0/flags'));
      return isAsked && isBridged ? { stdout: '/sys/class/net/br0/flags:0x1003\n' } : { exitCode: 1 };
    },
    tools,
  });
}

const later = { loadedLater: true } as const;
const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.check(on, { name: 'br0', port: 'ens33', ...args, ...later });
const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.apply(on, { name: 'br0', port: 'ens33', ...args, ...later });

const load = async (on: FakeHost, args: Partial<BridgeArgs> = {}): Promise<readonly CommandStep[]> => {
  const { desired } = bridge({ name: 'br0', port: 'ens33', ...args, ...later });
  return loadIfupdown(on.reader, [{ desired, live: await readLiveBridge(on.reader, 'br0', ['ens33']) }]);
};

const made = `iface ens33 inet manual

auto br0
iface br0 inet dhcp
    bridge_ports ens33
    bridge_stp off
    bridge_fd 0
    bridge_hw ${mac}
iface br0 inet6 auto
`;

describe('what ifupdown says', () => {
  test('of the links that it has brought up', () => {
    expect([...parseIfstate(printed('ifupdown-before', 'cat /run/network/ifstate'))]).toEqual([
      ['lo', 'lo'],
      ['ens33', 'ens33'],
    ]);
    expect(parseIfstate(printed('ifupdown-after', 'cat /run/network/ifstate')).has('ens33')).toBe(false);
  });

  test('of a bridge: the captured file is read as the state', () => {
    const file = {
      path: main,
      text: { path: main, text: after, encoding: 'utf8' as const },
      content: parseInterfaces(after),
    };
    const stanzas = stanzasOf({ files: [file], unread: [] }, 'br0');
    const names = { port: 'ens33', mac: '52:54:00:aa:00:53' };
    expect(settingsOf(stanzas, true, { mac: 'port' }, names)).toEqual({
      ...{ ipv4: 'dhcp', ipv6: 'auto', ipv6Addresses: [], dns: [], search: [], routes: [] },
      ...{ stp: false, delay: 0, mac: 'port', onboot: true },
    });
  });
});

describe('a file of ifupdown', () => {
  test.each([
    ['', 'an empty one'],
    [before, 'the one of a fresh host'],
    [
      'auto lo \\\n  ens33\n# a comment \\\niface ens33 inet dhcp\n\n\tup echo \\\n a',
      'continuations, and no line break at the end',
    ],
  ])('is given back byte for byte %#', (text) => {
    expect(formatInterfaces(parseInterfaces(text))).toBe(text);
  });

  test('a comment ends with its line, also behind a backslash', () => {
    expect(parseInterfaces('# one \\\nauto lo\n').lines).toHaveLength(2);
  });
});

describe('a bridge', () => {
  test('takes the lines of its port over, which stay behind as comments; again nothing changes', async () => {
    const on = host();
    expect((await apply(on)).changed).toBe(true);
    expect(on.files.get(main)).toBe(
      `${before.slice(0, before.indexOf('auto ens33'))}# before br0: auto ens33
# before br0: iface ens33 inet dhcp
# before br0: iface ens33 inet6 auto
# br0: from here on made by kvm-play
${made}# br0: up to here made by kvm-play
`,
    );
    expect((await check(on)).changed).toBe(false);
  });

  test('check writes nothing', async () => {
    const on = host();
    expect((await check(on)).changed).toBe(true);
    expect(on.files.get(main)).toBe(before);
  });

  test.each<readonly [string, string]>([
    ['DHCP', before],
    ['no line break at the end', before.trimEnd()],
    ['several links behind auto', before.replace('auto ens33', 'auto eth1 ens33 eth2')],
    ['allow-hotplug', before.replace('auto ens33', 'allow-hotplug ens33')],
    [
      'static, several stanzas, continuation, comments, options of the link',
      `auto lo
iface lo inet loopback
allow-hotplug ens33
iface ens33 inet static
\taddress 192.168.221.150
\tnetmask 255.255.255.0
\t# the router
\tgateway 192.168.221.1
\tdns-nameservers 192.168.221.1 \\
\t  192.168.221.2
\tup ip route add 10.9.0.0/16 via 192.168.221.9 dev $IFACE
\tethernet-wol g

iface ens33 inet6 static
  address fd00:221::150/64
iface ens34 inet manual
`,
    ],
  ])('absent gives the file back byte for byte: %s', async (_name, text) => {
    const on = host({ text });
    await apply(on);
    expect(on.files.get(main)).not.toBe(text);
    await apply(on, { state: 'absent' });
    expect(on.files.get(main)).toBe(text);
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('is written where its port stands, in a sourced file; nobody else’s lines change', async () => {
    const text = 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n';
    const path = '/etc/network/interfaces.d/ens33';
    const own = 'auto ens33\niface ens33 inet dhcp\n';
    const on = host({ text, more: { [path]: own } });
    await apply(on);
    expect(on.files.get(main)).toBe(text);
    expect(on.files.get(path)).toContain('\nauto br0\niface br0 inet dhcp\n');
    await apply(on, { state: 'absent' });
    expect(on.files.get(path)).toBe(own);
  });

  test('the addresses that it was given later go back to the port with it', async () => {
    const on = host();
    await apply(on);
    await apply(on, { address: '192.168.221.151/24', gateway: '192.168.221.1' });
    expect(on.files.get(main)).toMatch(
      /iface br0 inet static\n {4}address 192\.168\.221\.151\/24\n {4}gateway 192\.168\.221\.1\n {4}bridge_ports ens33\n/,
    );
    expect(on.files.get(main)).toContain('iface br0 inet6 auto\n');
    await apply(on, { state: 'absent' });
    expect(on.files.get(main)).toContain('iface ens33 inet static\n    address 192.168.221.151/24\n');
  });
});

/** A host whose bridge is written and in force. */
async function bridged(args: Partial<BridgeArgs> = {}): Promise<FakeHost> {
  const on = host();
  await apply(on, args);
  return host({ text: on.files.get(main) ?? '', isBridged: true });
}

describe('absent', () => {
  const text = before.replace(
    'iface ens33 inet dhcp',
    'iface ens33 inet static\n  address 192.168.221.150\n  netmask 255.255.255.0\n  gateway 192.168.221.1',
  );
  const named = {
    dns: ['192.168.221.1'],
    search: ['example.org'],
    routes: [{ to: '10.0.0.0/8', via: '192.168.221.9' }],
  };
  const tools = ['brctl', 'resolvconf'];

  test.each<readonly [string, Partial<BridgeArgs>]>([
    ['name servers, search domains and routes', named],
    ['the address that the port had, in other words', { address: '192.168.221.150/24', gateway: '192.168.221.1' }],
    ['an MTU and spanning tree', { mtu: 1400, stp: true }],
  ])('gives the file back byte for byte where the task has named %s', async (_name, args) => {
    const on = host({ text, tools });
    await apply(on, args);
    await apply(on, { ...args, state: 'absent' });
    expect(on.files.get(main)).toBe(text);
  });

  test('gives the port the name servers and routes of the bridge along with another address', async () => {
    const on = host({ text, tools });
    await apply(on, { ...named, address: '192.168.221.151/24', gateway: '192.168.221.1' });
    await apply(on, { state: 'absent' });
    expect(on.files.get(main)).toMatch(
      /address 192\.168\.221\.151\/24[\s\S]*dns-nameservers 192\.168\.221\.1\n[\s\S]*route replace 10\.0\.0\.0\/8/,
    );
  });
});

test('a task that says what the port has already changes none of its lines', async () => {
  const on = host({ text: before.replace('inet dhcp', 'inet dhcp\n  hostname kvm\n  client kvm-1') });
  await apply(on, { bootproto: 'dhcp' });
  expect(on.files.get(main)).toContain('iface br0 inet dhcp\n  hostname kvm\n  client kvm-1\n');
});

test('a second port that has an address is told of, because the host loses it', async () => {
  const addresses = '3: ens34    inet 10.9.0.7/24 brd 10.9.0.255 scope global ens34\\       valid_lft forever\n';
  const on = host({ more: { '/sys/class/net/ens34/address': '52:54:00:aa:00:02\n' }, addresses });
  const given = { name: 'br0', ports: ['ens33', 'ens34'], ...later };
  expect((await bridge.check(on, given)).warnings).toContainEqual(
    expect.stringMatching(/^ens34 has 10\.9\.0\.7\/24: br0 takes over the addresses of ens33 only/),
  );
});

describe('traps of ifupdown', () => {
  test('a DUID per lease file: the bridge gets the one of its port, and nothing is left', async () => {
    const path = '/var/lib/dhcp/dhclient.ens33.leases';
    const on = host({ more: { [path]: `${lease}lease {\n  interface "ens33";\n}\n` } });
    await apply(on);
    expect(on.files.get('/var/lib/dhcp/dhclient.br0.leases')).toBe(lease);
    await apply(on, { state: 'absent' });
    expect(on.files.has('/var/lib/dhcp/dhclient.br0.leases')).toBe(false);
    expect(on.files.get(path)).toContain(lease);
  });

  test('without brctl nothing would be made', async () => {
    await expect(apply(host({ tools: [] }))).rejects.toThrow(/no brctl.*\n?.*apt-get install bridge-utils/);
  });

  test('ifdown with the new file leaves the old dhclient running: the old stanzas are given to it, written or not', async () => {
    const on = host();
    const first = (await load(on)).map(({ argv }) => argv);
    await apply(on);
    expect((await load(on)).map(({ argv }) => argv)).toEqual(first);
    const [check, make, down, up, handOver, ...more] = first;
    expect(check).toEqual(['ifup', '--no-act', '--force', 'br0']);
    expect(make).toEqual(['ip', 'link', 'add', 'name', 'br0', 'address', mac, 'type', 'bridge']);
    expect(down?.[2]).toContain('ifdown --force');
    expect(down?.slice(4)).toEqual(['iface ens33 inet dhcp\niface ens33 inet6 auto\n', 'ens33']);
    expect(up).toEqual(['ifup', 'br0']);
    expect([handOver?.at(-1), more]).toEqual(['br0', []]);
  });

  test('without ifdown of the port there are two dhclients: it comes before ifup of the bridge', async () => {
    const names = (await load(host())).map(({ argv }) => argv.join(' '));
    const [down, up] = [names.findIndex((line) => line.includes('ifdown')), names.indexOf('ifup br0')];
    expect(down).toBeGreaterThan(0);
    expect(up).toBeGreaterThan(down);
  });

  test('a unit kills, or keeps, the dhclient that ifup has started: the client gets a scope of its own', async () => {
    const steps = await load(host());
    const at = steps.findIndex(({ argv }) => argv.join(' ') === 'ifup br0');
    expect(steps[at + 1]?.argv[2]).toContain('StartTransientUnit');
    expect(steps[at + 1]?.judgedBy).toBe('state');
  });

  test('bridge_hw sleeps a second in Debian’s script: the bridge has its MAC before the port is taken down', async () => {
    const [, make, down] = await load(host());
    expect(make?.argv).toEqual(['ip', 'link', 'add', 'name', 'br0', 'address', mac, 'type', 'bridge']);
    expect(down?.argv.join(' ')).toContain('ifdown');
  });

  test('ifup fails with the link already down: the files are checked while it is up', async () => {
    const [check] = await load(host());
    expect(check?.argv).toEqual(['ifup', '--no-act', '--force', 'br0']);
    expect(check?.judgedBy).toBeUndefined();
  });

  test('ifup blocks for a minute without a DHCP server: its time is longer than that', async () => {
    const up = (await load(host())).find(({ argv }) => argv.join(' ') === 'ifup br0');
    expect(up?.timeLimit).toBeGreaterThan(63);
  });

  test('a second load makes the bridge anew where it restarts networking: this one takes nothing down', async () => {
    const names = (await load(await bridged())).map(({ argv }) => argv.join(' '));
    expect(names).toEqual(['ifup --no-act --force br0']);
  });

  test('ifup does nothing for a bridge in ifstate: with other addresses it is taken down first, and guests stay in', async () => {
    const steps = await load(await bridged(), { address: '192.168.221.151/24', gateway: '192.168.221.1' });
    const down = steps.findIndex(({ argv }) => argv[2]?.includes('ifdown'));
    expect(steps[down]?.argv.slice(4)).toEqual(['iface br0 inet dhcp\niface br0 inet6 auto\n', 'br0']);
    expect(steps[down + 1]?.argv).toEqual(['ifup', 'br0']);
    expect(steps.flatMap(({ undo }) => undo?.withNewFiles ?? []).join(' ')).not.toMatch(/bridge_|rm -f/);
  });

  test('the port keeps addrgenmode none, which only a link that is down takes back', async () => {
    const lines = (await load(await bridged(), { state: 'absent' })).map(({ argv }) => argv.join(' '));
    const mode = lines.indexOf('ip link set dev ens33 addrgenmode eui64');
    expect(lines.slice(mode - 1, mode + 2)).toEqual([
      'ip link set dev ens33 down',
      'ip link set dev ens33 addrgenmode eui64',
      'ifup ens33',
    ]);
  });

  test('left behind are ifstate, pid files and leases of the bridge: absent and the way back remove them', async () => {
    const files = ['/run/network/ifstate.br0', '/run/dhclient.br0.pid', '/run/dhclient6.br0.pid'];
    const leases = ['/var/lib/dhcp/dhclient.br0.leases', '/var/lib/dhcp/dhclient6.br0.leases'];
    expect((await load(await bridged(), { state: 'absent' })).at(-1)?.argv).toEqual([
      'rm',
      '-f',
      '--',
      ...leases,
      ...files,
    ]);
    const undo = (await load(host())).flatMap((step) => step.undo ?? []);
    expect(undo.flatMap(({ withNewFiles = [] }) => withNewFiles).at(-1)).toEqual([
      'rm',
      '-f',
      '--',
      ...leases,
      ...files,
    ]);
    expect(undo.flatMap(({ atBoot = [] }) => atBoot)).toEqual([['rm', '-f', '--', ...leases]]);
    // What was there before belongs to somebody else.
    const old = await load(host({ more: { [leases[0] ?? '']: lease } }));
    expect(old.flatMap(({ undo: way }) => way?.atBoot ?? [])).toEqual([['rm', '-f', '--', leases[1]]]);
  });

  test('dns-nameservers needs resolvconf, and without it nothing reads them', async () => {
    await expect(apply(host(), { dns: ['192.168.221.1'] })).rejects.toThrow(/no resolvconf/);
  });

  test('a name of more than 15 characters makes a cut-off bridge and a dead link', async () => {
    await expect(apply(host(), { name: 'bridge0123456789' })).rejects.toThrow(/1 to 15 letters/);
  });

  test('a port that does not exist leaves the bridge without a carrier, and ifup says nothing', async () => {
    await expect(apply(host(), { port: 'ens99' })).rejects.toThrow(/ens99/);
  });

  test('a br0 made by hand does not get the MAC', async () => {
    await expect(apply(host({ more: bridgedFiles }))).rejects.toThrow(/br0 exists already, and no file describes it/);
  });

  test('the MTU of the bridge is the port’s too, from one line', async () => {
    const on = host();
    await apply(on, { mtu: 1400 });
    expect(on.files.get(main)?.match(/mtu 1400/g)).toHaveLength(1);
    expect(on.files.get(main)).toMatch(/iface br0 inet dhcp\n(?: {4}.*\n)* {4}mtu 1400\n/);
  });

  test('a restart of networking throws guests out of the bridge: no load restarts it', async () => {
    const on = host();
    const all = [...(await load(on)), ...(await load(on, { state: 'absent' }))];
    expect(JSON.stringify(all)).not.toMatch(/systemctl/);
  });

  test('the way back takes the bridge down by what it was brought up with, and is before networking at boot', async () => {
    const undo = (await load(host())).flatMap((step) => step.undo ?? []);
    const [up, handOver] = undo.flatMap(({ withOldFiles = [] }) => withOldFiles);
    expect([up, handOver?.at(-1)]).toEqual([['ifup', '--ignore-errors', 'ens33'], 'ens33']);
    expect(undo.flatMap(({ before: units = [] }) => units)).toEqual(['networking.service', 'ifup@ens33.service']);
    const [down = []] = undo.flatMap(({ withNewFiles = [] }) => withNewFiles);
    expect(down.slice(4)).toEqual(['iface br0 inet dhcp\niface br0 inet6 auto\n', 'br0']);
  });

  test.each<readonly [string, string, RegExp]>([
    [
      'a hook that names the port',
      'iface ens33 inet dhcp\n up ip route add 10.0.0.0/8 dev ens33\n',
      /names ens33 .*write \$IFACE/,
    ],
    ['what is inherited', 'iface ens33 inet dhcp inherits office\n', /inherits office/],
    ['an alias', 'iface ens33 inet dhcp\niface ens33:1 inet static\n address 10.0.0.1/8\n', /ens33:1 is an alias/],
    ['another bridge', 'iface ens33 inet dhcp\niface br9 inet manual\n bridge-ports ens33\n', /a port of br9 already/],
    ['a method of another kind', 'iface ens33 inet ppp\n', /'inet ppp'/],
    ['a source that is not followed', 'source /etc/*/x\niface ens33 inet dhcp\n', /only patterns in the last part/],
  ])('%s is refused', async (_name, text, words) => {
    await expect(apply(host({ text }))).rejects.toThrow(words);
  });
});

test('ifupdown2 is refused by name, because its reload throws guests off the bridge', async () => {
  const on = new FakeHost({
    files: {
      '/sys/class/net/ens33/address': `${mac}\n`,
      '/run/network/ifstatelock': '',
      '/usr/share/ifupdown2/__init__.py': '',
      [main]: printed('ifupdown2-before', `cat ${main}`),
    },
    answer: () => ({ exitCode: 1 }),
  });
  await expect(apply(on)).rejects.toThrow(/ifupdown2 owns ens33: .*throws the guests of a bridge out of it/);
});

test.each(['wicked', 'ConnMan', 'dhcpcd'])('%s is refused by name', async (title) => {
  const word = { wicked: 'wickedd', ConnMan: 'connman', dhcpcd: 'dhcpcd' }[title] ?? '';
  const on = new FakeHost({
    files: { '/sys/class/net/ens33/address': `${mac}\n` },
    answer: (argv) => (argv[2]?.includes(`--quiet ${word}`) ? { stdout: 'ens33\n' } : { exitCode: 3 }),
  });
  await expect(apply(on)).rejects.toThrow(new RegExp(`${title} owns ens33`));
});
