import { runController } from './controller_process.ts';
import type { Fault, Injection } from './fault.ts';
import { both, farawayGone, farawayThere, inside, linkDownUntilRolledBack, withProbe } from './injections.ts';

/** A change that works, and whose proof fails: the host goes back from all of it. */
const failing = { site: withProbe, at: { 'applying network': farawayGone }, ends: ['rolled back'] } as const;

/** The host speaks to its LAN by a table of its own, which only a rule leads to; without that table it is out of reach. */
const policyRouting = inside(`ip route add 192.168.221.0/24 dev ens33 src 192.168.221.150 table 100
ip route add default via 192.168.221.1 dev ens33 table 100
ip rule add priority 100 from 192.168.221.150 lookup 100
ip rule add priority 200 from 192.168.221.150 unreachable`);
const mainTable = inside(`ip rule del priority 200; ip rule del priority 100; ip route flush table 100; true`);

/** A second NIC whose file says ONBOOT=no and whose address was set by hand. */
const secondNic = `ip link add nic2 type veth peer name nic2peer
ip link set nic2peer up
ip link set nic2 mtu 1400 up
ip address add 10.77.1.5/24 brd + dev nic2
ip address add 10.77.1.6/24 dev nic2 label nic2:x
printf 'DEVICE=nic2\\nTYPE=Ethernet\\nBOOTPROTO=none\\nONBOOT=no\\nNM_CONTROLLED=no\\n' > /etc/sysconfig/network-scripts/ifcfg-nic2`;

const byHand = `ip -6 address add fd00:77::5/64 dev ens33
ip -6 route add fd00:99::/64 via fd00:77::1 dev ens33
ip -6 route add default via fd00:77::2 dev ens33 table 200
ip -6 rule add priority 300 from fd00:77::5 lookup 200
ip route add 10.50.0.0/16 metric 7 nexthop via 192.168.221.1 dev ens33 weight 1 nexthop via 192.168.221.2 dev ens33 weight 3
ip route add 10.60.0.0/16 via 10.77.1.1 dev nic2
ip route add blackhole 10.70.0.0/16
ip rule add priority 400 to 10.50.0.0/16 lookup main
ip neighbour add 192.168.221.9 lladdr 52:54:00:00:00:09 dev ens33 nud permanent
ip address add 192.168.221.151/24 dev ens33
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv6/conf/ens33/accept_ra
printf 'search example.org\\nnameserver 192.0.2.2\\nnameserver 192.0.2.1\\n' > /etc/resolv.conf`;
const noneByHand = inside(`ip link delete nic2
rm -f /etc/sysconfig/network-scripts/ifcfg-nic2
ip -6 rule del priority 300; ip rule del priority 400; ip -6 route flush table 200
ip route del 10.50.0.0/16; ip route del blackhole 10.70.0.0/16
ip -6 route del fd00:99::/64
ip -6 address del fd00:77::5/64 dev ens33; ip address del 192.168.221.151/24 dev ens33
for link in ens33 br0; do ip neighbour del 192.168.221.9 dev $link; done
: > /etc/resolv.conf; true`);

/** The suite's bridge, made already, with a guest's tap in it. */
const bridgeWithGuest: Injection = async (host) => {
  const { exitCode, message } = await runController(host.lab);
  if (exitCode !== 0) throw new Error(message);
  await host.inside('ip tuntap add tap9 mode tap && ip link set tap9 master br0 up');
};

/** The network of the scripts, with a DHCP client of its own. */
const byScripts = inside(`systemctl disable --now NetworkManager
systemctl enable network
ip -4 address flush dev ens33
systemctl start network`);

/** A script of the network that hangs whenever the host goes back. */
const hangingHook = inside(`cp -p /etc/init.d/network /root/network.init
sed -i '2i [ "$1" = stop ] && [ -e /var/lib/kvm-play/change/current/rolling-back ] && sleep 600' /etc/init.d/network`);
const noHook = inside('cp -p /root/network.init /etc/init.d/network');

/** What a host's network has besides its files, and what takes long while it is put back. */
export const liveNetwork: readonly Fault[] = [
  {
    ...failing,
    what: 'policy routing',
    where: 'the host is reached through a table that no file knows',
    prepare: both(farawayThere, policyRouting),
    // The rule that stays without its table refuses every answer.
    says: /was rolled back: the host is as it was before/,
    repair: mainTable,
  },
  {
    ...failing,
    what: 'set by hand',
    where: 'a second NIC, IPv6 addresses and routes, multipath routes, rules, neighbours, parameters, `resolv.conf`',
    prepare: both(farawayThere, inside(`${secondNic}\n${byHand}`)),
    says: /was rolled back: the host is as it was before/,
    repair: noneByHand,
  },
  {
    ...failing,
    what: 'spanning tree, there and back',
    where: 'a bridge that stays for its guests: STP, delay and MTU; then the old site again',
    site: { ...withProbe, confirmWithin: 40, bridge: { stp: true, delay: 4, mtu: 1400 } },
    prepare: both(farawayThere, bridgeWithGuest),
    says: /was rolled back: the host is as it was before/,
  },
  {
    ...failing,
    what: 'a script that hangs while the host goes back',
    where: '`network stop`, for longer than 90 s',
    prepare: both(farawayThere, hangingHook),
    repair: noHook,
    within: 300,
    says: /was rolled back: the host is as it was before/,
  },
  {
    what: 'link down until the host has gone back',
    where: 'before `proving`, on a host of the network scripts: no link, no lease, and the unit fails',
    prepare: byScripts,
    at: { proving: linkDownUntilRolledBack },
    differs: /unit network\.service/,
    says: /was rolled back: the host is not as it was before in:\n {2}the unit network is failed, was active$/,
    ends: ['rolled back'],
  },
  {
    what: 'a state directory in memory',
    where: 'a tmpfs',
    prepare: inside('mkdir -p /var/lib/kvm-play; mount -t tmpfs none /var/lib/kvm-play'),
    repair: inside('umount -l /var/lib/kvm-play'),
    says: /a reboot would lose the rollback: \/var\/lib\/kvm-play is a tmpfs, in memory\. Mount .*; nothing was changed/,
    ends: ['refused'],
  },
  {
    what: 'a state directory in memory',
    where: 'an overlay above a tmpfs',
    prepare: inside(`mkdir -p /var/lib/kvm-play /mnt/memory; mount -t tmpfs none /mnt/memory
mkdir /mnt/memory/upper /mnt/memory/work
mount -t overlay -o lowerdir=/var/lib/kvm-play,upperdir=/mnt/memory/upper,workdir=/mnt/memory/work none /var/lib/kvm-play`),
    repair: inside('umount -l /var/lib/kvm-play; umount -l /mnt/memory'),
    says: /a reboot would lose the rollback: \/var\/lib\/kvm-play is an overlay, and \/mnt\/memory is a tmpfs, in memory/,
    ends: ['refused'],
  },
];
