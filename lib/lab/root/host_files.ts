import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { packageFile } from '../../process/package_files.ts';
import type { LabKeys } from '../ssh.ts';
import type { HostFile, HostKind } from './kinds.ts';

/**
 * Lists the files that make a fresh root this host: its names, keys, network configuration and, where the network
 * scripts are at home, the stand-in for them.
 * @param hostname the host's name
 * @param keys what it is reached with
 * @param kind what kind of host it is
 */
export async function hostFiles(hostname: string, keys: LabKeys, kind: HostKind): Promise<readonly HostFile[]> {
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
    plain('/etc/systemd/system/lab-devices.service', kind.udev ? devices : devices + knownInterface),
    ...needlessGenerators.map((name) => plain(`/etc/systemd/system-generators/systemd-${name}-generator`, '')),
    ...kind.files,
    ...(kind.udev ? [] : await networkScripts()),
  ];
}

/** One file of keys for root and admin. */
const sshd = `HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys
UseDNS no
`;

/** /dev/kvm as the host's own device node: its group is the host's, not this machine's. */
const devices = `[Unit]
Description=Device nodes of the lab's host
DefaultDependencies=no
Before=sysinit.target

[Install]
WantedBy=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '[ ! -e /sys/class/misc/kvm ] || { mknod -m 660 /dev/kvm c 10 232; chgrp kvm /dev/kvm; }'
`;

/** The interface, always the second of a fresh namespace, marked as known: without udev NetworkManager waits for that. */
const knownInterface = `ExecStart=/bin/sh -c 'mkdir -p /run/udev/data && echo I:1 > /run/udev/data/n2'
`;

/**
 * Generators of units for disks, kernel options and terminals, of which the host has none. systemd runs all of them each time that it
 * loads its configuration anew; an empty file in place of one masks it.
 */
const needlessGenerators: readonly string[] = [
  ...['cryptsetup', 'debug', 'fstab', 'getty', 'gpt-auto', 'hibernate-resume', 'import', 'integritysetup', 'rc-local'],
  ...['run', 'ssh', 'system-update', 'tpm2', 'veritysetup'],
];

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
