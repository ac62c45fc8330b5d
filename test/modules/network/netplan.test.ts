import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { UnsupportedChangeError } from '../../../lib/errors.ts';
import { once } from '../../../lib/task/diff.ts';
import type { CommandStep, Step } from '../../../lib/task/step.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import type { BridgeState } from '../../../modules/network/bridge_state.ts';
import { readLiveBridge } from '../../../modules/network/live.ts';
import { editWithMarks, removeMarks } from '../../../modules/network/netplan/marks.ts';
import { netplanOnManager, netplanOnNetworkd } from '../../../modules/network/netplan/netplan.ts';
import { findOwnedByManager, findOwnedByNetworkd } from '../../../modules/network/netplan/owner.ts';
import { removeLeases } from '../../../modules/network/networkmanager/leases.ts';
import { findStack } from '../../../modules/network/stacks.ts';

const mac = '52:54:00:aa:00:01';
const directory = '/etc/netplan';
const own = '90-kvm-play-br0.yaml';
const dropIn = '/etc/systemd/network/10-netplan-br0.network.d/90-kvm-play.conf';

function capture(name: string): string {
  return readFileSync(new URL(`../captures/network/${name}.txt`, import.meta.url), 'utf8');
}

/** What a command printed in a capture. */
function printed(name: string, command: string): string {
  const [, after = ''] = capture(name).split(`\n$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

/** A file that a capture holds. */
function captured(name: string, path: string): string {
  const text = `\n${capture(name)}`;
  const [, after = ''] = text.split(`\n$ cat ${path}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

const dhcp = 'network:\n  version: 2\n  ethernets:\n    ens33:\n      dhcp4: true\n';

/** An administrator's file, with everything that a later file cannot take back. */
const fixed = `# the office
network:
    version: 2
    renderer: networkd
    ethernets:
        ens33:
            # from the plan of 2019
            addresses:      # two of them
              - 192.168.221.150/24
              # for the monitoring
              - "fd00:221::150/64"
            mtu: 1500
            gateway4: 192.168.221.1   # the firewall

            wakeonlan: yes
            optional: true
            nameservers:
                addresses: [192.168.221.7, 192.168.221.8]
                search: [corp.test]
            routes:
            - {to: 10.9.0.0/16, via: 192.168.221.9, metric: 50}
            routing-policy: [{from: 192.168.221.150, table: 7}]
            accept-ra: no
            link-local: [ipv6]
            ipv6-privacy: false
        ens34: {addresses: [10.1.1.1/24], dhcp4: no} # not ours
`;

interface Given {
  /** Texts of the files in /etc/netplan. */
  readonly files: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, string>>;
  /** netplan's name of ens33. */
  readonly id?: string;
  /** What systemd-networkd says of its DHCP client. */
  readonly clientId?: string;
  /** NetworkManager instead of systemd-networkd. */
  readonly manager?: true;
}

/** A host whose daemon runs ens33 by a file that netplan has written. */
function host({ files, more = {}, id = 'ens33', clientId, manager }: Given): FakeHost {
  const status = `* 2: ens33\n  Network File: /run/systemd/network/10-netplan-${id}.network\n  State: routable (configured)\n${clientId === undefined ? '' : `  DHCP4 Client ID: ${clientId}\n`}\n`;
  const connections = `nmcli tool, version 1.42.4\n--devices\nens33:connected:u1\nlo:connected (externally):u0\n--connections\nu1:netplan-${id}:/run/NetworkManager/system-connections/netplan-${id}.nmconnection\nu0:lo:/run/NetworkManager/system-connections/lo.nmconnection\n`;
  return new FakeHost({
    files: {
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text])),
      ...more,
    },
    commands: { 'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` } },
    answer: (argv) => {
      const words = argv.join(' ');
      if (words.includes('networkctl')) return manager ? { exitCode: 3 } : { stdout: status };
      if (words.includes('nmcli')) return manager ? { stdout: connections } : { exitCode: 3 };
      return { exitCode: 1 };
    },
    onStep: () => ({}),
  });
}

const later = { loadedLater: true } as const;
const given = (args: Partial<BridgeArgs>): BridgeArgs => ({ name: 'br0', port: 'ens33', ...args });
const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.check(on, { ...given(args), ...later });
const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.apply(on, { ...given(args), ...later });

function written(on: FakeHost): Record<string, string> {
  return Object.fromEntries(
    [...on.files].flatMap(([path, text]) =>
      path.startsWith(`${directory}/`) ? [[path.slice(directory.length + 1), text]] : [],
    ),
  );
}

function isWrite(step: Step): boolean {
  return step.kind === 'write' || step.kind === 'remove';
}

describe('who runs a link', () => {
  test('systemd-networkd by a file that netplan has written', async () => {
    const on = new FakeHost({
      answer: () => ({
        stdout: `* 2: ens33\n${printed('netplan-before', 'networkctl --no-pager status ens33 | grep -E "File|State|Client|Address"')}`,
      }),
    });
    expect((await findOwnedByNetworkd(on.reader, ['ens33'])).links).toEqual([
      { link: 'ens33', file: '/run/systemd/network/10-netplan-ens33.network', id: 'ens33' },
    ]);
  });

  test('systemd-networkd, of a bridge in force', async () => {
    const on = new FakeHost({
      answer: () => ({ stdout: printed('netplan-after', 'networkctl --no-pager -n 0 status br0') }),
    });
    expect((await findOwnedByNetworkd(on.reader, ['br0'])).links).toEqual([
      { link: 'br0', file: '/run/systemd/network/10-netplan-br0.network', id: 'br0' },
    ]);
  });

  test('NetworkManager by a connection that netplan has written; what is connected externally is nobody’s', async () => {
    const connections = printed('netplan-nm-before', 'nmcli -t -f NAME,UUID,DEVICE,STATE,FILENAME c')
      .trim()
      .split('\n')
      .map((line) => line.split(':'));
    const devices = printed('netplan-nm-before', 'nmcli -t -f DEVICE,STATE,CONNECTION d')
      .trim()
      .split('\n')
      .map((line) => {
        const [device = '', state = '', name = ''] = line.split(':');
        return `${device}:${state}:${connections.find((row) => row[0] === name)?.[1]}`;
      });
    const rows = connections.map((row) => `${row[1]}:${row[0]}:${row[4]}`);
    const stdout = `nmcli tool, version 1.42.4\n--devices\n${devices.join('\n')}\n--connections\n${rows.join('\n')}\n`;
    const on = new FakeHost({ answer: () => ({ stdout }) });
    expect((await findOwnedByManager(on.reader, ['ens33', 'lo'])).links).toEqual([
      {
        link: 'ens33',
        file: '/run/NetworkManager/system-connections/netplan-ens33.nmconnection',
        id: 'ens33',
      },
    ]);
  });

  test('netplan status is never called: it starts systemd-networkd', async () => {
    for (const manager of [undefined, true] as const) {
      const on = host({ files: { '01.yaml': dhcp }, ...(manager && { manager }) });
      await check(on);
      expect(on.asked.filter((line) => /netplan (?!generate)/.test(line.replaceAll('/etc/netplan', '')))).toEqual([]);
    }
  });
});

describe('a bridge', () => {
  test('whose port asks a DHCP server: the file that holds it stays as it is', async () => {
    const cloud = captured('netplan-before', '/etc/netplan/50-cloud-init.yaml');
    const on = host({ files: { '50-cloud-init.yaml': cloud } });
    expect((await apply(on)).changed).toBe(true);
    expect(written(on)).toEqual({
      '50-cloud-init.yaml': cloud,
      [own]: `# Made by kvm-play: br0, with what ens33 had.
network:
  version: 2
  ethernets:
    ens33:
      dhcp4: false
  bridges:
    br0:
      interfaces:
        - ens33
      dhcp4: true
      macaddress: ${mac}
      parameters:
        stp: false
        forward-delay: 0
`,
    });
    expect(on.executed.find((step) => step.kind === 'write' && step.path.endsWith(own))).toMatchObject({ mode: 0o600 });
    expect((await check(on)).changed).toBe(false);
  });

  test('lists add up: what a later file cannot take back leaves the file that holds it, and nothing else does', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    const { '01.yaml': port = '', [own]: bridgeFile = '' } = written(on);
    expect(port.split('\n').filter((line) => !line.startsWith('# before br0: '))).toEqual(
      fixed
        .split('\n')
        .filter(
          (line) =>
            !/^ {12}(?:addresses|gateway4|nameservers|routes|routing-policy):|^ {14}|^ {16}|- \{to: 10\.9/.test(line),
        ),
    );
    expect(bridgeFile.split('\n').slice(8).join('\n')).toBe(`      interfaces:
        - ens33
      addresses:
        - 192.168.221.150/24
        - fd00:221::150/64
      gateway4: 192.168.221.1
      optional: true
      nameservers:
        addresses:
          - 192.168.221.7
          - 192.168.221.8
        search:
          - corp.test
      routes:
        - to: 10.9.0.0/16
          via: 192.168.221.9
          metric: 50
      routing-policy:
        - from: 192.168.221.150
          table: 7
      accept-ra: no
      link-local:
        - ipv6
      ipv6-privacy: false
      macaddress: ${mac}
      parameters:
        stp: false
        forward-delay: 0
`);
    expect((await check(on)).changed).toBe(false);
  });

  test('is taken back: every file is there byte for byte, and its own are gone', async () => {
    const files = {
      '01.yaml': fixed,
      '20-more.yaml': 'network: {ethernets: {ens33: {addresses: [10.0.0.5/8], mtu: 1400}}}',
      '30.yaml': 'network:\n  ethernets:\n    ens33:\n      nameservers: {addresses: [9.9.9.9]}',
    };
    const on = host({ files, clientId: 'IAID:0x38553e29/DUID' });
    await apply(on, { bootproto: 'dhcp' });
    expect(on.files.get(dropIn)).toContain('IAID=945110569');
    expect(Object.keys(written(on))).toContain(own);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual(files);
    expect(on.files.has(dropIn)).toBe(false);
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('is broken off in between: the bridge has the addresses before the port loses them, and the other way round', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    const names = (steps: readonly Step[]): readonly string[] =>
      steps.flatMap((step) => ('path' in step && isWrite(step) ? [step.path.split('/').at(-1) ?? ''] : []));
    expect(names(on.executed).filter((name) => name.endsWith('.yaml'))).toEqual([own, '01.yaml']);
    on.executed.length = 0;
    await apply(on, { state: 'absent' });
    expect(names(on.executed).filter((name) => name.endsWith('.yaml'))).toEqual(['01.yaml', own]);
  });

  test('the client id stays: dhcp-identifier moves as it was, and is not written where it was not', async () => {
    const on = host({
      files: { '01.yaml': `${dhcp}      dhcp-identifier: mac\n      dhcp4-overrides: {use-dns: no}\n` },
    });
    await apply(on);
    expect(written(on)[own]).toMatch(/br0:\n[\s\S]*dhcp-identifier: mac\n {6}dhcp4-overrides:\n {8}use-dns: no\n/);
    const other = host({ files: { '01.yaml': dhcp } });
    await apply(other);
    expect(written(other)[own]).not.toContain('dhcp-identifier');
  });

  test('the number that systemd made of the port’s name is pinned, beside netplan, which has no word for it', async () => {
    const on = host({ files: { '01.yaml': dhcp }, clientId: 'IAID:0x38553e29/DUID' });
    await apply(on);
    expect(on.files.get(dropIn)).toBe(
      '# Made by kvm-play: the DHCP server knows the host by it.\n[DHCPv4]\nIAID=945110569\n',
    );
    const byMac = host({ files: { '01.yaml': dhcp }, clientId: mac });
    await apply(byMac);
    expect(byMac.files.has(dropIn)).toBe(false);
  });

  test('netplan checks the files before one is written, in a directory of its own', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    const steps = on.executed.filter((step) => !('path' in step && step.path.startsWith('/var/lib/')));
    const [first] = steps;
    expect(first).toMatchObject({
      kind: 'command',
      argv: ['sh', '-c', expect.stringContaining('generate --root-dir'), 'sh'],
    });
    expect(first?.kind === 'command' && String(first.stdin)).toMatch(
      /^\d+ \/etc\/netplan\/90-kvm-play-br0\.yaml\n[\s\S]*^\d+ \/etc\/netplan\/01\.yaml\n# the office\n/m,
    );
  });

  test('what the task says counts', async () => {
    const on = host({ files: { '01.yaml': dhcp } });
    await apply(on, {
      address: '192.168.221.9/24',
      gateway: '192.168.221.1',
      ipv6: 'static',
      ipv6Addresses: ['fd00::9/64'],
      ipv6Gateway: 'fd00::1',
      dns: ['9.9.9.9'],
      search: ['a.test'],
      routes: [{ to: '10.0.0.0/8', via: '192.168.221.2', table: 7 }],
      stp: true,
      delay: 4,
      mtu: 1400,
    });
    expect(written(on)[own]).toBe(`# Made by kvm-play: br0, with what ens33 had.
network:
  version: 2
  ethernets:
    ens33:
      dhcp4: false
      mtu: 1400
  bridges:
    br0:
      interfaces:
        - ens33
      dhcp4: false
      macaddress: ${mac}
      addresses:
        - 192.168.221.9/24
        - fd00::9/64
      routes:
        - to: 0.0.0.0/0
          via: 192.168.221.1
        - to: ::/0
          via: fd00::1
        - to: 10.0.0.0/8
          via: 192.168.221.2
          table: 7
      accept-ra: false
      nameservers:
        addresses:
          - 9.9.9.9
        search:
          - a.test
      mtu: 1400
      parameters:
        stp: true
        forward-delay: 4
`);
  });

  test('that an administrator has described is changed in that file and beside it, and is not taken away', async () => {
    const theirs = `network:
  ethernets: {ens33: {}}
  bridges:
    br0:
      interfaces: [ens33]
      macaddress: ${mac}
      addresses: [192.168.221.150/24] # ours
      parameters: {stp: false}
`;
    const on = host({ files: { '01.yaml': theirs } });
    expect((await check(on)).changed).toBe(false);
    await apply(on, { address: '192.168.221.9/24' });
    expect(written(on)['01.yaml']).toContain('# before br0:       addresses: [192.168.221.150/24] # ours\n');
    expect((await check(on, { address: '192.168.221.9/24' })).changed).toBe(false);
    await expect(check(on, { state: 'absent' })).rejects.toThrow(
      /01\.yaml describes br0, and was not written by kvm-play/,
    );
  });
});

describe('the files of netplan', () => {
  test('the definition is found by its own name, not by the link’s', async () => {
    const text = `network:
  ethernets:
    uplink:
      match: {macaddress: "${mac.toUpperCase()}"}
      set-name: ens33
      addresses: [192.168.221.150/24]
      dhcp6: true
`;
    const on = host({ files: { '01.yaml': text }, id: 'uplink' });
    await apply(on);
    expect(written(on)[own]).toMatch(/ethernets:\n {4}uplink:\n {6}dhcp4: false\n {6}dhcp6: false\n[\s\S]*- uplink\n/);
    expect(written(on)['01.yaml']).toContain('      set-name: ens33\n# before br0:       addresses');
  });

  test('a definition for several links is left alone: one of the port’s own comes before it', async () => {
    const text = 'network:\n  ethernets:\n    all-en: {match: {name: "en*"}, dhcp4: true}\n';
    const on = host({ files: { '90-default.yaml': text }, id: 'all-en' });
    await apply(on);
    const { [own]: bridgeFile = '', ...others } = written(on);
    expect(others).toEqual({ '90-default.yaml': text });
    expect(bridgeFile).toMatch(
      /0-br0-ens33:\n {6}match:\n {8}name: ens33\n {6}dhcp4: false\n[\s\S]*interfaces:\n {8}- 0-br0-ens33\n {6}dhcp4: true\n/,
    );
    expect((await check(on)).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '90-default.yaml': text });
  });

  test('NetworkManager would not know which of the two definitions comes first', async () => {
    const text = 'network:\n  renderer: NetworkManager\n  ethernets: {all-en: {match: {name: "en*"}, dhcp4: true}}\n';
    await expect(check(host({ files: { '90.yaml': text }, id: 'all-en', manager: true }))).rejects.toThrow(
      /all-en matches several links/,
    );
  });

  test('the bridge gets its port’s renderer, wherever that was said', async () => {
    const one = (text: string) => host({ files: { '01.yaml': text }, manager: true });
    const all = one(`network:\n  renderer: NetworkManager\n${dhcp.slice('network:\n'.length)}`);
    await apply(all);
    expect(written(all)[own]).not.toContain('renderer');
    const single = one(`${dhcp}      renderer: NetworkManager\n`);
    await apply(single);
    expect(written(single)[own]).toContain('      renderer: NetworkManager\n');
  });

  test('one that cannot be parsed is named with its line', async () => {
    const on = host({ files: { '01.yaml': dhcp, '20-new.yaml': 'network:\n  bridges:\n    br1: [a\n' } });
    await expect(apply(on)).rejects.toThrow(UnsupportedChangeError);
    await expect(apply(on)).rejects.toThrow(/\/etc\/netplan\/20-new\.yaml cannot be read.*: line \d: /);
    expect(on.executed.filter(isWrite).filter((step) => 'path' in step && step.path.startsWith('/etc'))).toEqual([]);
  });

  test('of two files with the same name the one in /etc counts', async () => {
    const on = host({
      files: { '01.yaml': dhcp },
      more: { '/run/netplan/01.yaml': 'network: {ethernets: {ens33: {addresses: [1.2.3.4/24]}}}' },
    });
    await apply(on);
    expect(written(on)[own]).not.toContain('1.2.3.4');
  });

  test('scalars of a later file win', async () => {
    const on = host({
      files: { '01.yaml': dhcp, '02.yaml': 'network: {ethernets: {ens33: {dhcp4: off, addresses: [10.0.0.1/8]}}}' },
    });
    await apply(on);
    expect(written(on)[own]).toMatch(/dhcp4: off\n {6}addresses:\n {8}- 10\.0\.0\.1\/8\n/);
  });

  test.each([
    [
      'a file that is made anew at every boot',
      { more: { '/run/netplan/00.yaml': 'network: {ethernets: {ens33: {addresses: [10.0.0.1/8]}}}' } },
      {},
      /addresses of ens33 must leave \/run\/netplan\/00\.yaml/,
    ],
    [
      'a file with a password',
      { files: { '01.yaml': `${fixed}    wifis: {w: {access-points: {x: {password: p}}}}\n` } },
      {},
      /holds a secret \(password\)/,
    ],
    [
      'aliases',
      {
        files: {
          '01.yaml':
            'network:\n  ethernets:\n    ens33:\n      addresses: &a [10.0.0.1/8]\n    e2:\n      addresses: *a\n',
        },
      },
      {},
      /addresses of ens33 must leave .*without aliases/,
    ],
    [
      'settings that NetworkManager alone knows',
      { files: { '01.yaml': `${dhcp}      networkmanager: {passthrough: {connection.zone: dmz}}\n` } },
      {},
      /passthrough of ens33 holds connection\.zone/,
    ],
    ['Open vSwitch', { files: { '01.yaml': `${dhcp}      openvswitch: {}\n` } }, {}, /Open vSwitch/],
    [
      'a port of another bridge',
      { files: { '01.yaml': `${dhcp}  bridges: {br7: {interfaces: [ens33]}}\n` } },
      {},
      /ens33 belongs to br7/,
    ],
    ['no definition', { files: { '01.yaml': 'network: {}' } }, {}, /no file of netplan describes ens33/],
    [
      'settings of systemd-networkd beside',
      { more: { '/etc/systemd/network/10-netplan-ens33.network.d/x.conf': '' } },
      {},
      /10-netplan-ens33\.network\.d holds settings/,
    ],
    ['a zone', {}, { zone: 'dmz' }, /netplan knows no zones/],
    ['a bridge that does not come up', {}, { onboot: false }, /leave 'onboot' out/],
    [
      'another backend',
      {},
      { backend: 'networkd' as const },
      /'backend' is networkd, and netplan with systemd-networkd owns ens33/,
    ],
  ])('%s: refused', async (_what, more, args, words) => {
    const on = host({ files: { '01.yaml': dhcp }, ...more });
    await expect(apply(on, args)).rejects.toThrow(words);
    expect(Object.keys(written(on))).not.toContain(own);
  });
});

describe('marks', () => {
  test.each([
    ['lines', 'a\nbb\ncc\n', { start: 2, end: 5, text: '' }, 'a\n# before br0: bb\ncc\n'],
    [
      'a part of a line',
      'a\nbb\ncc\n',
      { start: 3, end: 4, text: 'x' },
      'a\n# before br0: bb\nbx # since br0, by kvm-play\ncc\n',
    ],
    ['the last line without a break', 'a\nbb', { start: 2, end: 4, text: '' }, 'a\n# before br0: bb'],
    ['line breaks of Windows', 'a\r\nbb\r\n', { start: 3, end: 7, text: '' }, 'a\r\n# before br0: bb\r\n'],
  ])('%s', (_what, text, edit, marked) => {
    expect(editWithMarks('br0', text, [edit])).toBe(marked);
    expect(removeMarks('br0', marked)).toBe(text);
  });
});

/** A bridge that is to be loaded, on a host with the links that are named. */
async function loading(
  stack: typeof netplanOnManager,
  { bridge: wanted, plugged, manager }: { bridge: 'absent' | 'present'; plugged?: readonly string[]; manager?: true },
): Promise<readonly CommandStep[]> {
  const brif = Object.fromEntries((plugged ?? []).map((link) => [`/sys/class/net/br0/brif/${link}`, '']));
  const on = host({
    files: { '01.yaml': dhcp },
    more: plugged === undefined ? {} : { '/sys/class/net/br0/bridge/stp_state': '0', ...brif },
    ...(manager && { manager }),
  });
  const desired: BridgeState = {
    name: 'br0',
    bridge: wanted === 'absent' ? 'absent' : {},
    ports: {},
    portNames: once(['ens33']),
    backend: once(undefined),
    mayCutGuests: once(true),
  };
  expect(await findStack(on.reader, desired)).toMatchObject({ stack: { title: stack.title } });
  return stack.load(on.reader, [{ desired, live: await readLiveBridge(on.reader, 'br0', ['ens33']) }]);
}

const lines = (steps: readonly CommandStep[]): readonly string[] => steps.map(({ argv }) => argv.join(' '));

describe('loading', () => {
  test('with systemd-networkd: a file that netplan cannot read fails it before the link is touched', async () => {
    const steps = await loading(netplanOnNetworkd, { bridge: 'present' });
    expect(lines(steps)).toEqual(['netplan generate', 'networkctl reload']);
    expect(steps[0]?.judgedBy).toBeUndefined();
  });

  test('the way back generates the files once more, also at boot: the generator has run by then', async () => {
    const [networkd] = await loading(netplanOnNetworkd, { bridge: 'present' });
    expect(networkd?.undo).toEqual({
      withOldFiles: [
        ['netplan', 'generate'],
        ['networkctl', 'reload'],
      ],
      atBoot: [['netplan', 'generate']],
      before: ['systemd-networkd.service', 'netplan-configure.service'],
    });
    const [manager] = await loading(netplanOnManager, { bridge: 'present', manager: true });
    expect(manager?.undo).toMatchObject({
      atBoot: [['netplan', 'generate']],
      before: ['NetworkManager.service', 'netplan-configure.service'],
    });
  });

  test('a second time with systemd-networkd', async () => {
    expect(lines(await loading(netplanOnNetworkd, { bridge: 'present', plugged: ['ens33', 'vnet0'] }))).toEqual([
      'netplan generate',
      'networkctl reload',
    ]);
  });

  test('systemd-networkd never deletes a bridge', async () => {
    expect(lines(await loading(netplanOnNetworkd, { bridge: 'absent', plugged: ['ens33'] })).slice(2)).toEqual([
      'ip link set dev ens33 nomaster',
      'ip link delete dev br0',
    ]);
  });

  test('with NetworkManager: the port’s connection is activated', async () => {
    expect(lines(await loading(netplanOnManager, { bridge: 'present', manager: true }))).toEqual([
      'netplan generate',
      'nmcli connection reload',
      'nmcli --wait 30 connection up netplan-ens33',
    ]);
  });

  test('a second time with NetworkManager: nothing is activated, because that throws guests out', async () => {
    expect(
      lines(await loading(netplanOnManager, { bridge: 'present', plugged: ['ens33', 'vnet0'], manager: true })),
    ).toEqual(['netplan generate', 'nmcli connection reload', 'nmcli device reapply br0']);
  });

  test('NetworkManager is told to leave a bridge alone before its connection is gone: guests stay plugged in', async () => {
    const steps = await loading(netplanOnManager, { bridge: 'absent', plugged: ['ens33', 'vnet0'], manager: true });
    expect(lines(steps.slice(0, -1))).toEqual([
      'netplan generate',
      'nmcli device set br0 managed no',
      'nmcli connection reload',
      'ip link set dev ens33 nomaster',
      'ip address flush dev br0',
      'nmcli --wait 30 connection up netplan-ens33',
    ]);
    expect(steps.at(-1)?.argv).toEqual(removeLeases('br0'));
  });
});
