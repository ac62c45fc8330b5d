import { describe, expect, test } from '@jest/globals';
import { ArgumentError, UnsupportedChangeError } from '../../lib/errors.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type VirshNetworkArgs, virshNetwork } from '../../modules/virsh_network.ts';
import { askSystemd, capture, libvirtd, notFound, virsh } from '../support/libvirt_captures.ts';

const askXml = virsh('net-dumpxml', '--inactive', 'default');
const askInfo = virsh('net-info', 'default');

function awake(
  xml: FakeAnswer = { stdout: capture('net-default.inactive.xml') },
  info = capture('net-info.txt'),
): FakeHost {
  return new FakeHost({
    commands: {
      [askSystemd]: libvirtd('active', 'active'),
      [askXml]: xml,
      [askInfo]: xml.exitCode === 1 ? xml : { stdout: info },
      [virsh('net-dumpxml', '--inactive', 'lan')]: notFound('network', 'lan'),
      [virsh('net-info', 'lan')]: notFound('network', 'lan'),
    },
  });
}

async function definition(
  args: VirshNetworkArgs,
  host: FakeHost = awake(notFound('network', 'default')),
): Promise<string> {
  const { steps } = await virshNetwork.check(host, args);
  const [step] = steps;
  if (step?.kind !== 'command') throw new Error('no step defines it');
  expect(step.argv).toEqual(['sh', '-c', 'cat | virsh -c "$1" "$2" /dev/stdin', 'sh', 'qemu:///system', 'net-define']);
  return String(step.stdin ?? '');
}

describe('desired', () => {
  test.each<[VirshNetworkArgs, string]>([
    [{ name: 'a b' }, 'letters, digits'],
    [{ name: 'lan', bridge: 'a-name-that-is-too-long' }, '1 to 15'],
    [{ name: 'lan', address: '192.168.1.1' }, 'a prefix of 8 to 30 bits'],
    [{ name: 'lan', address: '192.168.1.0/24' }, 'that of a machine'],
    [{ name: 'lan', address: '192.168.1.255/24' }, 'that of a machine'],
    [{ name: 'lan', dhcp: { start: '10.0.0.9', end: '10.0.0.2' } }, 'which is behind its end'],
    [
      { name: 'default', dhcp: { start: '10.0.0.2', end: '10.0.0.9' } },
      'the network of 192.168.122.1/24 has 192.168.122.1 to 192.168.122.254',
    ],
    [{ name: 'lan', dhcp: { start: 'x', end: 'y' } }, 'four numbers'],
  ])('refuses %j', (args, message) => {
    expect(() => virshNetwork(args)).toThrow(ArgumentError);
    expect(() => virshNetwork(args)).toThrow(message);
  });

  test('provides the network', () => {
    expect(virshNetwork({ name: 'default' }).provides).toEqual(['network:default']);
  });
});

describe('read', () => {
  test('finds the default network as wanted, also in every detail', async () => {
    const all = {
      name: 'default',
      bridge: 'virbr0',
      address: '192.168.122.1/24',
      forward: 'nat',
      dhcp: { start: '192.168.122.2', end: '192.168.122.254' },
    } as const;
    expect((await virshNetwork({ name: 'default' }).read(awake().reader)).differences).toEqual([]);
    expect((await virshNetwork(all).read(awake().reader)).differences).toEqual([]);
  });

  test('wakes no daemon that sleeps', async () => {
    const host = new FakeHost({
      commands: { [askSystemd]: libvirtd('inactive', 'active') },
      files: {
        '/etc/libvirt/qemu/networks/default.xml': capture('net-default.file.xml'),
        '/etc/libvirt/qemu/networks/autostart/default.xml': capture('net-default.file.xml'),
        '/run/libvirt/network/default.xml': capture('net-default.status.xml'),
        '/run/libvirt/network/autostarted': '',
      },
    });
    const { differences, missing } = await virshNetwork({ name: 'default', bridge: 'virbr0' }).read(host.reader);
    expect({ differences, missing }).toEqual({ differences: [], missing: [] });
    expect(host.asked).toEqual([askSystemd]);
    host.files.delete('/run/libvirt/network/default.xml');
    expect((await virshNetwork({ name: 'default' }).read(host.reader)).differences).toMatchObject([{ path: 'active' }]);
  });
});

describe('plan', () => {
  test('defines the network that libvirt itself would have made', async () => {
    expect(await definition({ name: 'default' })).toBe(`<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='on' delay='0'/>
  <ip address='192.168.122.1' prefix='24'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>
`);
  });

  test.each<[string, Partial<VirshNetworkArgs>, string, string]>([
    [
      'the stretch before the host',
      { address: '10.0.0.254/24' },
      "<range start='10.0.0.1' end='10.0.0.253'/>",
      '<bridge',
    ],
    ['no addresses', { address: '10.0.0.1/24', dhcp: false }, "<ip address='10.0.0.1' prefix='24'>", '<dhcp>'],
    ['an isolated network', { address: '10.0.0.1/24', forward: 'none' }, '<dhcp>', '<forward'],
  ])('renders %s', async (_what, args, has, lacks) => {
    const xml = await definition({ name: 'lan', ...args });
    expect(xml).toContain(has);
    expect(xml).not.toContain(lacks);
  });

  test('needs an address for a new network', async () => {
    await expect(virshNetwork.check(awake(), { name: 'lan' })).rejects.toThrow('does not say its address');
  });

  test('starts it and has it started', async () => {
    const info = capture('net-info.txt')
      .replaceAll(/yes$/gm, 'no')
      .replace('Persistent:     no', 'Persistent:     yes');
    const { steps } = await virshNetwork.check(awake(undefined, info), { name: 'default' });
    expect(steps).toMatchObject([
      { argv: ['virsh', '-c', 'qemu:///system', 'net-start', 'default'] },
      { argv: ['virsh', '-c', 'qemu:///system', 'net-autostart', 'default'] },
    ]);
  });

  test('stops it only where guests may be disturbed', async () => {
    await expect(virshNetwork.check(awake(), { name: 'default', active: false })).rejects.toThrow(
      'disturb a running guest',
    );
    const { steps } = await virshNetwork.check(awake(), { name: 'default', active: false, disrupts: ['guest'] });
    expect(steps).toMatchObject([{ argv: ['virsh', '-c', 'qemu:///system', 'net-destroy', 'default'] }]);
  });

  test.each<[Partial<VirshNetworkArgs>, string]>([
    [{ address: '192.168.5.1/24' }, 'has the address 192.168.122.1/24, wanted is 192.168.5.1/24'],
    [{ bridge: 'virbr1' }, 'has the bridge virbr0, wanted is virbr1'],
    [{ forward: 'none' }, 'has the forward nat, wanted is none'],
    [{ dhcp: false }, 'has the dhcp 192.168.122.2-192.168.122.254, wanted is none'],
  ])('changes no network under its guests: %j', async (args, message) => {
    const change = virshNetwork.check(awake(), { name: 'default', ...args });
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow(message);
  });
});

test('round trip: check writes nothing, apply changes, apply again is ok', async () => {
  const host = awake(notFound('network', 'default'));
  const real = new FakeHost({
    commands: Object.fromEntries(host.commands),
    onStep: (argv, self) => {
      if (argv.includes('net-autostart')) {
        self.commands.set(askXml, { stdout: capture('net-default.inactive.xml') });
        self.commands.set(askInfo, { stdout: capture('net-info.txt') });
      }
      return {};
    },
  });
  expect((await virshNetwork.check(real, { name: 'default' })).changed).toBe(true);
  expect(real.executed).toEqual([]);
  expect((await virshNetwork.apply(real, { name: 'default' })).changed).toBe(true);
  expect(real.executed).toHaveLength(3);
  expect((await virshNetwork.apply(real, { name: 'default' })).changed).toBe(false);
});

describe('known before a network starts', () => {
  const table = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'ens33\t00000000\t01DDA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    'ens33\t00DDA8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
    '',
  ].join('\n');

  function host(): FakeHost {
    const found = awake();
    found.files.set('/proc/net/route', table);
    found.files.set('/sys/class/net/br0/bridge/stp_state', '0');
    return found;
  }

  test.each<[VirshNetworkArgs, string]>([
    [{ name: 'lan', address: '192.168.50.1/24', bridge: 'br0' }, "the host has a link 'br0' already"],
    [{ name: 'lan', address: '192.168.221.9/24' }, "is that of the host's link 'ens33' already"],
  ])('%j', async (args, message) => {
    const change = virshNetwork.apply(host(), args);
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow(message);
  });

  test.each<VirshNetworkArgs>([
    { name: 'lan', address: '192.168.220.1/22' },
    { name: 'lan', address: '192.168.222.1/24', bridge: 'br1' },
    { name: 'lan', address: '192.168.221.9/24', active: false },
  ])('but %j', async (args) => {
    expect((await virshNetwork.check(host(), args)).changed).toBe(true);
  });

  test('asks nothing more of a network that is up', async () => {
    const idle = host();
    idle.files.set('/sys/class/net/virbr0/bridge/stp_state', '0');
    expect((await virshNetwork.check(idle, { name: 'default' })).changed).toBe(false);
  });
});
