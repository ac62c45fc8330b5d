import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UnsupportedChangeError } from '../../../lib/errors.ts';
import type { Step } from '../../../lib/task/step.ts';
import { type FakeAnswer, FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { ifcfgBridge } from '../../../modules/ifcfg_bridge.ts';
import { routesOf, withRoutes } from '../../../modules/network/network_scripts/ifcfg/routes.ts';
import { loadNetworkScripts } from '../../../modules/network/network_scripts/load.ts';
import { findOwnedByNetworkScripts } from '../../../modules/network/network_scripts/owner.ts';
import { network } from '../../../modules/network.ts';
import { service } from '../../../modules/service.ts';
import { runs } from '../../support/runs.ts';

const scripts = '/etc/sysconfig/network-scripts';
const mac = '52:54:00:aa:00:01';
const ens33 = [
  ...['DEVICE=ens33', 'NAME=ens33', 'UUID=f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11', 'TYPE=Ethernet', 'BOOTPROTO=dhcp'],
  ...['DEFROUTE=yes', 'ONBOOT=yes', ''],
].join('\n');
const fixedEns33 = `TYPE=Ethernet
BOOTPROTO=none
DEVICE=ens33
# the office
IPADDR=192.168.221.150
NETMASK=255.255.255.0
IPADDR1=192.168.221.151
PREFIX1=24
GATEWAY=192.168.221.1
DNS1=192.168.221.7
DNS2=192.168.221.8
DOMAIN="corp.test example.org"
IPV6INIT=yes
IPV6_AUTOCONF=no
IPV6ADDR=fd00:221::150/64
IPV6ADDR_SECONDARIES="FD00:221:0::151/64 fd00:221::152"
IPV6_DEFAULTGW=fe80::1%ens33
ONBOOT=yes
`;

interface Given {
  /** Texts of the files in the scripts' directory. */
  readonly files?: Readonly<Record<string, string>>;
  /** What `systemctl is-active network` says. */
  readonly unit?: string;
  /** What NetworkManager says of its devices; undefined where it does not run. */
  readonly manager?: string;
  /** Links that are down. */
  readonly down?: readonly string[];
  readonly more?: Readonly<Record<string, string>>;
  /** Answers of other commands. */
  readonly answer?: (argv: readonly string[]) => FakeAnswer | undefined;
}

/** A host with network scripts and two interfaces. */
function host({
  files = { 'ifcfg-ens33': ens33 },
  unit = 'active',
  manager,
  down = [],
  more = {},
  answer,
}: Given = {}) {
  const macs: Readonly<Record<string, string>> = { ens33: mac, ens34: '52:54:00:aa:00:02' };
  const flags = (argv: readonly string[]): string =>
    argv
      .filter((word) => word.endsWith('/flags') && Object.keys(macs).some((link) => word.includes(`/${link}/`)))
      .map((word) => `${word}:0x100${down.some((link) => word.includes(`/${link}/`)) ? 2 : 3}\n`)
      .join('');
  return new FakeHost({
    files: {
      '/etc/os-release': 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n',
      '/etc/init.d/network': '',
      '/etc/sysconfig/network': '',
      '/usr/sbin/NetworkManager': '',
      [`${scripts}/ifup`]: '',
      [`${scripts}/ifcfg-lo`]: 'DEVICE=lo\nIPADDR=127.0.0.1\n',
      '/sys/class/net/lo/address': '',
      ...Object.fromEntries(Object.entries(macs).map(([link, text]) => [`/sys/class/net/${link}/address`, text])),
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${scripts}/${name}`, text])),
      ...more,
    },
    commands: Object.fromEntries(
      Object.entries(macs).map(([link, text]) => [`cat /sys/class/net/${link}/address`, { stdout: `${text}\n` }]),
    ),
    answer: (argv) => {
      const line = argv.join(' ');
      const other = answer?.(argv);
      if (other !== undefined) return other;
      if (line === 'systemctl is-active network') return { stdout: `${unit}\n`, exitCode: unit === 'active' ? 0 : 3 };
      if (line.includes('nmcli')) return manager === undefined ? { exitCode: 3 } : { stdout: manager };
      if (line.startsWith('grep -s') && line.includes('/flags')) return { stdout: flags(argv) };
      if (line.startsWith('grep -owE')) return { stdout: 'brctl\nbc\n' };
      return { exitCode: 1 };
    },
  });
}

const later = { loadedLater: true } as const;
const named = (args: Partial<BridgeArgs>): BridgeArgs & typeof later => ({
  name: 'br0',
  ...(args.ports === undefined && { port: 'ens33' }),
  ...args,
  ...later,
});
const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.check(on, named(args));
const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.apply(on, named(args));

function written(on: FakeHost): Record<string, string> {
  return Object.fromEntries(
    [...on.files].flatMap(([path, text]) => {
      if (path.startsWith('/etc/sysctl.d/')) return [[path, text]];
      return path.startsWith(`${scripts}/`) && !/\/(?:ifup|ifcfg-lo)$/.test(path)
        ? [[path.slice(scripts.length + 1), text]]
        : [];
    }),
  );
}

const brief = (step: Step): string =>
  step.kind === 'command' ? step.argv.join(' ') : `${step.kind} ${step.path.replace(`${scripts}/`, '')}`;

describe('who owns a link', () => {
  const owned = async (given: Given) => findOwnedByNetworkScripts(host(given).reader, ['ens33', 'br0']);

  test('the network scripts: it has a file, the service was started, NetworkManager does not have it', async () => {
    expect(await owned({})).toEqual({
      links: [{ link: 'ens33', file: `${scripts}/ifcfg-ens33`, id: 'f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11' }],
      seen: `the service network has ens33 by ${scripts}/ifcfg-ens33, br0 has no ifcfg file`,
    });
    const byDevice = await owned({ files: { 'ifcfg-uplink': ens33 } });
    expect(byDevice.links.map(({ file }) => file)).toEqual([`${scripts}/ifcfg-uplink`]);
    // Its exit status is no truth, and a link that somebody else has given its address is NetworkManager's only to look at.
    expect((await owned({ unit: 'failed' })).links).toHaveLength(1);
    expect((await owned({ manager: 'ens33:connected (externally)\nlo:unmanaged\n' })).links).toHaveLength(1);
    expect((await owned({ manager: 'ens33:unmanaged\n' })).links).toHaveLength(1);
  });

  test.each<[string, Given, string]>([
    [
      'NetworkManager has it',
      { manager: 'ens33:connected\n' },
      `ens33 has ${scripts}/ifcfg-ens33, and NetworkManager has it connected`,
    ],
    ['NetworkManager is at it', { manager: 'ens33:connecting (getting IP configuration)\n' }, 'has it connecting'],
    [
      'the service was never started',
      { unit: 'inactive' },
      'there are ifcfg files, and the service network is inactive',
    ],
    ['it is down', { down: ['ens33'] }, `ens33 has ${scripts}/ifcfg-ens33, and is down`],
    ['it has no file', { files: { 'ifcfg-eth7': 'DEVICE=eth7\n' } }, 'ens33 has no ifcfg file'],
    ['there are no files', { files: {}, more: { [`${scripts}/ifcfg-lo`]: '' } }, 'has no ifcfg file'],
  ])('not they: %s', async (_what, given, seen) => {
    const found = await owned(given);
    expect(found.links).toEqual([]);
    expect(found.seen).toContain(seen);
  });

  test('the bridge is refused with what was seen', async () => {
    await expect(check(host({ manager: 'ens33:connected\n' }))).rejects.toThrow(
      /no network stack .* owns ens33: .*NetworkManager has it connected/,
    );
    await expect(check(host(), { backend: 'networkd' })).rejects.toThrow(
      /'backend' is networkd, and network-scripts owns ens33/,
    );
    expect((await check(host(), { backend: 'network-scripts' })).changed).toBe(true);
  });
});

describe('a bridge', () => {
  test('asks the DHCP server as its port did, with the MAC of its port', async () => {
    const on = host();
    const { steps } = await apply(on);
    expect(steps.map(brief)).toEqual(['write ifcfg-br0', 'write ifcfg-ens33']);
    expect(written(on)).toEqual({
      'ifcfg-br0': `DEVICE="br0"
TYPE="Bridge"
NM_CONTROLLED="no"
BOOTPROTO="dhcp"
DELAY="0"
MACADDR="${mac}"
ONBOOT="yes"
DEFROUTE=yes
`,
      'ifcfg-ens33': `DEVICE=ens33
NAME=ens33
UUID=f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11
TYPE=Ethernet
# before br0: BOOTPROTO = dhcp
# before br0: DEFROUTE = yes
ONBOOT=yes
BRIDGE=br0
# before br0: no NM_CONTROLLED
NM_CONTROLLED=no
`,
    });
    expect((await check(on)).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ 'ifcfg-ens33': ens33 });
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('takes over addresses of both families, gateways, name servers, search domains, routes and rules', async () => {
    const files = {
      'ifcfg-ens33': fixedEns33,
      'route-ens33': '10.9.0.0/16 via 192.168.221.9 dev ens33 metric 50\n',
      'route6-ens33': 'fd00:9::/48 via fd00:221::9 dev ens33\n',
      'rule-ens33': 'iif ens33 table 100\n',
    };
    const on = host({ files });
    await apply(on);
    const { 'ifcfg-br0': text = '', ...others } = written(on);
    for (const line of fixedEns33
      .split('\n')
      .filter((each) => /^(?:IP|GATEWAY|DNS|DOMAIN|PREFIX|NETMASK)/.test(each))) {
      expect(text.replaceAll('"', '')).toContain(line.replaceAll('"', '').replace('%ens33', '%br0'));
    }
    expect(others).toMatchObject({
      'route-br0': '10.9.0.0/16 via 192.168.221.9 dev br0 metric 50\n',
      'route6-br0': 'fd00:9::/48 via fd00:221::9 dev br0\n',
      'rule-br0': 'iif br0 table 100\n',
      // The scripts would refuse a router's advertisements only once the bridge is up.
      '/etc/sysctl.d/90-kvm-play-br0.conf': expect.stringContaining('net.ipv6.conf.br0.accept_ra = 0'),
    });
    const { after, changed } = await check(on);
    expect(changed).toBe(false);
    expect(after.bridge).toMatchObject({
      ipv4: ['192.168.221.150/24', '192.168.221.151/24'],
      gateway: '192.168.221.1',
      ipv6: 'static',
      ipv6Addresses: ['fd00:221::150/64', 'fd00:221::151/64', 'fd00:221::152/64'],
      ipv6Gateway: 'fe80::1',
      dns: ['192.168.221.7', '192.168.221.8'],
      search: ['corp.test', 'example.org'],
      routes: [
        { to: '10.9.0.0/16', via: '192.168.221.9', metric: 50 },
        { to: 'fd00:9::/48', via: 'fd00:221::9' },
      ],
      stp: false,
    });
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual(files);
  });

  const everything: Partial<BridgeArgs> = {
    addresses: ['192.168.221.150/24', '10.5.0.1/16'],
    gateway: '192.168.221.1',
    ipv6: 'static',
    ipv6Addresses: ['FD00:221:0::150/64', 'fd00:5::1/64'],
    ipv6Gateway: 'fd00:221::1',
    dns: ['192.168.221.7'],
    search: ['corp.test', 'example.org'],
    routes: [
      { to: 'fd00:9::/48', via: 'fd00:221::9', table: 100 },
      { to: '10.9.0.0/16', via: '192.168.221.9', metric: 50 },
    ],
    stp: true,
    delay: 4,
    mtu: 1400,
    zone: 'internal',
  };

  test('has what the task names, in the scripts’ keys', async () => {
    const on = host({ files: { 'ifcfg-ens33': ens33.replace('DEFROUTE', 'DNS2=1.1.1.1\nDEFROUTE') } });
    await apply(on, everything);
    const { 'ifcfg-br0': text, ...others } = written(on);
    expect(text).toBe(`DEVICE="br0"
TYPE="Bridge"
NM_CONTROLLED="no"
BOOTPROTO="static"
DELAY="4"
IPADDR="192.168.221.150"
PREFIX="24"
IPADDR1="10.5.0.1"
PREFIX1="16"
GATEWAY="192.168.221.1"
IPV6INIT="yes"
IPV6ADDR="fd00:221::150/64"
IPV6ADDR_SECONDARIES="fd00:5::1/64"
IPV6_DEFAULTGW="fd00:221::1"
IPV6_AUTOCONF="no"
DNS1="192.168.221.7"
DOMAIN="corp.test example.org"
STP="on"
MTU="1400"
MACADDR="${mac}"
ZONE="internal"
ONBOOT="yes"
DEFROUTE=yes
`);
    expect(others).toMatchObject({
      'route-br0': '10.9.0.0/16 via 192.168.221.9 dev br0 metric 50\n',
      'route6-br0': 'fd00:9::/48 via fd00:221::9 dev br0 table 100\n',
      'ifcfg-ens33': expect.stringContaining('MTU=1400\n'),
    });
    expect((await check(on, everything)).changed).toBe(false);
  });

  test('changes what the task names anew, and leaves the rest', async () => {
    const on = host();
    await apply(on, everything);
    const less: Partial<BridgeArgs> = { ...everything, addresses: ['192.168.221.160/24'], routes: [], search: [] };
    const { steps } = await apply(on, less);
    expect(steps.map(brief)).toEqual(['write ifcfg-br0', 'remove route-br0', 'remove route6-br0']);
    const text = written(on)['ifcfg-br0'];
    expect(text).toContain('IPADDR="192.168.221.160"\nPREFIX="24"\nGATEWAY="192.168.221.1"\n');
    expect(text).not.toMatch(/IPADDR1|PREFIX1|DOMAIN/);
    expect((await check(on, less)).changed).toBe(false);
    expect((await check(on)).changed).toBe(false);
    expect((await check(on, { state: 'absent' })).warnings).toEqual([
      'ens33 keeps its MTU of 1400 bytes until the next boot: its file names none, and then the scripts set none',
    ]);
    await apply(on, { bootproto: 'none' });
    expect(written(on)['ifcfg-br0']).not.toMatch(/IPADDR|GATEWAY/);
    expect((await check(on, { bootproto: 'none' })).changed).toBe(false);
  });

  test('of ipv6: false has none of its port’s addresses', async () => {
    const on = host({ files: { 'ifcfg-ens33': fixedEns33 } });
    await apply(on, { ipv6: false });
    expect(written(on)['ifcfg-br0']).toMatch(/^IPV6INIT="no"$/m);
    expect(written(on)['ifcfg-br0']).not.toMatch(/IPV6ADDR|IPV6_DEFAULTGW/);
    expect(written(on)['/etc/sysctl.d/90-kvm-play-br0.conf']).toContain('disable_ipv6 = 1');
    expect((await check(on, { ipv6: false })).changed).toBe(false);
    // Without the kernel parameter the bridge takes what routers advertise, whatever its file says.
    on.files.delete('/etc/sysctl.d/90-kvm-play-br0.conf');
    expect((await check(on, { ipv6: false })).changed).toBe(true);
    expect((await check(on)).changed).toBe(false);
  });

  test('has several ports: the addresses of the first one move, those of the others are told of', async () => {
    const second = 'DEVICE=ens34\nBOOTPROTO=dhcp\nONBOOT=no\nMTU=9000\n';
    const files = { 'ifcfg-ens33': ens33, 'ifcfg-ens34': second };
    const addresses = '3: ens34    inet 10.9.0.7/24 brd 10.9.0.255 scope global dynamic ens34\\       valid_lft 9sec\n';
    const on = host({
      files,
      answer: (argv) => (argv.join(' ') === 'ip -o -4 address show' ? { stdout: addresses } : undefined),
    });
    const args = { ports: ['ens33', 'ens34'] };
    expect((await check(on, args)).warnings).toEqual([
      expect.stringMatching(/^ens34 has 10\.9\.0\.7\/24: br0 takes over the addresses of ens33 only/),
    ]);
    await apply(on, args);
    expect(written(on)['ifcfg-ens34']).toBe(
      'DEVICE=ens34\n# before br0: BOOTPROTO = dhcp\n# before br0: ONBOOT = no\nONBOOT=yes\nMTU=9000\nBRIDGE=br0\n# before br0: no NM_CONTROLLED\nNM_CONTROLLED=no\n',
    );
    expect((await check(on, args)).changed).toBe(false);
    await expect(check(on, { state: 'absent' })).rejects.toThrow(/ifcfg-ens34 needs br0 too/);
    // A network change would take a port that leaves unannounced for a guest that has lost its bridge.
    const { network: expected } = await bridge(named({ ...args, state: 'absent' })).read(on.reader);
    expect(expected.links.map(({ link }) => link)).toEqual(['ens33', 'br0', 'ens34']);
    await apply(on, { ...args, state: 'absent' });
    expect(written(on)).toEqual(files);
    const withoutFile = host();
    await apply(withoutFile, args);
    expect(written(withoutFile)['ifcfg-ens34']).toContain('DEVICE=ens34\nTYPE=Ethernet\n');
  });

  test('whose port’s file lacks what makes it one is not as wanted', async () => {
    const on = host();
    await apply(on);
    const file = `${scripts}/ifcfg-ens33`;
    on.files.set(file, (on.files.get(file) ?? '').replace('ONBOOT=yes', 'ONBOOT=no'));
    expect((await check(on)).changed).toBe(true);
    await apply(on);
    expect((await check(on)).changed).toBe(false);
    on.files.set(`${scripts}/route-ens33`, '10.0.0.0/8 via 192.168.221.9\n');
    expect((await apply(on)).steps.map(brief)).toEqual(['write route-br0', 'remove route-ens33']);
  });

  test('whose file makes no bridge is written anew', async () => {
    const on = host({ files: { 'ifcfg-ens33': ens33, 'ifcfg-br0': 'DEVICE=br0\nTYPE=bridge\nONBOOT=yes\n' } });
    await apply(on);
    expect(written(on)['ifcfg-br0']).toMatch(/^TYPE=Bridge$/m);
    expect((await check(on)).changed).toBe(false);
  });

  test('present and then absent is as it was, byte for byte, whatever the port’s file says', async () => {
    const values = fc.constantFrom('yes', 'no', '"yes"', "'a b'  # why", '1500', '', '"x\\"y"');
    const keys = [
      'DEFROUTE',
      'PEERDNS',
      'DNS1',
      'DOMAIN',
      'ZONE',
      'MTU',
      'ONBOOT',
      'NM_CONTROLLED',
      'IPV6INIT',
      'NAME',
    ];
    const other = fc.constantFrom('', '# a comment', '  ', 'BOOTPROTO=dhcp', 'GATEWAYDEV=ens33', 'IPADDR2=10.0.0.1');
    const line = fc.oneof(
      fc.tuple(fc.constantFrom(...keys), values).map(([key, value]) => `${key}=${value}`),
      other,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.boolean(), async (lines, isStatic) => {
        const address = isStatic ? ['BOOTPROTO=none', 'IPADDR=192.168.221.150', 'PREFIX=24'] : [];
        const text = ['DEVICE=ens33', ...lines, ...address, ''].join('\n');
        const on = host({ files: { 'ifcfg-ens33': text } });
        await apply(on);
        expect((await check(on)).changed).toBe(false);
        await apply(on, { state: 'absent' });
        expect(written(on)).toEqual({ 'ifcfg-ens33': text });
      }),
      { numRuns: runs(60) },
    );
  });
});

describe('refused', () => {
  test.each<[string, Given, Partial<BridgeArgs>, RegExp]>([
    ['four name servers', {}, { dns: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] }, /at most three name servers/],
    [
      'routes of a second port, which would do nothing',
      { files: { 'ifcfg-ens33': ens33, 'route-ens34': '10.0.0.0/8 via 192.168.221.9\n' } },
      { ports: ['ens33', 'ens34'] },
      /route-ens34 would do nothing once ens34 is a port of br0; move its lines to a file of ens33/,
    ],
    [
      'a gateway outside of the addresses’ subnet, which the scripts pass over without a word (case 6b)',
      { files: { 'ifcfg-ens33': fixedEns33 } },
      { address: '10.0.0.5/24' },
      /would have the gateway 192\.168\.221\.1, which is not in the subnet/,
    ],
    [
      'CRLF line ends (case 21)',
      { files: { 'ifcfg-ens33': ens33.replaceAll('\n', '\r\n') } },
      {},
      /ends in a carriage return/,
    ],
    ['a bond’s port', { files: { 'ifcfg-ens33': `${ens33}MASTER=bond0\n` } }, {}, /belongs to the bond bond0/],
    [
      'a bridge that somebody made by hand',
      { more: { '/sys/class/net/br0/bridge/stp_state': '0\n' } },
      {},
      /no file describes it: somebody made it by hand/,
    ],
  ])('%s', async (_what, given, args, message) => {
    const on = host(given);
    const before = written(on);
    await expect(check(on, args)).rejects.toThrow(UnsupportedChangeError);
    await expect(apply(on, args)).rejects.toThrow(message);
    expect(written(on)).toEqual(before);
  });
});

describe('files of routes', () => {
  const context = { device: 'br0', tables: new Map([['100', 'uplink']]) };
  const text = `# to the branch
default via 192.168.221.1 dev br0
10.9.0.0/16 via 192.168.221.9 metric 50
to 10.8.0.7 dev br0
fd00:0:9::/48 via FD00:221::9 table uplink
10.7.0.0/16 via 192.168.221.9 src 192.168.221.150
`;

  test('hold routes in the words of ip', () => {
    expect(routesOf(text, context)).toEqual([
      { to: '10.9.0.0/16', via: '192.168.221.9', metric: 50 },
      { to: '10.8.0.7/32' },
      { to: 'fd00:0:9::/48', via: 'fd00:221::9', table: 100 },
      // It says more than a task could.
      { to: '10.7.0.0/16 via 192.168.221.9 src 192.168.221.150' },
    ]);
  });

  test('hold routes by keys', () => {
    const keys =
      'ADDRESS0=10.9.0.0\nNETMASK0=255.255.0.0\nGATEWAY0=192.168.221.9\nADDRESS1=0.0.0.0\nNETMASK1=0.0.0.0\nGATEWAY1=192.168.221.1\n';
    expect(routesOf(keys, context)).toEqual([{ to: '10.9.0.0/16', via: '192.168.221.9' }]);
    expect(withRoutes(keys, [{ to: '10.8.0.0/16' }], context)).toBe(
      'default via 192.168.221.1 dev br0\n10.8.0.0/16 dev br0\n',
    );
  });

  test('get others in their place; comments and the default route stay', () => {
    expect(withRoutes(text, [{ to: '10.8.0.0/16', via: '192.168.221.9', table: 7 }], context)).toBe(
      '# to the branch\ndefault via 192.168.221.1 dev br0\n10.8.0.0/16 via 192.168.221.9 dev br0 table 7\n',
    );
    expect(withRoutes('10.9.0.0/16 via 192.168.221.9\n', [], context)).toBe('');
  });
});

describe('what loads it', () => {
  const shown = (active: string): string =>
    `Id=network.service\nLoadState=loaded\nActiveState=${active}\nSubState=exited\nUnitFileState=enabled\nType=oneshot\nSourcePath=/etc/rc.d/init.d/network\nWantedBy=multi-user.target\n`;

  const withUnit = (active: string, manager?: string): FakeHost =>
    host({
      unit: active,
      ...(manager !== undefined && { manager }),
      answer: ([program, verb]) => {
        if (program !== 'systemctl') return undefined;
        return verb === 'show'
          ? { stdout: shown(active) }
          : verb === 'is-enabled'
            ? { stdout: 'enabled\n' }
            : undefined;
      },
    });

  test.each(['active', 'failed'])('is what service does to `network` that is %s', async (active) => {
    const on = withUnit(active);
    const own = await loadNetworkScripts(on.reader);
    const reflected = ifcfgBridge({ name: 'br0', port: 'ens33' });
    const read = await service({ name: 'network', reflects: [reflected] }).read(on.reader);
    expect(own).toEqual(read.plan([{ path: 'in force.br0', wanted: 'loaded', actual: 'not' }]));
    expect(own.map(brief).at(-1)).toBe(`systemctl ${active === 'active' ? 'restart' : 'start'} network`);
  });

  test.each([
    ['bridge', bridge({ name: 'br0', port: 'ens33' })],
    ['ifcfg_bridge', ifcfgBridge({ name: 'br0', port: 'ens33' })],
  ] as const)('network, of what %s has written, once it is due', async (_module, task) => {
    const read = await network({ reflects: [task] }).read(withUnit('active').reader);
    expect(read.differences).toEqual([]);
    expect(read.plan([])).toEqual([]);
    const due = (path: string) => [{ path, wanted: 'loaded', actual: 'not' }];
    expect(read.plan(due('in force.br0.live.br0')).map(brief)).toEqual(['systemctl restart network']);
    expect(read.plan(due('in force.br01'))).toEqual([]);
  });

  test('ifcfg_bridge needs no owner: NetworkManager may still have the port', async () => {
    const task = ifcfgBridge({ name: 'br0', port: 'ens33' });
    const read = await network({ reflects: [task] }).read(withUnit('active', 'ens33:connected\n').reader);
    expect(read.plan([{ path: 'in force.br0', wanted: 'loaded', actual: 'not' }])).toHaveLength(1);
  });
});
