import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ArgumentError, MissingError, UnsupportedChangeError } from '../../lib/errors.ts';
import { differences } from '../../lib/task/diff.ts';
import type { Step } from '../../lib/task/step.ts';
import { FakeHost } from '../../lib/testing/index.ts';
import { type IfcfgBridgeArgs, ifcfgBridge } from '../../modules/ifcfg_bridge.ts';
import { runs } from '../support/runs.ts';

const scripts = '/etc/sysconfig/network-scripts';
const mac = '52:54:00:aa:00:01';
const dhcpArgs: IfcfgBridgeArgs = { name: 'br0', port: 'ens33' };
const staticArgs: IfcfgBridgeArgs = {
  ...dhcpArgs,
  bootproto: 'static',
  address: '192.168.221.150/24',
  gateway: '192.168.221.1',
};

/** The post's own interface, as the captures began with it. */
const ens33 = [
  ...['DEVICE=ens33', 'NAME=ens33', 'UUID=f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11', 'TYPE=Ethernet', 'BOOTPROTO=dhcp'],
  ...['DEFROUTE=yes', 'ONBOOT=yes', ''],
].join('\n');
const staticEns33 = [
  ...['TYPE="Ethernet"', 'BOOTPROTO=none', 'DEVICE=ens33', '# the office', 'IPADDR=192.168.221.150  # since 2017'],
  ...['NETMASK=255.255.255.0', 'GATEWAY=192.168.221.1', 'DNS1=192.168.221.1', 'ZONE=internal', 'ONBOOT=yes', ''],
].join('\n');
const postBridge = [
  ...[
    'DEVICE="br0"',
    'BOOTPROTO="dhcp"',
    'IPV6INIT="yes"',
    'IPV6_AUTOCONF="yes"',
    'NM_CONTROLLED="no"',
    'ONBOOT="yes"',
  ],
  ...['TYPE="Bridge"', 'DELAY="0"', ''],
].join('\n');
const bridgeWithMac = `${postBridge}MACADDR="${mac}"\n`;

/** A CentOS 7 with some files in the scripts' directory. */
function el7(files: Record<string, string>, more: Record<string, string> = {}, tools?: readonly string[]): FakeHost {
  const inScripts = Object.entries(files).map(([name, text]) => [`${scripts}/${name}`, text]);
  return new FakeHost({
    files: {
      '/etc/os-release': 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n',
      '/etc/init.d/network': '',
      '/etc/sysconfig/network': '# Created by anaconda\n',
      [`${scripts}/ifup`]: '',
      [`${scripts}/ifcfg-lo`]: 'DEVICE=lo\nIPADDR=127.0.0.1\n',
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      ...Object.fromEntries(inScripts),
      ...more,
    },
    commands: {
      'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` },
      [`grep -owE brctl|bc ${scripts}/ifup-eth`]: { stdout: 'brctl\nbrctl\nbc\n' },
    },
    ...(tools && { tools }),
  });
}

function filesOf(host: FakeHost): Record<string, string> {
  return Object.fromEntries(
    [...host.files]
      .filter(([path]) => path.startsWith(`${scripts}/`) && !/\/(?:ifup|ifcfg-lo)$/.test(path))
      .map(([path, text]) => [path.slice(scripts.length + 1), text]),
  );
}

const later = { loadedLater: true } as const;
const check = (host: FakeHost, args: IfcfgBridgeArgs) => ifcfgBridge.check(host, { ...args, ...later });
const apply = (host: FakeHost, args: IfcfgBridgeArgs) => ifcfgBridge.apply(host, { ...args, ...later });
const load = (args: unknown): unknown => ifcfgBridge(args as IfcfgBridgeArgs);

/** Writes a step as one line. */
const brief = (step: Step): string => (step.kind === 'command' ? step.argv.join(' ') : `${step.kind} ${step.path}`);
const briefly = (steps: readonly Step[]): string[] => steps.map((step) => brief(step).replace(`${scripts}/`, ''));

describe('desired', () => {
  test.each<[string, Partial<Record<keyof IfcfgBridgeArgs, unknown>>, RegExp]>([
    ['a name of 16 characters', { name: 'bridge0123456789' }, /cannot be the name of a bridge: 1 to 15/],
    ['a name with a dot, which is a VLAN', { name: 'br0.5' }, /a dot makes it a VLAN/],
    ['a name that is an option', { name: '-br0' }, /cannot be the name/],
    ['a name with a line break', { name: 'br0\nX=1' }, /one line/],
    ['a name that is dropped as a range', { name: 'br0-range' }, /cannot be the name/],
    ['the loopback', { port: 'lo' }, /cannot be the name of a port/],
    ['an alias as port', { port: 'ens33:1' }, /cannot be the name of a port/],
    ['itself as port', { port: 'br0' }, /its own port/],
    ['a VLAN of the bridge as port', { port: 'br0.5' }, /VLAN of br0 itself/],
    ['an address without prefix', { bootproto: 'static', address: '192.168.221.150' }, /lacks its prefix/],
    ['an address and DHCP', { address: '192.168.221.150/24' }, /go with bootproto: 'static'/],
    ['the network’s address', { bootproto: 'static', address: '192.168.221.0/24' }, /address of the network/],
    ['the broadcast address', { bootproto: 'static', address: '192.168.221.255/24' }, /broadcast/],
    ['a loopback address', { bootproto: 'static', address: '127.0.0.1/8' }, /loopback/],
    ['a multicast address', { bootproto: 'static', address: '224.0.0.1/24' }, /from 224 on/],
    ['an address in 0', { bootproto: 'static', address: '0.0.0.5/24' }, /begin with 0/],
    ['leading zeros', { bootproto: 'static', address: '192.168.221.050/24' }, /must be like/],
    ['a prefix of 33', { bootproto: 'static', address: '192.168.221.150/33' }, /prefix must be 1 to 32/],
    ['a netmask with a hole', { bootproto: 'static', address: '10.0.0.5', netmask: '255.0.255.0' }, /'netmask' is/],
    ['a prefix twice', { bootproto: 'static', address: '10.0.0.5/24', netmask: '255.255.255.0' }, /given twice/],
    ['a netmask alone', { bootproto: 'static', netmask: '255.255.255.0' }, /without 'address'/],
    ['a gateway elsewhere', { ...staticArgs, gateway: '198.51.100.1' }, /not in the subnet of 192\.168\.221\.150\/24/],
    ['itself as gateway', { ...staticArgs, gateway: '192.168.221.150' }, /bridge's own address/],
    ['four name servers', { dns: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] }, /at most three/],
    ['a name as name server', { dns: ['dns.example.org'] }, /no IP address/],
    ['spanning tree without a delay', { stp: true }, /with stp: true the forward delay must be 2 to 30/],
    ['a delay of 31 s', { delay: 31 }, /from 0 to 30/],
    ['half a second', { delay: 0.5 }, /whole number of seconds/],
    ['an MTU of 67', { mtu: 67 }, /from 68 to 65535/],
    ['a multicast MAC', { mac: '01:00:5e:00:00:01' }, /multicast/],
    ['a MAC of zeros', { mac: '00:00:00:00:00:00' }, /all zeros/],
    ['a word as MAC', { mac: 'prot' }, /must be 'port', 'own' or an address/],
    ['a command as zone', { zone: '$(touch SENTINEL)' }, /firewalld/],
    ['a mistyped argument', { bootprot: 'dhcp' } as object, /did you mean 'bootproto'/],
    ['BOOTP', { bootproto: 'bootp' }, /bootproto/],
  ])('refuses %s', (_what, args, message) => {
    expect(() => load({ ...dhcpArgs, ...args })).toThrow(ArgumentError);
    expect(() => load({ ...dhcpArgs, ...args })).toThrow(message);
  });

  test.each(['10.0.0.0/31', '10.0.0.1/31', '10.0.0.0/32', '10.0.0.255/16', '223.255.255.254/24'])(
    'takes %s for a host’s address',
    (address) => {
      expect(() => load({ ...dhcpArgs, bootproto: 'static', address })).not.toThrow();
    },
  );

  test('the same address written in two ways is the same', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    await apply(host, staticArgs);
    const other = { ...staticArgs, address: '192.168.221.150', netmask: '255.255.255.0' };
    expect((await check(host, other)).differences).toEqual([]);
  });

  test('names itself by its bridge, and provides its link', () => {
    const task = ifcfgBridge(dhcpArgs);
    expect([task.subject, task.provides]).toEqual(['br0', ['link:br0']]);
    expect(ifcfgBridge({ ...dhcpArgs, state: 'absent' }).provides).toEqual([]);
  });
});

describe('read', () => {
  const paths = async (host: FakeHost, args: IfcfgBridgeArgs): Promise<string[]> =>
    (await ifcfgBridge(args).read(host.reader)).differences.map(({ path }) => path);

  test('nothing is there', async () => {
    const read = await ifcfgBridge(dhcpArgs).read(el7({ 'ifcfg-ens33': ens33 }).reader);
    expect(read.missing).toEqual([]);
    expect(read.differences).toEqual([
      { path: 'bridge.DEVICE', wanted: 'br0', actual: undefined },
      { path: 'bridge.BOOTPROTO', wanted: 'dhcp', actual: undefined },
      { path: 'bridge.IPV6INIT', wanted: 'yes', actual: undefined },
      { path: 'bridge.IPV6_AUTOCONF', wanted: 'yes', actual: undefined },
      { path: 'bridge.NM_CONTROLLED', wanted: 'no', actual: undefined },
      { path: 'bridge.ONBOOT', wanted: 'yes', actual: undefined },
      { path: 'bridge.TYPE', wanted: 'Bridge', actual: undefined },
      { path: 'bridge.DELAY', wanted: '0', actual: undefined },
      { path: 'bridge.MACADDR', wanted: 'port', actual: undefined },
      { path: 'port.BRIDGE', wanted: 'br0', actual: undefined },
      { path: 'port.addressKeys', wanted: [], actual: ['BOOTPROTO', 'DEFROUTE'] },
    ]);
  });

  test('a bridge that was made by hand, as in the post, lacks its port’s MAC', async () => {
    const host = el7({ 'ifcfg-ens33': `${ens33}BRIDGE=br0\n`, 'ifcfg-br0': postBridge });
    expect(await paths(host, dhcpArgs)).toEqual(['bridge.MACADDR', 'port.addressKeys']);
    expect(await paths(host, { ...dhcpArgs, mac: 'own' })).toEqual(['port.addressKeys']);
  });

  test('what is written in another way and means the same is no difference', async () => {
    const file = bridgeWithMac
      .replace(mac, mac.toUpperCase())
      .replace('ONBOOT="yes"', 'ONBOOT=YES')
      .replace('"0"', '00');
    const port = 'DEVICE="ens33"\nONBOOT="yes"\nBRIDGE="br0"\n';
    expect(await paths(el7({ 'ifcfg-ens33': port, 'ifcfg-br0': file }), dhcpArgs)).toEqual([]);
    const fixed = `${file.replace('"dhcp"', 'none')}IPADDR0=192.168.221.150\nNETMASK0=255.255.255.0\nGATEWAY=192.168.221.1\n`;
    expect(await paths(el7({ 'ifcfg-ens33': port, 'ifcfg-br0': fixed }), staticArgs)).toEqual([]);
  });

  test.each([
    ['TYPE="Bridge"', 'TYPE=bridge', 'bridge.TYPE', 'bridge'],
    ['DELAY="0"', 'DELAY=15', 'bridge.DELAY', '15'],
    ['BOOTPROTO="dhcp"', 'BOOTPROTO=static', 'bridge.BOOTPROTO', 'static'],
    [mac, '52:54:00:aa:00:02', 'bridge.MACADDR', '52:54:00:aa:00:02'],
    ['ONBOOT="yes"', 'ONBOOT=no', 'bridge.ONBOOT', 'no'],
    ['ONBOOT="yes"', 'ONBOOT="$(date)"', 'bridge.ONBOOT', '"$(date)"'],
  ])('%s that is %s is seen', async (from, to, path, actual) => {
    const port = 'DEVICE=ens33\nONBOOT=yes\nBRIDGE=br0\n';
    const host = el7({ 'ifcfg-ens33': port, 'ifcfg-br0': bridgeWithMac.replace(from, to) });
    const { differences: seen } = await ifcfgBridge(dhcpArgs).read(host.reader);
    expect(seen).toEqual([expect.objectContaining({ path, actual })]);
  });

  test('IPADDR beside IPADDR0 are two addresses', async () => {
    const file = `${bridgeWithMac.replace('"dhcp"', 'static')}IPADDR=192.168.221.150\nPREFIX=24\nIPADDR0=192.168.221.151\nGATEWAY=192.168.221.1\n`;
    const host = el7({ 'ifcfg-ens33': 'DEVICE=ens33\nONBOOT=yes\nBRIDGE=br0\n', 'ifcfg-br0': file });
    const result = await apply(host, staticArgs);
    expect(result.differences).toEqual([
      { path: 'bridge.address', wanted: '192.168.221.150/24', actual: '192.168.221.150/24, 192.168.221.151/24' },
    ]);
    expect(host.files.get(`${scripts}/ifcfg-br0`)).not.toContain('IPADDR0');
  });

  test('the list of name servers is the whole list', async () => {
    const host = el7({
      'ifcfg-ens33': 'DEVICE=ens33\nONBOOT=yes\nBRIDGE=br0\n',
      'ifcfg-br0': `${bridgeWithMac}DNS1=192.168.221.1\nDNS2=192.168.221.2\n`,
    });
    expect(await paths(host, dhcpArgs)).toEqual([]);
    expect(await paths(host, { ...dhcpArgs, dns: ['192.168.221.1'] })).toEqual(['bridge.DNS2']);
  });

  test('EL8, whose ifup-eth calls ip, takes DELAY in hundredths of a second, and needs no brctl', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 }, {}, ['dhclient']);
    host.commands.set(`grep -owE brctl|bc ${scripts}/ifup-eth`, { stdout: 'bc\nbc\n' });
    await apply(host, { ...dhcpArgs, delay: 4 });
    expect(host.files.get(`${scripts}/ifcfg-br0`)).toContain('DELAY="400"\n');
    expect(await paths(host, { ...dhcpArgs, delay: 4 })).toEqual([]);
  });

  test('the port’s file may have another name', async () => {
    const host = el7({ 'ifcfg-Wired_connection_1': `HWADDR=${mac.toUpperCase()}\nONBOOT=yes\n` });
    await apply(host, dhcpArgs);
    expect(filesOf(host)).toEqual({
      'ifcfg-br0': bridgeWithMac,
      'ifcfg-Wired_connection_1': `HWADDR=${mac.toUpperCase()}\nONBOOT=yes\nBRIDGE=br0\n`,
    });
  });

  const missingKeys = async (host: FakeHost, args = dhcpArgs): Promise<string[]> =>
    (await ifcfgBridge(args).read(host.reader)).missing.map(({ key }) => key);

  test('an unknown interface is missing, and those that there are are named', async () => {
    const { missing } = await ifcfgBridge({ ...dhcpArgs, port: 'eth0' }).read(el7({}).reader);
    expect(missing).toEqual([
      {
        key: 'link:eth0',
        what: 'there is no interface eth0',
        remedy: "the host has ens33; name one of them as 'port'",
      },
    ]);
    await expect(check(el7({}), { ...dhcpArgs, port: 'eth0' })).rejects.toThrow(MissingError);
  });

  test('tools are missing only where they are called', async () => {
    const bare = () => el7({ 'ifcfg-ens33': ens33 }, {}, []);
    expect(await missingKeys(bare())).toEqual(['tool:brctl', 'tool:dhclient']);
    expect(await missingKeys(bare(), { ...staticArgs, stp: true, delay: 4 })).toEqual(['tool:brctl', 'tool:bc']);
    expect(await missingKeys(bare(), { ...dhcpArgs, state: 'absent' })).toEqual([]);
    const unknown = bare();
    unknown.commands.set(`grep -owE brctl|bc ${scripts}/ifup-eth`, { exitCode: 2 });
    expect(await missingKeys(unknown, staticArgs)).toEqual(['tool:brctl']);
  });

  test.each([
    ['ID=debian\nVERSION_ID="12"\n', /netplan/],
    ['ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n', /nmcli/],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.9"\n', /^dnf install network-scripts$/],
    ['ID="centos"\nVERSION_ID="7"\n', /^yum install initscripts$/],
    ['ID=fedora\nVERSION_ID=41\n', /nmcli/],
    ['ID=alpine\n', /its own tools/],
  ])('a host without network scripts hears what to do instead: %j', async (release, remedy) => {
    const host = new FakeHost({ files: { '/etc/os-release': release, '/sys/class/net/ens33/address': '' }, tools: [] });
    const { missing } = await ifcfgBridge(dhcpArgs).read(host.reader);
    expect(missing).toEqual([
      expect.objectContaining({ key: 'network-scripts', remedy: expect.stringMatching(remedy) }),
    ]);
  });

  test('everything is asked for in two rounds', async () => {
    const host = el7({ 'ifcfg-ens33': ens33, 'ifcfg-eth1': 'DEVICE=eth1\n' });
    let rounds = 0;
    let isOpen = false;
    const counted =
      <Args extends unknown[], Result>(ask: (...args: Args) => Promise<Result>) =>
      (...args: Args) => {
        if (!isOpen) {
          isOpen = true;
          rounds += 1;
          setImmediate(() => {
            isOpen = false;
          });
        }
        return new Promise<Result>((resolve, reject) => setImmediate(() => ask(...args).then(resolve, reject)));
      };
    const { reader } = host;
    await ifcfgBridge(dhcpArgs).read({
      ...reader,
      query: counted(reader.query),
      readFile: counted(reader.readFile),
      listDirectory: counted(reader.listDirectory),
      exists: counted(reader.exists),
      which: counted(reader.which),
    });
    expect(rounds).toBe(2);
  });
});

describe('plan', () => {
  test('DHCP: the post’s eight lines and the port’s MAC; the port gets BRIDGE, and what it had is kept as comments', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    const { steps } = await apply(host, dhcpArgs);
    expect(briefly(steps)).toEqual(['write ifcfg-br0', 'write ifcfg-ens33']);
    expect(filesOf(host)).toEqual({
      'ifcfg-br0': `${bridgeWithMac}DEFROUTE=yes\n`,
      'ifcfg-ens33': ens33
        .replace('BOOTPROTO=dhcp', '# before br0: BOOTPROTO = dhcp')
        .replace('DEFROUTE=yes', '# before br0: DEFROUTE = yes')
        .concat('BRIDGE=br0\n'),
    });
  });

  test('the files that are replaced come with the step, for the diff', async () => {
    const { steps } = await check(el7({ 'ifcfg-ens33': ens33 }), dhcpArgs);
    expect(steps.map((step) => (step.kind === 'write' ? step.before?.text : 'none'))).toEqual([undefined, ens33]);
  });

  test('where NetworkManager is installed, the port is kept from it', async () => {
    const host = el7({ 'ifcfg-ens33': 'DEVICE=ens33\nONBOOT=yes\n' }, { '/usr/sbin/NetworkManager': '' });
    await apply(host, dhcpArgs);
    expect(filesOf(host)['ifcfg-ens33']).toBe(
      'DEVICE=ens33\nONBOOT=yes\nBRIDGE=br0\n# before br0: no NM_CONTROLLED\nNM_CONTROLLED=no\n',
    );
    expect((await check(host, { ...dhcpArgs, nmControlled: true })).differences.map(({ path }) => path)).toEqual([
      'bridge.NM_CONTROLLED',
    ]);
  });

  test('a static address moves from the port, with all that belongs to it, as it stands', async () => {
    const host = el7({ 'ifcfg-ens33': staticEns33, 'route-ens33': '10.0.0.0/8 via 192.168.221.2 dev ens33\n' });
    const { steps, warnings } = await apply(host, { ...dhcpArgs, bootproto: 'static' });
    expect(warnings).toEqual([]);
    expect(briefly(steps)).toEqual(['write ifcfg-br0', 'write route-br0', 'write ifcfg-ens33', 'remove route-ens33']);
    expect(filesOf(host)).toEqual({
      'ifcfg-br0': [
        bridgeWithMac.replace('"dhcp"', '"static"'),
        'IPADDR=192.168.221.150  # since 2017\nNETMASK=255.255.255.0\nGATEWAY=192.168.221.1\nDNS1=192.168.221.1\nZONE=internal\n',
      ].join(''),
      'ifcfg-ens33': [
        ...['TYPE="Ethernet"', 'BOOTPROTO=none', 'DEVICE=ens33', '# the office'],
        ...['# before br0: IPADDR = 192.168.221.150  # since 2017', '# before br0: NETMASK = 255.255.255.0'],
        ...['# before br0: GATEWAY = 192.168.221.1', '# before br0: DNS1 = 192.168.221.1'],
        ...['# before br0: ZONE = internal', 'ONBOOT=yes', 'BRIDGE=br0', ''],
      ].join('\n'),
      'route-br0': '10.0.0.0/8 via 192.168.221.2 dev br0\n',
    });
  });

  test('the task’s own address wins over the port’s', async () => {
    const host = el7({ 'ifcfg-ens33': staticEns33 });
    await apply(host, { ...staticArgs, address: '192.168.221.77/25', zone: 'dmz' });
    expect(filesOf(host)['ifcfg-br0']).toBe(
      `${bridgeWithMac.replace('"dhcp"', '"static"')}ZONE="dmz"\nIPADDR="192.168.221.77"\nPREFIX="25"\nGATEWAY="192.168.221.1"\nDNS1=192.168.221.1\n`,
    );
  });

  test('DHCP instead of a static address is a change that is said aloud', async () => {
    const host = el7({ 'ifcfg-ens33': staticEns33 });
    const { warnings } = await check(host, dhcpArgs);
    expect(warnings).toEqual([expect.stringMatching(/static address 192\.168\.221\.150\/24 .* may change/)]);
    await apply(host, dhcpArgs);
    expect(filesOf(host)['ifcfg-br0']).toBe(`${bridgeWithMac}DNS1=192.168.221.1\nZONE=internal\n`);
  });

  test('values that name the port name the bridge', async () => {
    const port = 'DEVICE=ens33\nBOOTPROTO=dhcp\nONBOOT=yes\nGATEWAYDEV=ens33\nIPV6_DEFAULTGW="fe80::1%ens33"\n';
    const host = el7({ 'ifcfg-ens33': port, 'rule-ens33': 'from 10.0.0.0/8 iif ens33 table 5\n' });
    await apply(host, dhcpArgs);
    expect(filesOf(host)).toMatchObject({
      'ifcfg-br0': `${bridgeWithMac}GATEWAYDEV=br0\nIPV6_DEFAULTGW=fe80::1%br0\n`,
      'rule-br0': 'from 10.0.0.0/8 iif br0 table 5\n',
    });
    await apply(host, { ...dhcpArgs, state: 'absent' });
    expect(filesOf(host)).toEqual({ 'ifcfg-ens33': port, 'rule-ens33': 'from 10.0.0.0/8 iif ens33 table 5\n' });
  });

  test('a port without a file gets one, and one without DEVICE or ONBOOT gets them', async () => {
    const host = el7({});
    await apply(host, { ...dhcpArgs, mtu: 9000 });
    expect(filesOf(host)['ifcfg-ens33']).toBe(
      [
        ...['DEVICE=ens33', 'TYPE=Ethernet', '# before br0: no ONBOOT', 'ONBOOT=yes'],
        ...['# before br0: no MTU', 'MTU=9000', 'BRIDGE=br0', ''],
      ].join('\n'),
    );
    const off = el7({ 'ifcfg-ens33': 'ONBOOT=no\nTYPE=Ethernet' });
    await apply(off, dhcpArgs);
    expect(filesOf(off)['ifcfg-ens33']).toBe(
      '# before br0: ONBOOT = no\nONBOOT=yes\nTYPE=Ethernet\nDEVICE=ens33\nBRIDGE=br0\n',
    );
  });

  test('an existing bridge is edited line by line, and an administrator’s keys stay', async () => {
    const file = `# ours\n${bridgeWithMac.replace('"0"', '"15"')}BRIDGING_OPTS="priority=8192"\nNETAMSK=typo\n`;
    const host = el7({ 'ifcfg-ens33': 'DEVICE=ens33\nONBOOT=yes\nBRIDGE=br0\n', 'ifcfg-br0': file });
    const { steps, differences: found } = await apply(host, dhcpArgs);
    expect(found).toEqual([{ path: 'bridge.DELAY', wanted: '0', actual: '15' }]);
    expect(briefly(steps)).toEqual(['write ifcfg-br0']);
    expect(filesOf(host)['ifcfg-br0']).toBe(file.replace('"15"', '"0"'));
  });

  test('broken off between two files, the next run does the rest', async () => {
    const files = { 'ifcfg-ens33': staticEns33, 'route-ens33': '10.0.0.0/8 via 192.168.221.2 dev ens33\n' };
    for (const state of ['present', 'absent'] as const) {
      const args = { ...dhcpArgs, bootproto: 'static', state } as const;
      const whole = el7(files);
      if (state === 'absent') await apply(whole, { ...args, state: 'present' });
      const start = filesOf(whole);
      const { steps } = await apply(whole, args);
      for (const done of steps.keys()) {
        const host = el7(start);
        await host.lock();
        for (const step of steps.slice(0, done)) await host.execute(step);
        await apply(host, args);
        expect(filesOf(host)).toEqual(filesOf(whole));
      }
    }
  });

  const refused: [string, Record<string, string>, RegExp, Partial<IfcfgBridgeArgs>?][] = [
    [
      'a comment that hides TYPE',
      { 'ifcfg-br0': `# was TYPE=Ethernet\n${postBridge}` },
      /line 1 of .*ifcfg-br0 is a comment that holds TYPE=/,
    ],
    [
      'such a comment where TYPE is yet to be written',
      { 'ifcfg-br0': '#TYPE=Ethernet\nDEVICE=br0\n' },
      /comment with TYPE= in it/,
    ],
    [
      'HWADDR in the bridge’s file',
      { 'ifcfg-br0': `${postBridge}HWADDR=${mac}\n` },
      /says HWADDR=.*MACADDR is the key/,
    ],
    [
      'carriage returns',
      { 'ifcfg-br0': postBridge.replaceAll('\n', '\r\n') },
      /line 1 of .*ifcfg-br0 ends in a carriage return/,
    ],
    [
      'carriage returns in the port’s file',
      { 'ifcfg-ens33': ens33.replaceAll('\n', '\r\n') },
      /ifcfg-ens33 ends in a carriage/,
    ],
    [
      'a value that a shell executes',
      { 'ifcfg-ens33': 'DEVICE=ens33\nIPADDR="$(hostname -i)"\n' },
      /line 2 of .*a shell has to work out/,
    ],
    [
      'two assignments in one line',
      { 'ifcfg-ens33': 'DEVICE=ens33 BOOTPROTO=dhcp\n' },
      /line 1 of .*plain KEY="value"/,
    ],
    [
      'spanning tree in the file, without a delay',
      { 'ifcfg-br0': `${postBridge}STP=yes\n` },
      /says STP=yes, with which the kernel refuses a forward delay of 0 s; say stp: false, or/,
    ],
    [
      'a delay of its own in BRIDGING_OPTS',
      { 'ifcfg-br0': `${postBridge}BRIDGING_OPTS="priority=1 forward_delay=400"\n` },
      /sets forward_delay in BRIDGING_OPTS/,
    ],
    ['a command', { 'ifcfg-ens33': `. ./common\n${ens33}` }, /line 1 of .*ifcfg-ens33 is "\. \.\/common"/],
    ['a quote that opens behind a blank', { 'ifcfg-ens33': `${ens33}X=a "b\n` }, /line 8 of .*a shell has to work out/],
    ['InfiniBand', { 'ifcfg-ens33': `${ens33}TYPE=InfiniBand\n` }, /TYPE=InfiniBand, and InfiniBand has no Ethernet/],
    ['a wireless interface', { 'ifcfg-ens33': `${ens33}TYPE=Wireless\n` }, /TYPE=Wireless, and an access point/],
    ['a network of an access point', { 'ifcfg-ens33': 'DEVICE=ens33\nESSID=home\n' }, /has ESSID/],
    ['a tunnel', { 'ifcfg-ens33': `${ens33}TYPE=GRE\n` }, /TYPE=GRE, and such an interface has no Ethernet/],
    ['a tap', { 'ifcfg-ens33': `${ens33}TYPE=Tap\n` }, /TYPE=Tap, and a tap is the end of a guest/],
    ['a port of a team', { 'ifcfg-ens33': `${ens33}TEAM_MASTER=team0\n` }, /belongs to the team team0/],
    ['such a port by its script', { 'ifcfg-ens33': 'DEVICE=ens33\nDEVICETYPE=TeamPort\n' }, /DEVICETYPE=TeamPort, and/],
    ['a bridge of Open vSwitch', { 'ifcfg-ens33': `${ens33}TYPE=OVSBridge\n` }, /belongs to Open vSwitch/],
    ['a port of Open vSwitch', { 'ifcfg-ens33': `${ens33}DEVICETYPE=ovs\n` }, /belongs to Open vSwitch/],
    [
      'HWADDR of another card',
      { 'ifcfg-ens33': `${ens33}HWADDR=52:54:00:AA:00:99\n` },
      /says HWADDR=52:54:00:AA:00:99, and ens33 has 52:54:00:aa:00:01: the scripts pass over it/,
    ],
    ['a port of another bridge', { 'ifcfg-ens33': `${ens33}BRIDGE=br1\n` }, /a port of br1 already/],
    ['a port of a bond', { 'ifcfg-ens33': `${ens33}MASTER=bond0\nSLAVE=yes\n` }, /belongs to the bond bond0/],
    ['a bridge as port', { 'ifcfg-ens33': 'DEVICE=ens33\nTYPE=Bridge\n' }, /a bridge cannot be a port/],
    ['a port’s file for another device', { 'ifcfg-ens33': 'DEVICE=eth0\n' }, /another device: it says DEVICE=eth0/],
    [
      'a bridge’s file for another device',
      { 'ifcfg-br0': 'DEVICE=br1\nTYPE=Bridge\n' },
      /another device: it says DEVICE=br1/,
    ],
    [
      'a name that is an Ethernet’s',
      { 'ifcfg-br0': 'DEVICE=br0\nTYPE=Ethernet\n' },
      /no bridge's but says TYPE=Ethernet/,
    ],
    ['a stray copy of the bridge’s file', { 'ifcfg-br0.save': postBridge }, /ifcfg-br0\.save configures br0 as well/],
    [
      'a stray copy of the port’s file',
      { 'ifcfg-ens33.20171223': ens33 },
      /ifcfg-ens33\.20171223 configures ens33 as well/,
    ],
    [
      'routes on both',
      { 'route-ens33': '10.0.0.0/8 dev ens33\n', 'route-br0': 'other\n' },
      /another file of that name/,
    ],
    [
      'a moved gateway elsewhere',
      { 'ifcfg-ens33': staticEns33 },
      /gateway 192\.168\.221\.1, which is not in the subnet of 10\.0\.0\.5/,
      { bootproto: 'static', address: '10.0.0.5/24' },
    ],
    [
      'a static address that nobody names',
      { 'ifcfg-ens33': ens33 },
      /neither the task nor .*ifcfg-ens33 names one/,
      { bootproto: 'static' },
    ],
  ];
  test('refuses a port that is plugged into another bridge live, whatever the files say', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    host.commands.set('readlink /sys/class/net/ens33/master', { stdout: '../virbr0\n' });
    await expect(apply(host, dhcpArgs)).rejects.toThrow(
      /ens33 is plugged into virbr0 already.*take it out there first/,
    );
    expect(host.executed).toEqual([]);
    host.commands.set('readlink /sys/class/net/ens33/master', { stdout: '../br0\n' });
    expect((await check(host, dhcpArgs)).changed).toBe(true);
  });

  test.each(refused)('refuses %s, and writes nothing', async (_what, files, message, args = {}) => {
    const host = el7({ 'ifcfg-ens33': ens33, ...files });
    await expect(apply(host, { ...dhcpArgs, ...args })).rejects.toThrow(UnsupportedChangeError);
    await expect(check(host, { ...dhcpArgs, ...args })).rejects.toThrow(message);
    expect(host.executed).toEqual([]);
  });

  test.each<[string, Record<string, string | undefined>, RegExp]>([
    [
      'GATEWAYDEV of the port',
      { '/etc/sysconfig/network': 'NETWORKING=yes\nGATEWAYDEV=ens33\n' },
      /GATEWAYDEV=ens33.*no default route/,
    ],
    ['networking switched off', { '/etc/sysconfig/network': 'NETWORKING=no\n' }, /NETWORKING=no/],
    ['no /etc/sysconfig/network', { '/etc/sysconfig/network': undefined }, /there is no \/etc\/sysconfig\/network/],
    ['a link of that name', { '/sys/class/net/br0/address': '' }, /br0 exists and is no bridge/],
    ['a live bridge as port', { '/sys/class/net/ens33/bridge/stp_state': '0' }, /ens33 is a bridge itself/],
  ])('refuses %s', async (_what, files, message) => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    for (const [path, text] of Object.entries(files)) {
      if (text === undefined) host.files.delete(path);
      else host.files.set(path, text);
    }
    await expect(check(host, dhcpArgs)).rejects.toThrow(message);
  });

  const ether = 'mode DEFAULT\\    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 ';
  test.each<[string, string, RegExp]>([
    [
      'InfiniBand',
      '2: ens33: <UP> mtu 2044\\    link/infiniband 80:00 brd 00:ff',
      /no Ethernet addresses \(link\/infiniband\)/,
    ],
    ['a tun', '2: ens33: <UP> mtu 1500\\    link/none promiscuity 0 \\    tun type tun pi off', /\(link\/none\)/],
    ['a tap', `2: ens33: <UP> ${ether}\\    tun type tap pi off addrgenmode eui64`, /ens33 is a tap/],
    [
      'a macvlan',
      `2: ens33@eth0: <UP> ${ether}\\    macvlan mode bridge addrgenmode eui64`,
      /ens33 is a macvlan.*the link that it lies on/,
    ],
    ['an ipvlan', `2: ens33@eth0: <UP> ${ether}\\    ipvlan  mode l2 `, /ens33 is an ipvlan/],
    [
      'a VLAN of the bridge',
      `9: ens33@br0: <UP> ${ether}\\    vlan protocol 802.1Q id 5 `,
      /ens33 is a VLAN of br0 itself/,
    ],
    [
      'an interface on which guests have macvtaps',
      `2: ens33: <UP> ${ether}addrgenmode eui64\n7: macvtap0@ens33: <UP> ${ether}\\    macvtap mode vepa`,
      /macvtap0 \(macvtap\) lies on ens33, and joining br0 would fail/,
    ],
  ])('refuses %s, whatever its file says', async (_what, stdout, message) => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    host.commands.set('ip -o -d link show', { stdout: `${stdout}\n` });
    await expect(check(host, dhcpArgs)).rejects.toThrow(message);
  });

  test.each([
    `2: ens33: <UP> ${ether}addrgenmode eui64\n8: ens33.5@ens33: <UP> ${ether}\\    vlan protocol 802.1Q id 5 `,
    `2: ens33: <UP> master br0 ${ether}\\    bridge_slave state forwarding priority 32`,
    `2: ens33@if7: <UP> ${ether}\\    veth addrgenmode eui64`,
    `2: ens33: <UP> ${ether}\\    bond mode active-backup miimon 100`,
    `2: ens33: <UP> ${ether}\\    team addrgenmode eui64`,
    `2: ens33@eth0: <UP> ${ether}\\    vlan protocol 802.1Q id 5 `,
  ])('takes %s for a port', async (stdout) => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    host.commands.set('ip -o -d link show', { stdout: `${stdout}\n` });
    expect((await check(host, dhcpArgs)).changed).toBe(true);
  });

  test('HWADDR may be the card’s own beside another MACADDR', async () => {
    const file = `${ens33}HWADDR=52:54:00:AA:00:99\nMACADDR=${mac.toUpperCase()}\n`;
    expect((await check(el7({ 'ifcfg-ens33': file }), dhcpArgs)).changed).toBe(true);
  });

  test('spanning tree with a static address would wait for minutes on EL8', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    host.commands.set(`grep -owE brctl|bc ${scripts}/ifup-eth`, { stdout: 'bc\n' });
    await expect(check(host, { ...staticArgs, stp: true, delay: 4 })).rejects.toThrow(/EL8/);
    expect((await check(host, { ...dhcpArgs, stp: true, delay: 4 })).changed).toBe(true);
  });

  test.each<[string, Record<string, string>, RegExp, Partial<IfcfgBridgeArgs>?]>([
    ['an alias of the port', { 'ifcfg-ens33:1': 'IPADDR=10.0.0.1\n' }, /^ifcfg-ens33:1 is silently dropped/],
    [
      'a range of the port',
      { 'ifcfg-ens33-range0': 'IPADDR_START=10.0.0.1\n' },
      /^ifcfg-ens33-range0 is silently dropped/,
    ],
    ['somebody else’s copy', { 'ifcfg-eth1.backup': 'DEVICE=eth1\n' }, /ifcfg-eth1\.backup looks like a copy/],
    [
      'a harmless comment',
      { 'ifcfg-ens33': '#TYPE=Ethernet\nDEVICE=ens33\n' },
      /line 1 of .*ifcfg-ens33 is a comment that holds TYPE=/,
    ],
    ['a lost lease', { 'ifcfg-ens33': ens33 }, /the host loses that address/, { bootproto: 'none' }],
    ['IPv6 that was off', { 'ifcfg-ens33': 'DEVICE=ens33\nIPV6INIT=no\n' }, /says IPV6INIT=no/],
  ])('warns of %s', async (_what, files, message, args = {}) => {
    const { warnings } = await check(el7({ 'ifcfg-ens33': 'DEVICE=ens33\nONBOOT=yes\n', ...files }), {
      ...dhcpArgs,
      ...args,
    });
    expect(warnings).toEqual([expect.stringMatching(message)]);
  });

  test('files that the scripts skip are no matter', async () => {
    const host = el7({
      'ifcfg-ens33': 'DEVICE=ens33\nONBOOT=yes\n',
      'ifcfg-ens33.bak': ens33,
      'ifcfg-br0.rpmsave': postBridge,
    });
    const { warnings } = await check(host, dhcpArgs);
    expect(warnings).toEqual([]);
  });
});

describe('absent', () => {
  const absent: IfcfgBridgeArgs = { ...dhcpArgs, state: 'absent' };

  test('nothing to take away is no change, even without network scripts', async () => {
    expect((await check(el7({ 'ifcfg-ens33': ens33 }), absent)).changed).toBe(false);
    expect((await check(new FakeHost({ tools: [] }), absent)).changed).toBe(false);
  });

  test('takes the port out first, then removes the bridge', async () => {
    const host = el7({ 'ifcfg-ens33': ens33, 'route-ens33': 'default via 192.168.221.1 dev ens33\n' });
    const before = filesOf(host);
    await apply(host, dhcpArgs);
    const { steps } = await apply(host, absent);
    expect(briefly(steps)).toEqual(['write route-ens33', 'write ifcfg-ens33', 'remove ifcfg-br0', 'remove route-br0']);
    expect(filesOf(host)).toEqual(before);
  });

  test('a bridge that was made by hand hands its address to the port', async () => {
    const file = postBridge.replace('"dhcp"', '"static"').concat('IPADDR="192.168.221.150"\nPREFIX="24"\n');
    const host = el7({ 'ifcfg-ens33': 'DEVICE=ens33\nBOOTPROTO=none\nONBOOT=yes\nBRIDGE=br0\n', 'ifcfg-br0': file });
    await apply(host, absent);
    expect(filesOf(host)).toEqual({
      'ifcfg-ens33': 'DEVICE=ens33\nBOOTPROTO=static\nONBOOT=yes\nIPADDR="192.168.221.150"\nPREFIX="24"\n',
    });
  });

  test('a bridge that was renumbered meanwhile hands the new address to the port', async () => {
    const host = el7({ 'ifcfg-ens33': staticEns33 });
    await apply(host, { ...dhcpArgs, bootproto: 'static' });
    await apply(host, { ...staticArgs, address: '192.168.221.9/24' });
    await apply(host, absent);
    expect(filesOf(host)['ifcfg-ens33']).toBe(
      staticEns33
        .replace('192.168.221.150', '192.168.221.9')
        .replace('NETMASK=255.255.255.0\n', '')
        .replace('BOOTPROTO=none', 'BOOTPROTO=static')
        .concat('PREFIX="24"\n'),
    );
  });

  test('with its bridge’s file gone, the port gets back what it remembers', async () => {
    const host = el7({ 'ifcfg-ens33': staticEns33 });
    await apply(host, { ...dhcpArgs, bootproto: 'static' });
    host.files.delete(`${scripts}/ifcfg-br0`);
    await apply(host, absent);
    expect(filesOf(host)).toEqual({ 'ifcfg-ens33': staticEns33 });
  });

  test('a bridge that others need stays', async () => {
    const files = { 'ifcfg-ens33': 'DEVICE=ens33\nBRIDGE=br0\n', 'ifcfg-br0': postBridge };
    const second = el7({ ...files, 'ifcfg-ens34': 'DEVICE=ens34\nBRIDGE=br0\n' });
    await expect(check(second, absent)).rejects.toThrow(/ifcfg-ens34 needs br0 too/);
    const vlan = el7({ ...files, 'ifcfg-br0.5': 'DEVICE=br0.5\nVLAN=yes\n' });
    await expect(check(vlan, absent)).rejects.toThrow(/ifcfg-br0\.5 needs br0 too/);
  });

  test('guests that would lose the LAN are a reason to refuse, unless the task names them', async () => {
    const host = el7(
      { 'ifcfg-ens33': 'DEVICE=ens33\nBRIDGE=br0\n', 'ifcfg-br0': postBridge },
      { '/sys/class/net/br0/brif/vnet0': '', '/sys/class/net/br0/brif/ens33': '' },
    );
    await expect(check(host, absent)).rejects.toThrow(/vnet0 on br0: .*shut those guests down first, or say disrupts/);
    const { warnings } = await ifcfgBridge.check(host, { ...absent, ...later, disrupts: ['guest'] });
    expect(warnings).toEqual(['vnet0 on br0: while it is plugged in, br0 stays, without a way to the LAN']);
  });

  test('says that a DHCP server may take the port for another client', async () => {
    const host = el7({ 'ifcfg-ens33': 'DEVICE=ens33\nBRIDGE=br0\n', 'ifcfg-br0': postBridge });
    host.commands.set('cat /sys/class/net/br0/address', { stdout: 'd2:90:15:23:a2:42\n' });
    expect((await check(host, absent)).warnings).toEqual([
      `br0 (d2:90:15:23:a2:42) has another MAC than ens33 (${mac}): the DHCP server may give the host another address`,
    ]);
    host.commands.set('cat /sys/class/net/br0/address', { stdout: `${mac}\n` });
    expect((await check(host, absent)).warnings).toEqual([]);
  });

  test('present and then absent is as it was, byte for byte, whatever the port’s file says', async () => {
    const values = fc.constantFrom('yes', 'no', '"yes"', "'a b'  # why", '1500', '', '"x\\"y"');
    const keys = [
      ...[
        'DEFROUTE',
        'PEERDNS',
        'DNS1',
        'DOMAIN',
        'ZONE',
        'MTU',
        'ONBOOT',
        'NM_CONTROLLED',
        'UUID',
        'NAME',
        'IPV6INIT',
      ],
      ...['IPV6_FAILURE_FATAL', 'DHCP_HOSTNAME', 'NETAMSK', 'TYPE'],
    ];
    const other = fc.constantFrom(
      '',
      '# a comment',
      '  ',
      '# before br1: MTU = 5',
      'BOOTPROTO=dhcp',
      'GATEWAYDEV=ens33',
    );
    const any = fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom(...keys), values).map(([key, value]) => `${key}=${value}`),
        other,
      ),
    );
    await fc.assert(
      fc.asyncProperty(any, fc.boolean(), async (lines, isStatic) => {
        const address = isStatic
          ? ['IPADDR=192.168.221.150', 'NETMASK=255.255.255.0', 'BOOTPROTO=none']
          : ['BOOTPROTO="dhcp" # as at home'];
        const text = `${['DEVICE=ens33', ...lines, ...address].join('\n')}\n`;
        const host = el7({ 'ifcfg-ens33': text }, { '/usr/sbin/NetworkManager': '' });
        const args: IfcfgBridgeArgs = { ...dhcpArgs, bootproto: isStatic ? 'static' : 'dhcp', mtu: 1400 };
        await apply(host, args);
        expect((await check(host, args)).changed).toBe(false);
        await apply(host, absent);
        expect(filesOf(host)).toEqual({ 'ifcfg-ens33': text });
      }),
      { numRuns: runs(200) },
    );
  });
});

describe('in force', () => {
  const sys = (link: string, file: string, value: string): string => `/sys/class/net/${link}/${file}:${value}\n`;
  const sysQuery = `grep -s  ${[
    ...[
      'br0/flags',
      'br0/address',
      'br0/mtu',
      'br0/bridge/stp_state',
      'br0/bridge/forward_delay',
      'ens33/flags',
      'ens33/address',
    ],
  ]
    .map((file) => `/sys/class/net/${file}`)
    .join(' ')}`;

  interface Scene {
    master?: boolean;
    flags?: string;
    address?: string;
    delay?: string;
    addresses?: string;
    routes?: string;
    processes?: string;
    bridge?: string;
  }
  /** A live system after case 2 of the captures, with some of it changed. */
  function scene({ master = true, flags = '0x1003', address = mac, delay = '0', ...more }: Scene = {}): FakeHost {
    const host = el7(
      { 'ifcfg-br0': more.bridge ?? bridgeWithMac },
      { '/sys/class/net/br0/bridge/stp_state': '0', ...(master && { '/sys/class/net/br0/brif/ens33': '' }) },
    );
    host.commands.set(sysQuery, {
      exitCode: 0,
      stdout: [
        sys('br0', 'flags', flags),
        sys('br0', 'address', address),
        sys('br0', 'mtu', '1500'),
        sys('br0', 'bridge/stp_state', '0'),
        sys('br0', 'bridge/forward_delay', delay),
        sys('ens33', 'flags', '0x1103'),
        sys('ens33', 'address', mac),
      ].join(''),
    });
    host.commands.set('ip -o -4 address show', {
      stdout:
        more.addresses ??
        '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n5: br0    inet 192.168.221.150/24 brd 192.168.221.255 scope global dynamic br0\\       valid_lft 3590sec preferred_lft 3590sec\n',
    });
    host.commands.set('ip -4 route show default', { stdout: more.routes ?? 'default via 192.168.221.1 dev br0 \n' });
    host.commands.set('ps -eo args', {
      stdout:
        more.processes ??
        'COMMAND\n/sbin/dhclient -1 -q -lf /var/lib/dhclient/dhclient--br0.lease -pf /var/run/dhclient-br0.pid br0\n',
    });
    return host;
  }
  const look = async (host: FakeHost, args: IfcfgBridgeArgs = dhcpArgs) => {
    const found = await ifcfgBridge(args).inForce?.(host.reader);
    return { loaded: found?.loaded.map(({ path }) => path), settled: found?.settled.map(({ path }) => path) };
  };
  const all = { loaded: [], settled: [] };

  test('all of it, after the network was restarted', async () => {
    expect(await look(scene())).toEqual(all);
    const fixed = `${bridgeWithMac.replace('"dhcp"', 'static')}IPADDR=192.168.221.150\nPREFIX=24\nGATEWAY=192.168.221.1\n`;
    expect(await look(scene({ bridge: fixed, processes: 'COMMAND\n' }), staticArgs)).toEqual(all);
    expect(await look(scene({ bridge: fixed }), { ...dhcpArgs, bootproto: 'static' })).toEqual(all);
  });

  test.each<[string, Scene, string[], string[]]>([
    ['the port is not in it', { master: false }, ['live.ens33.master'], []],
    ['it is down', { flags: '0x1002' }, ['live.br0'], []],
    ['it has a MAC of its own (case 1)', { address: 'd2:90:15:23:a2:42' }, ['live.br0.mac'], []],
    ['it has another delay (case 11)', { delay: '1500' }, ['live.br0.forward_delay'], []],
    [
      'nobody asks for a lease',
      { processes: 'COMMAND\nvi dhclient br0\ndhclient -6 br0\ndhclient ens33\n' },
      ['live.br0.dhcp'],
      [],
    ],
    ['there is no lease yet', { addresses: '5: br0    inet 169.254.3.4/16 scope link br0\n' }, [], ['live.lease']],
    [
      'the port has an address (case 4)',
      {
        addresses:
          '2: ens33    inet 192.168.221.150/24 scope global ens33\n5: br0    inet 192.168.221.150/24 scope global br0\n',
      },
      ['live.ens33.addresses'],
      [],
    ],
  ])('not all: %s', async (_what, changes, loaded, settled) => {
    expect(await look(scene(changes))).toEqual({ loaded, settled });
  });

  test('a static address and its route', async () => {
    const bare = scene({ addresses: '', routes: '' });
    expect(await look(bare, staticArgs)).toEqual({ loaded: ['live.br0.addresses'], settled: ['live.defaultRoute'] });
    const elsewhere = scene({ routes: 'default via 192.168.221.1 dev ens33 \n' });
    expect(await look(elsewhere, staticArgs)).toEqual({ loaded: [], settled: ['live.defaultRoute'] });
  });

  test('nothing, before the network was restarted', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    host.commands.set('ps -eo args', { stdout: 'COMMAND\n/sbin/dhclient -1 -q ens33\n' });
    expect((await look(host)).loaded).toEqual(['live.br0', 'live.br0.dhcp']);
    expect(await look(host, { ...dhcpArgs, onboot: false })).toEqual(all);
  });

  describe('absent', () => {
    const absent: IfcfgBridgeArgs = { ...dhcpArgs, state: 'absent' };
    const commands = async (host: FakeHost, args = absent): Promise<string[]> =>
      ((await ifcfgBridge(args).inForce?.(host.reader))?.clearing ?? []).map(({ argv }) => argv.join(' '));
    const client = 'pkill -f ^[^ ]*dhclient .*-lf [^ ]* -pf (/var)?/run/dhclient6?-br0\\.pid';

    test('the bridge is there: its client, its port and itself go, and the way back makes it again', async () => {
      expect((await look(scene(), absent)).loaded).toEqual(['live.ens33.master', 'live.br0', 'live.br0.dhcp']);
      expect(await commands(scene())).toEqual([client, 'ip link set dev ens33 nomaster', 'ip link delete dev br0']);
      const found = await ifcfgBridge(absent).inForce?.(scene().reader);
      expect(found?.clearing?.map(({ disrupts, undo }) => [disrupts, undo])).toEqual([
        ['link', undefined],
        ['link', undefined],
        ['link', { withOldFiles: [['ip', 'link', 'add', 'br0', 'type', 'bridge']] }],
      ]);
    });

    test('the port is out of it: it goes', async () => {
      const empty = scene({ master: false, processes: 'COMMAND\n', addresses: '' });
      expect((await look(empty, absent)).loaded).toEqual(['live.br0']);
      expect(await commands(empty)).toEqual(['ip link delete dev br0']);
    });

    test('a bridge that guests hold stays, without its address', async () => {
      const held = scene();
      held.files.set('/sys/class/net/br0/brif/vnet0', '');
      expect((await look(held, absent)).loaded).toEqual(['live.ens33.master', 'live.br0.addresses', 'live.br0.dhcp']);
      expect((await commands(held)).slice(1)).toEqual([
        'ip link set dev ens33 nomaster',
        'ip address flush dev br0 scope global',
      ]);
      expect((await ifcfgBridge(absent).inForce?.(held.reader))?.lost).toEqual([
        'vnet0 is plugged into br0: it loses its way to the LAN once ens33 has left br0',
      ]);
    });

    test('there is none: what its port lacks is awaited, and no reason to restart', async () => {
      expect(await look(el7({}), absent)).toEqual(all);
      expect(await commands(el7({}))).toEqual([]);
      const without = el7({ 'ifcfg-ens33': staticEns33 });
      expect(await look(without, absent)).toEqual({
        loaded: [],
        settled: ['live.ens33.addresses', 'live.defaultRoute'],
      });
      expect(await look(el7({ 'ifcfg-ens33': ens33 }), absent)).toEqual({ loaded: [], settled: ['live.lease'] });
      expect(await look(el7({ 'ifcfg-ens33': `${ens33}ONBOOT=no\n` }), absent)).toEqual(all);
    });
  });

  const clearing = async (host: FakeHost, args: IfcfgBridgeArgs): Promise<string[]> =>
    ((await ifcfgBridge(args).inForce?.(host.reader))?.clearing ?? []).map(({ argv }) => argv.join(' '));

  test('spanning tree goes off before the scripts set a delay that the kernel refuses with it', async () => {
    const host = scene();
    const stp = (host.commands.get(sysQuery) as { stdout: string }).stdout.replace('stp_state:0', 'stp_state:1');
    host.commands.set(sysQuery, { stdout: stp });
    const off = ['sh -c echo "$2" > "/sys/class/net/$1/bridge/stp_state" sh br0 0'];
    expect(await clearing(host, { ...dhcpArgs, stp: false })).toEqual(off);
    expect(await clearing(host, dhcpArgs)).toEqual(off);
    expect(await clearing(host, { ...dhcpArgs, stp: true, delay: 4 })).toEqual([]);
    host.files.set(`${scripts}/ifcfg-br0`, `${bridgeWithMac}STP=on\n`);
    expect(await clearing(host, dhcpArgs)).toEqual([]);
  });

  test.each([
    ['rule-ens33', dhcpArgs],
    ['rule-br0', dhcpArgs],
    ['rule-br0', { ...dhcpArgs, state: 'absent' } as const],
  ])('the rules of %s go before it is loaded, whichever device they name, and no others', async (file, args) => {
    const host = scene();
    const device = file.slice('rule-'.length);
    host.files.set(`${scripts}/${file}`, `# ours\nfrom 10.9.0.0/16 table uplink\niif ${device} table 100 pref 200\n`);
    host.files.set('/etc/iproute2/rt_tables', '255\tlocal\n100 uplink # ours\n');
    host.commands.set('ip -4 rule show', {
      stdout: [
        ...[
          '0:\tfrom all lookup local',
          '200:\tfrom all iif ens33 lookup uplink',
          '201:\tfrom all iif ens33 lookup uplink',
        ],
        ...['32764:\tfrom 10.9.0.0/16 to 10.1.0.0/16 lookup uplink', '32765:\tfrom 10.9.0.0/16 lookup uplink'],
        ...['32766:\tfrom all lookup main', ''],
      ].join('\n'),
    });
    expect((await clearing(host, args)).filter((line) => line.includes('rule'))).toEqual([
      'ip -4 rule del priority 200 from all iif ens33 lookup uplink',
      'ip -4 rule del priority 32765 from 10.9.0.0/16 lookup uplink',
    ]);
    const stale = (await look(host, args)).loaded?.includes('live.rules');
    expect(stale).toBe(args.state !== 'absent');
  });

  describe('IPv6', () => {
    const ipv6Query = `grep -s  ${['br0/disable_ipv6', 'br0/accept_ra', 'all/disable_ipv6', 'default/disable_ipv6']
      .map((file) => `/proc/sys/net/ipv6/conf/${file}`)
      .join(' ')}`;
    const withIpv6 = (disabled: string, acceptRa: string, byDefault = '0'): FakeHost => {
      const host = scene();
      const lines = { 'br0/disable_ipv6': disabled, 'br0/accept_ra': acceptRa, 'default/disable_ipv6': byDefault };
      host.commands.set(ipv6Query, {
        stdout: Object.entries(lines)
          .map(([file, text]) => `/proc/sys/net/ipv6/conf/${file}:${text}\n`)
          .join(''),
      });
      return host;
    };
    const given =
      '5: br0    inet6 fd00:77::5054:ff:feaa:1/64 scope global dynamic mngtmpaddr \\       valid_lft 86395sec preferred_lft 14395sec\n5: br0    inet6 fe80::5054:ff:feaa:1/64 scope link \\       valid_lft forever preferred_lft forever\n';

    test('none: the bridge has no IPv6 at all, and one that stays is switched off', async () => {
      const args = { ...dhcpArgs, ipv6: false };
      expect((await look(withIpv6('0', '1'), args)).loaded).toEqual(['live.br0.disable_ipv6']);
      expect(await look(withIpv6('1', '1'), args)).toEqual(all);
      const [step] = (await ifcfgBridge(args).inForce?.(withIpv6('0', '1').reader))?.clearing ?? [];
      expect([step?.argv, step?.undo]).toEqual([
        ['sysctl', '-q', '-w', 'net.ipv6.conf.br0.disable_ipv6=1'],
        { withOldFiles: [['sysctl', '-q', '-w', 'net.ipv6.conf.br0.disable_ipv6=0']] },
      ]);
      expect(await look(scene(), args)).toEqual(all);
    });

    test('again: one that stays is switched on, unless all links are off', async () => {
      expect(await clearing(withIpv6('1', '1'), dhcpArgs)).toEqual(['sysctl -q -w net.ipv6.conf.br0.disable_ipv6=0']);
      expect(await clearing(withIpv6('1', '1', '1'), dhcpArgs)).toEqual([]);
      expect(await look(withIpv6('1', '1', '1'))).toEqual(all);
    });

    test('static: nothing that a router advertises', async () => {
      const args: IfcfgBridgeArgs = { ...dhcpArgs, ipv6: 'static' };
      expect(await look(withIpv6('0', '0'), args)).toEqual(all);
      const host = withIpv6('0', '1');
      host.commands.set('ip -o -6 address show', { stdout: given });
      host.commands.set('ip -6 route show default', {
        stdout: 'default via fe80::1 dev br0 proto ra metric 1024 expires 1795sec\n',
      });
      expect((await look(host, args)).loaded).toEqual(['live.br0.accept_ra', 'live.br0.advertised']);
      host.files.set(`${scripts}/ifcfg-br0`, `${bridgeWithMac}IPV6_FORCE_ACCEPT_RA=yes\n`);
      expect(await look(host, args)).toEqual(all);
    });

    test('its kernel parameters are set when it is made and at boot, in a file that goes with it', async () => {
      const path = '/etc/sysctl.d/90-kvm-play-br0.conf';
      const host = el7({ 'ifcfg-ens33': ens33 });
      await apply(host, { ...dhcpArgs, ipv6: false });
      expect(host.files.get(path)).toMatch(/^# .*\nnet\.ipv6\.conf\.br0\.disable_ipv6 = 1\n$/);
      expect((await check(host, { ...dhcpArgs, ipv6: false })).changed).toBe(false);
      await apply(host, { ...dhcpArgs, ipv6: 'static' });
      expect(host.files.get(path)).toMatch(/\nnet\.ipv6\.conf\.br0\.accept_ra = 0\n$/);
      await apply(host, dhcpArgs);
      expect(host.files.has(path)).toBe(false);
      await apply(host, { ...dhcpArgs, ipv6: false });
      await apply(host, { ...dhcpArgs, state: 'absent' });
      expect(host.files.has(path)).toBe(false);
    });
  });
});

describe('round trip', () => {
  test.each<[string, string, IfcfgBridgeArgs]>([
    ['dhcp', ens33, dhcpArgs],
    ['static', ens33, staticArgs],
    ['static as the port', staticEns33, { ...dhcpArgs, bootproto: 'static' }],
    ['none', 'DEVICE=ens33', { ...dhcpArgs, bootproto: 'none', mac: 'own' }],
    [
      'everything',
      ens33,
      {
        ...staticArgs,
        dns: ['192.168.221.1', '2001:db8::53'],
        ipv6: 'static',
        stp: true,
        delay: 15,
        mtu: 9000,
        mac: '52:54:00:AA:00:09',
        zone: 'public',
        onboot: false,
        nmControlled: true,
      },
    ],
    ['absent', `${ens33}BRIDGE=br0\n`, { ...dhcpArgs, state: 'absent' }],
  ])('%s', async (_what, port, args) => {
    const host = el7({ 'ifcfg-ens33': port }, { '/usr/sbin/NetworkManager': '' });
    const before = filesOf(host);
    const checked = await check(host, args);
    expect(checked.changed).toBe(true);
    expect([filesOf(host), host.executed, host.locked]).toEqual([before, [], false]);
    const applied = await apply(host, args);
    expect({ steps: applied.steps, differences: applied.differences }).toEqual({
      steps: checked.steps,
      differences: checked.differences,
    });
    expect((await apply(host, args)).changed).toBe(false);
    expect((await check(host, args)).changed).toBe(false);
  });

  test('what read returns is canonical already', async () => {
    const host = el7({ 'ifcfg-ens33': ens33 });
    await apply(host, dhcpArgs);
    const { differences: found } = await ifcfgBridge(dhcpArgs).read(host.reader);
    expect(found).toEqual(differences({}, {}));
  });
});
