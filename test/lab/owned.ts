import { expect } from '@jest/globals';
import type { Lab, LabNetwork } from '../../lib/lab/index.ts';
import { until } from '../support/until.ts';

/** A kind of host, and what it says about the owner of its interface. */
export interface Kind {
  readonly network: LabNetwork;
  /** Network services that run, of those that all hosts could have. */
  readonly running: readonly string[];
  /** Asks the host who owns the interface. */
  readonly owner: string;
  readonly answer: RegExp;
  /** What the host's DHCP client sends as its id. A server that goes by the MAC keeps none. */
  readonly clientId: RegExp;
}

const services: readonly string[] = ['network', 'NetworkManager', 'systemd-networkd', 'networking'];

const connection = 'nmcli -t -f DEVICE,STATE device; nmcli -t -f DEVICE,FILENAME connection show --active';
const connected = (file: string): RegExp => new RegExp(`^ens33:connected$[^]*^ens33:${file}$`, 'm');
const link = 'networkctl --json=short status ens33';
const configured = (file: string): RegExp =>
  new RegExp(`"AdministrativeState":"configur(?:ed|ing)".*"NetworkFile":"${file}"`);

const byMac = /^01:52:54:00:aa:00:01$/;
const byDuid = /^ff(:[0-9a-f]{2}){4}:00:/;

export const networkScripts: Kind = {
  network: 'network-scripts',
  running: ['network'],
  owner: 'systemctl is-enabled network; pgrep -x -a dhclient',
  answer: /^enabled\n\d+ .*ens33$/,
  clientId: /^$/,
};

/** The hosts with today's network stacks, which run udev. */
export const today: readonly Kind[] = [
  {
    network: 'networkmanager',
    running: ['NetworkManager'],
    owner: connection,
    answer: connected('/etc/NetworkManager/system-connections/ens33.nmconnection'),
    clientId: byMac,
  },
  {
    network: 'networkd',
    running: ['systemd-networkd'],
    owner: link,
    answer: configured('/etc/systemd/network/10-ens33.network'),
    clientId: byDuid,
  },
  {
    network: 'netplan',
    running: ['systemd-networkd'],
    owner: link,
    answer: configured('/run/systemd/network/10-netplan-ens33.network'),
    clientId: byDuid,
  },
  {
    network: 'netplan-nm',
    running: ['NetworkManager'],
    owner: connection,
    answer: connected('/run/NetworkManager/system-connections/netplan-ens33.nmconnection'),
    clientId: byMac,
  },
  {
    network: 'ifupdown',
    running: ['networking'],
    owner: 'ifquery --state ens33',
    answer: /^ens33=ens33$/,
    clientId: byDuid,
  },
];

export const say = async (lab: Lab, script: string): Promise<string> =>
  (await lab.run(['sh', '-c', script], { reject: false })).stdout.trimEnd();

/** Requires that this stack, and no other, holds the interface with the host's address. @returns the DHCP client's id */
export async function expectOwned(lab: Lab, kind: Kind): Promise<string | undefined> {
  const states = (await say(lab, `systemctl is-active ${services.map((name) => `${name}.service`).join(' ')}`)).split(
    '\n',
  );
  expect(services.filter((_, index) => states[index] === 'active')).toEqual(kind.running);
  expect(await say(lab, kind.owner)).toMatch(kind.answer);
  expect(await say(lab, 'ip -4 -o address show dev ens33')).toContain(` ${lab.hostAddress}/24 `);
  const leases = (await lab.leases()).filter(({ mac }) => mac === '52:54:00:aa:00:01');
  expect(leases.map(({ address }) => address)).toEqual([lab.hostAddress]);
  expect(leases[0]?.clientId).toMatch(kind.clientId);
  return leases[0]?.clientId;
}

/** Requires that udev knows the interface, and treats a new bridge as it does on a real host. */
export async function expectUdev(lab: Lab): Promise<void> {
  expect(await say(lab, 'udevadm info --query=property /sys/class/net/ens33')).toMatch(/^ID_NET_DRIVER=veth$/m);
  await lab.run(['ip', 'link', 'add', 'made', 'type', 'bridge']);
  // 3: given by somebody, here by udev from the bridge's name; 1 would be the kernel's random one.
  await until(async () => (await say(lab, 'cat /sys/class/net/made/addr_assign_type')) === '3');
  await lab.run(['ip', 'link', 'delete', 'made']);
}

/** Requires that the host can announce or set no device of this machine. Asked, never tried. */
export async function expectDevicesReadOnly(lab: Lab): Promise<void> {
  const script = `for path in /sys/devices/* /sys/devices/virtual/*; do
  echo "$(findmnt -n -o OPTIONS -T "$path" | tail -n 1) $path"
done`;
  const lines = (await say(lab, script)).split('\n').filter((line) => !line.startsWith('ro,'));
  expect(lines.map((line) => line.replace(/^\S+ /, ''))).toEqual(['/sys/devices/virtual', '/sys/devices/virtual/net']);
}

/** Requires that the DHCP server's name server has come to those who ask for names. */
export async function expectNameServer(lab: Lab): Promise<void> {
  await until(async () => (await say(lab, 'cat /etc/resolv.conf; resolvectl dns ens33')).includes('192.168.221.1'));
}
