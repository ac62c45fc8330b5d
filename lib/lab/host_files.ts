import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { packageFile } from '../process/package_files.ts';
import { hostInterface } from './layout.ts';
import type { LabKeys } from './ssh.ts';

/** A file of the host. */
export interface HostFile {
  /** Absolute, inside the host. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** The UUID of the host's first profile, for NetworkManager and the network scripts alike. */
const profile = 'f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11';

/** ifcfg-ens33 as an installer of CentOS 7 leaves it. */
export const originalIfcfg: string = `DEVICE=${hostInterface}
NAME=${hostInterface}
UUID=${profile}
TYPE=Ethernet
BOOTPROTO=dhcp
DEFROUTE=yes
ONBOOT=yes
`;

/**
 * Lists the files that make a fresh root this host: its names, keys, network configuration, and the stand-in for
 * the network scripts.
 * @param hostname the host's name
 * @param keys what it is reached with
 */
export async function hostFiles(hostname: string, keys: LabKeys): Promise<readonly HostFile[]> {
  const plain = (path: string, text: string, mode = 0o644): HostFile => ({ path, text, mode });
  return [
    plain('/etc/hostname', `${hostname}\n`),
    plain('/etc/hosts', `127.0.0.1 localhost ${hostname}\n::1 localhost\n`),
    // An empty one would make systemd take this for a first boot, and enable every unit.
    plain('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`, 0o444),
    plain('/etc/ssh/ssh_host_ed25519_key', keys.hostPrivate, 0o600),
    plain('/etc/ssh/ssh_host_ed25519_key.pub', keys.hostPublic),
    plain('/etc/ssh/sshd_config.d/lab.conf', sshd),
    plain('/etc/ssh/authorized_keys', keys.userPublic),
    plain('/etc/sudoers.d/admin', 'admin ALL=(ALL:ALL) NOPASSWD: ALL\n', 0o440),
    plain('/etc/systemd/system/lab-devices.service', devices),
    plain('/etc/NetworkManager/NetworkManager.conf', networkManager),
    plain(`/etc/NetworkManager/system-connections/${hostInterface}.nmconnection`, connection, 0o600),
    plain('/etc/sysconfig/network', 'NETWORKING=yes\n'),
    plain(`/etc/sysconfig/network-scripts/ifcfg-${hostInterface}`, originalIfcfg),
    plain('/etc/sysconfig/network-scripts/ifcfg-lo', loopback),
    ...(await networkScripts()),
  ];
}

const loopback = `DEVICE=lo
IPADDR=127.0.0.1
NETMASK=255.0.0.0
NETWORK=127.0.0.0
BROADCAST=127.255.255.255
ONBOOT=yes
NAME=loopback
`;

/** One file of keys for root and admin. */
const sshd = `HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys
UseDNS no
`;

/**
 * /dev/kvm as the host's own device node: its group is the host's, not this machine's. And the interface, always the
 * second of a fresh namespace, marked as one that udev knows: NetworkManager waits for that, and there is no udev.
 */
const devices = `[Unit]
Description=Device nodes of the lab's host
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '[ ! -e /sys/class/misc/kvm ] || { mknod -m 660 /dev/kvm c 10 232; chgrp kvm /dev/kvm; }'
ExecStart=/bin/sh -c 'mkdir -p /run/udev/data && echo I:1 > /run/udev/data/n2'

[Install]
WantedBy=sysinit.target
`;

const networkManager = `[main]
plugins=keyfile
dhcp=dhclient
`;

const connection = `[connection]
id=${hostInterface}
uuid=${profile}
type=ethernet
interface-name=${hostInterface}

[ipv4]
method=auto

[ipv6]
method=link-local
addr-gen-mode=eui64
`;

/** Where each file of the stand-in belongs on the host. */
const places: Readonly<Record<string, string>> = { network: '/etc/init.d' };

async function networkScripts(): Promise<readonly HostFile[]> {
  const directory = packageFile('lib/lab/network-scripts/');
  const files: HostFile[] = [];
  for (const name of await readdir(directory)) {
    const path = `${places[name] ?? '/etc/sysconfig/network-scripts'}/${name}`;
    files.push({ path, text: await readFile(new URL(name, directory), 'utf8'), mode: 0o755 });
  }
  return files;
}
