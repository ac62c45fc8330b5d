import type { BaseRecipe } from './base.ts';

/** What every host has. */
const shared: readonly string[] = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'openssh-server', 'sudo', 'procps', 'kmod', 'bc'],
  ...['iproute2', 'iputils-ping', 'iputils-arping', 'ethtool', 'bridge-utils', 'iptables'],
  ...['network-manager', 'dnsmasq-base', 'isc-dhcp-client'],
  ...['libvirt-daemon-system', 'libvirt-clients', 'virtinst', 'osinfo-db', 'libosinfo-bin'],
  ...['qemu-system-x86', 'qemu-utils', 'ipxe'],
];

/** udev, and what announces all devices of this machine to it. */
const udevUnits: readonly string[] = [
  ...['systemd-udevd.service', 'systemd-udevd-control.socket', 'systemd-udevd-kernel.socket'],
  ...['systemd-udev-trigger.service', 'systemd-udev-settle.service'],
];

/** Units that would set this machine's devices, clock or kernel, or that only take time at boot. */
const needless: readonly string[] = [
  ...['systemd-timesyncd.service', 'hwclock.service', 'systemd-modules-load.service', 'kmod-static-nodes.service'],
  ...['systemd-pstore.service', 'console-getty.service', 'getty@tty1.service', 'getty.target'],
  ...['sys-kernel-debug.mount', 'sys-kernel-tracing.mount', 'sys-kernel-config.mount'],
  ...['sys-fs-fuse-connections.mount', 'dev-hugepages.mount', 'dev-mqueue.mount'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer'],
  'e2scrub_reap.service',
];

/** What a host on which libvirt was only just installed does not run yet. */
const notYet: readonly string[] = [
  ...['libvirtd.service', 'libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket', 'libvirt-guests.service'],
  ...['virtlogd.service', 'virtlogd.socket', 'virtlogd-admin.socket'],
  ...['virtlockd.service', 'virtlockd.socket', 'virtlockd-admin.socket', 'machines.target'],
];

/** The first network service of Debian's packages is no host's own: each kind of host enables what it has. */
const stacks: readonly string[] = [
  ...['networking.service', 'NetworkManager.service', 'systemd-networkd.service', 'systemd-resolved.service'],
];

/** The rules that udev keeps: what they do to a network interface is what happens on a real host. */
const keptRules: readonly string[] = [
  ...['50-udev-default.rules', '75-net-description.rules', '80-net-setup-link.rules', '84-nm-drivers.rules'],
  '99-systemd.rules',
];

/** In a container libvirt can neither make cgroups nor namespaces of its own. */
const libvirtInContainer = `cat >> /etc/libvirt/qemu.conf <<'EOF'
cgroup_controllers = [ ]
security_driver = "none"
namespaces = [ ]
remember_owner = 0
EOF`;

/** The root of the post's host: NetworkManager, a place for the network scripts, and no udev. */
export const scriptsRecipe: BaseRecipe = {
  suite: 'bookworm',
  // Login shells that are no POSIX shells: sessions must survive them.
  packages: [...shared, 'tcsh', 'fish'],
  script: `set -e
systemctl mask ${[
    ...[...udevUnits, ...needless, 'networking.service', 'NetworkManager-wait-online.service'],
    'wpa_supplicant.service',
  ].join(' ')}
systemctl disable ${notYet.join(' ')}
rm -f /etc/ssh/ssh_host_*_key* /etc/libvirt/qemu/networks/default.xml /etc/libvirt/qemu/networks/autostart/*
rm -f /usr/lib/sysctl.d/50-pid-max.conf /usr/lib/sysctl.d/99-protect-links.conf /usr/sbin/policy-rc.d
rm -rf /etc/network
: > /etc/resolv.conf
: > /etc/machine-id
${libvirtInContainer}
useradd --create-home --shell /bin/bash admin
mkdir -p /etc/sysconfig/network-scripts /var/lib/dhclient /var/lib/libvirt/images
`,
};

/** The Debian releases whose network stacks hosts can have, with the names of their suites. */
const suites = { 12: 'bookworm', 13: 'trixie' } as const;

/** A Debian release whose network stacks hosts can have. */
export type DebianRelease = keyof typeof suites;

/**
 * The root of hosts with today's network stacks: NetworkManager, systemd-networkd, netplan and ifupdown, none enabled,
 * and udev, which is told of network interfaces alone.
 * @param debian the release
 */
export const stacksRecipe = (debian: DebianRelease): BaseRecipe => ({
  suite: suites[debian],
  packages: [...shared, 'systemd-resolved', 'netplan.io', 'ifupdown'],
  script: `set -e
systemctl mask ${[...needless, 'NetworkManager-wait-online.service', 'wpa_supplicant.service'].join(' ')}
systemctl mask systemd-udev-settle.service systemd-networkd-wait-online.service
systemctl disable ${[...notYet, ...stacks].join(' ')}
rm -f /etc/ssh/ssh_host_*_key* /etc/libvirt/qemu/networks/default.xml /etc/libvirt/qemu/networks/autostart/*
rm -f /usr/lib/sysctl.d/50-pid-max.conf /usr/lib/sysctl.d/99-protect-links.conf /usr/sbin/policy-rc.d
for rule in /usr/lib/udev/rules.d/* /etc/udev/rules.d/*; do
  case " ${keptRules.join(' ')} " in *" \${rule##*/} "*) ;; *) rm -rf "$rule" ;; esac
done
mkdir -p /etc/systemd/system/systemd-udev-trigger.service.d /var/lib/libvirt/images
cat > /etc/systemd/system/systemd-udev-trigger.service.d/lab.conf <<'EOF'
[Service]
ExecStart=
ExecStart=udevadm trigger --action=add --subsystem-match=net
EOF
rm -f /etc/resolv.conf
: > /etc/machine-id
${libvirtInContainer}
useradd --create-home --shell /bin/bash admin
`,
});
