import type { LabOptions } from '../../lib/lab/index.ts';

/** What a throwaway host is like before a fault, and how it is brought back to that. All texts are shell programs for the host. */
export interface Ground {
  readonly lab: LabOptions;
  /** Keeps what the host starts with. */
  readonly keep: string;
  /** Brings the host back to what it starts with, whatever has become of it. */
  readonly reset: string;
  /** Prints the network's files and units. */
  readonly files: string;
  /** Prints whatever a change may leave behind, one a line. */
  readonly leftovers: string;
  /** Prints what is left of a bridge that was taken back, one a line. Default: nothing. */
  readonly remains?: string;
  /** Prints what of the live network is not as it was at the start, one thing a line. */
  readonly live: string;
}

/** Whatever a change may leave behind on any host, one a line. */
export const leftovers = `ls -d /var/lib/kvm-play/change/current 2>/dev/null
systemctl list-units --all --plain --no-legend 'kvm-play*' | cut -d' ' -f1
systemctl list-timers --all --no-legend | grep -o 'kvm-play[^ ]*'
find /etc/systemd /run/systemd/system /etc/sysconfig -name '*kvm-play*'
find /var/lib/kvm-play/pending -type f 2>/dev/null
pgrep -fa '[k]vm-play/change/current/program'
true`;

/** The host of the post: NetworkManager owns the interface, and hands it over to the network scripts. */
export const postGround: Ground = {
  lab: {},
  keep: `mkdir -p /root/pristine && cp -a /etc/sysconfig/network-scripts /etc/sysctl.conf /root/pristine/`,
  reset: `cd /
umount -l /etc/sysconfig/network-scripts /var/lib/kvm-play /etc 2>/dev/null
rm -rf /usr/local/sbin/* /etc/NetworkManager/conf.d/fault.conf /etc/systemd/system/network.service.d /run/systemd/system/kvm-play-*
systemctl kill --signal=KILL network 2>/dev/null
SYSTEMCTL_SKIP_REDIRECT=1 timeout 20 /etc/init.d/network stop
systemctl stop network NetworkManager
pkill -KILL dhclient
for link in br0 tap9; do ip link delete $link 2>/dev/null; done
cp -a /root/pristine/sysctl.conf /etc/sysctl.conf
rm -rf /etc/sysconfig/network-scripts/* /var/lib/kvm-play /run/kvm-play /var/lib/dhclient/*
cp -a /root/pristine/network-scripts/. /etc/sysconfig/network-scripts/
systemctl disable network
systemctl enable NetworkManager
systemctl daemon-reload
systemctl reset-failed
echo 0 > /proc/sys/net/ipv4/ip_forward
ip link set ens33 nomaster up
ip -4 address flush dev ens33
systemctl start NetworkManager
true`,
  files: `cd /etc && find sysconfig/network-scripts sysctl.conf -type f ! -name filler -exec sha256sum {} + | sort -k 2
find sysconfig/network-scripts sysctl.conf ! -name filler -printf '%m %U %p %l\\n' | sort -k 3
for unit in NetworkManager network; do systemctl is-enabled $unit; done`,
  leftovers,
  live: `[ -e /sys/class/net/br0 ] && echo 'br0 is there'
pgrep -fa '[d]hclient.*-pf /var/run/dhclient-'
[ "$(systemctl is-active NetworkManager)" = active ] || echo 'NetworkManager does not run'
case $(systemctl is-active network) in active | activating) echo 'network runs' ;; esac
ip -4 route show default | grep -q ' via 192.168.221.1 dev ens33' || echo "no default route: $(ip -4 route show default)"
true`,
};

/**
 * A host of today, whose network stack goes on owning the interface.
 * @param network the stack
 * @param paths its files and directories of files
 * @param units what brings its links up, in the order in which they are started
 * @param more `reset`: what brings the host back besides, before its units are started; `remains`: see {@link Ground}
 */
export function todayGround(
  network: NonNullable<LabOptions['network']>,
  paths: readonly string[],
  units: readonly string[],
  { reset = 'true', remains }: { readonly reset?: string; readonly remains?: string } = {},
): Ground {
  const copies = paths.map(
    (path) => `mkdir -p /root/pristine$(dirname ${path}) && cp -a ${path} /root/pristine${path}`,
  );
  const back = paths.map((path) => `rm -rf ${path} && cp -a /root/pristine${path} ${path}`);
  return {
    lab: { network },
    keep: copies.join(' && '),
    reset: `cd /
for path in ${paths.join(' ')} /var/lib/kvm-play; do umount -l $path 2>/dev/null; done
rm -rf /usr/local/sbin/* /run/fault-once /run/systemd/system/kvm-play-*
timeout 30 systemctl stop ${units.toReversed().join(' ')}
pkill -KILL dhclient
for link in br0 tap9; do ip link delete $link 2>/dev/null; done
${back.join('\n')}
rm -rf /var/lib/kvm-play /run/kvm-play /run/systemd/network/* /run/NetworkManager/system-connections/*
rm -f /var/lib/dhcp/*br0* /var/lib/NetworkManager/*br0*
ip link set ens33 nomaster
ip address flush dev ens33
${reset}
systemctl daemon-reload
systemctl reset-failed
systemctl start ${units.join(' ')}
true`,
    files: `find ${paths.join(' ')} -type f ! -name filler -exec sha256sum {} + | sort -k 2
find ${paths.join(' ')} ! -name filler ! -type d -printf '%m %U %p %l\\n' | sort -k 3
for unit in ${units.join(' ')}; do systemctl is-enabled $unit; done`,
    leftovers,
    ...(remains !== undefined && { remains }),
    live: `[ -e /sys/class/net/br0 ] && echo 'br0 is there'
for unit in ${units.join(' ')}; do [ "$(systemctl is-active $unit)" = active ] || echo "$unit does not run"; done
ip -4 route show default | grep -q ' via 192.168.221.1 dev ens33' || echo "no default route: $(ip -4 route show default)"
true`,
  };
}
