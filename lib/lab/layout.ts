import { join } from 'node:path';

/** Where labs live, one directory and one lock each. Only root can look into it. */
export const labsDirectory = '/var/lib/kvm-play-lab';

/** Where base roots are kept between runs. */
export const basesDirectory = '/var/cache/kvm-play/lab';

/**
 * The results of probing KVM, one file per base root. They hold until the next boot of this machine, which empties `/run`; only
 * root writes there.
 */
export const virtTypesDirectory = '/run/kvm-play-lab/virt-types';

/** The LAN that every lab has to itself: separate network namespaces may all use the same addresses. */
export const lan = {
  gateway: '192.168.221.1',
  prefix: 24,
  /** The address that the DHCP server keeps for {@link lan.hostMac}. */
  hostAddress: '192.168.221.150',
  hostMac: '52:54:00:aa:00:01',
  /** Its IPv6 gateway and subnet, where a lab has IPv6, and the address that the host makes for itself there from its MAC. */
  ipv6Gateway: 'fd00:221::1',
  ipv6Prefix: 64,
  ipv6HostAddress: 'fd00:221::5054:ff:feaa:1',
  /** The search domain that the DHCP server hands out, where it hands out one. */
  domain: 'lan.test',
  /** Every other client gets the next free address from here. */
  range: ['192.168.221.100', '192.168.221.140'],
} as const;

/** The name of the host's network interface. */
export const hostInterface = 'ens33';

/** Every name that a lab takes on this machine, all of them derived from its id. */
export interface LabLayout {
  readonly id: string;
  /** Locked as long as somebody uses the lab. */
  readonly lockFile: string;
  readonly directory: string;
  readonly description: string;
  /** The overlay: what the host wrote, the kernel's scratch space, and the host's root as it sees it. */
  readonly upper: string;
  readonly work: string;
  readonly root: string;
  readonly sshDirectory: string;
  readonly sshConfig: string;
  readonly consoleLog: string;
  readonly dhcpLog: string;
  readonly leaseFile: string;
  /** The name of the machine, of its cgroup, and the mark by which its supervisor is found. */
  readonly machine: string;
  readonly lanNamespace: string;
  readonly hostNamespace: string;
}

/**
 * Derives every name of a lab from its id.
 * @param id the lab's id, 8 hexadecimal digits
 */
export function layoutOf(id: string): LabLayout {
  const directory = join(labsDirectory, id);
  const machine = `kvmplay-${id}`;
  return {
    id,
    lockFile: join(labsDirectory, `${id}.lock`),
    directory,
    description: join(directory, 'lab.json'),
    upper: join(directory, 'upper'),
    work: join(directory, 'work'),
    root: join(directory, 'root'),
    sshDirectory: join(directory, 'ssh'),
    sshConfig: join(directory, 'ssh', 'config'),
    consoleLog: join(directory, 'console.log'),
    dhcpLog: join(directory, 'dhcp.log'),
    leaseFile: join(directory, 'leases'),
    machine,
    lanNamespace: `${machine}-lan`,
    hostNamespace: `${machine}-host`,
  };
}

/** Where a network namespace is found by name. @param name as `ip netns` knows it */
export function namespacePath(name: string): string {
  return join('/run/netns', name);
}
