import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { LabError } from './error.ts';
import { basesDirectory } from './layout.ts';
import { takeLock } from './lock.ts';

const suite = 'bookworm';

/** What is installed on a lab's host, beside what Debian's minbase brings. */
const packages: readonly string[] = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'openssh-server', 'sudo', 'procps', 'kmod', 'bc'],
  ...['iproute2', 'iputils-ping', 'iputils-arping', 'ethtool', 'bridge-utils', 'iptables'],
  ...['network-manager', 'dnsmasq-base', 'isc-dhcp-client'],
  ...['libvirt-daemon-system', 'libvirt-clients', 'virtinst', 'osinfo-db', 'libosinfo-bin'],
  ...['qemu-system-x86', 'qemu-utils', 'ipxe'],
  // Login shells that are no POSIX shells: sessions must survive them.
  ...['tcsh', 'fish'],
];

/** What no host needs of a package. */
const leftOut: readonly string[] = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];

/** Units that would look at or set this machine's devices, clock or kernel, or that only take time at boot. */
const masked: readonly string[] = [
  ...['systemd-udevd.service', 'systemd-udevd-control.socket', 'systemd-udevd-kernel.socket'],
  ...['systemd-udev-trigger.service', 'systemd-udev-settle.service', 'systemd-timesyncd.service'],
  ...['hwclock.service', 'systemd-modules-load.service', 'kmod-static-nodes.service', 'systemd-pstore.service'],
  ...[
    'console-getty.service',
    'getty@tty1.service',
    'getty.target',
    'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount',
  ],
  ...['sys-kernel-config.mount', 'sys-fs-fuse-connections.mount', 'dev-hugepages.mount', 'dev-mqueue.mount'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
  ...['e2scrub_reap.service', 'networking.service', 'NetworkManager-wait-online.service', 'wpa_supplicant.service'],
];

/** What a host on which libvirt was only just installed does not run yet. */
const disabled: readonly string[] = [
  ...['libvirtd.service', 'libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket', 'libvirt-guests.service'],
  ...['virtlogd.service', 'virtlogd.socket', 'virtlogd-admin.socket'],
  ...['virtlockd.service', 'virtlockd.socket', 'virtlockd-admin.socket', 'machines.target'],
];

/** Runs inside the new root, once. In a container libvirt can neither make cgroups nor namespaces of its own. */
const recipe = `set -e
systemctl mask ${masked.join(' ')}
systemctl disable ${disabled.join(' ')}
rm -f /etc/ssh/ssh_host_*_key* /etc/libvirt/qemu/networks/default.xml /etc/libvirt/qemu/networks/autostart/*
rm -f /usr/lib/sysctl.d/50-pid-max.conf /usr/lib/sysctl.d/99-protect-links.conf /usr/sbin/policy-rc.d
rm -rf /etc/network
: > /etc/resolv.conf
: > /etc/machine-id
cat >> /etc/libvirt/qemu.conf <<'EOF'
cgroup_controllers = [ ]
security_driver = "none"
namespaces = [ ]
remember_owner = 0
EOF
useradd --create-home --shell /bin/bash admin
mkdir -p /etc/sysconfig/network-scripts /var/lib/dhclient /var/lib/libvirt/images
`;

/**
 * Returns a complete root of a host, which nobody may write to; builds it if this machine has none yet.
 * Takes about a minute and downloads about 200 MB the first time. Two builders do not collide: the second waits.
 * @param options `onProgress` is told what takes time; `signal` ends the building; `mirror` is a Debian mirror
 *   (default: the one that mmdebstrap takes by itself)
 * @throws LabError with mmdebstrap's last lines
 */
export async function baseRoot(options: {
  onProgress: (message: string) => void;
  signal?: AbortSignal | undefined;
  mirror?: string | undefined;
}): Promise<string> {
  const hash = createHash('sha256')
    .update(JSON.stringify([suite, packages, leftOut, recipe]))
    .digest('hex')
    .slice(0, 16);
  const root = join(basesDirectory, hash);
  if (await exists(root)) return root;
  await mkdir(basesDirectory, { recursive: true });
  options.onProgress('waiting for the right to build the base root');
  const lock = await takeLock(`${root}.lock`, { wait: true, ...(options.signal ? { signal: options.signal } : {}) });
  try {
    if (await exists(root)) return root;
    await removeUnfinished(hash);
    options.onProgress(
      `building the base root, ${packages.length} packages and what they need; this takes a minute, once`,
    );
    const unfinished = `${root}.unfinished`;
    await debootstrap(unfinished, options);
    await rename(unfinished, root);
    return root;
  } finally {
    await lock?.release();
  }
}

async function debootstrap(
  target: string,
  options: { signal?: AbortSignal | undefined; mirror?: string | undefined },
): Promise<void> {
  const argv = [
    ...['--variant=minbase', `--include=${packages.join(',')}`, '--aptopt=Acquire::Languages "none"'],
    ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--customize-hook=chroot "$1" sh -c "$KVM_PLAY_RECIPE"`,
    ...[suite, target, ...(options.mirror === undefined ? [] : [options.mirror])],
  ];
  // In a mount namespace of its own: when it is killed, its mounts are gone with it.
  const { exitCode, stderr } = await execa('unshare', ['--mount', '--propagation', 'private', 'mmdebstrap', ...argv], {
    reject: false,
    stdin: 'ignore',
    env: { KVM_PLAY_RECIPE: recipe, LC_ALL: 'C' },
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  options.signal?.throwIfAborted();
  if (exitCode !== 0) {
    await execa('rm', ['-rf', '--one-file-system', '--', target], { reject: false });
    const lastLines = stderr.trim().split('\n').slice(-5).join('\n');
    throw new LabError(`the base root could not be built; mmdebstrap says:\n${lastLines}`);
  }
}

/** Removes what a killed builder left behind. Only whoever holds the builder's lock may call it. */
async function removeUnfinished(hash: string): Promise<void> {
  for (const name of await readdir(basesDirectory)) {
    if (name !== `${hash}.unfinished`) continue;
    await execa('rm', ['-rf', '--one-file-system', '--', join(basesDirectory, name)]);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
