# Keeps one host powered: plugs its cable in, boots it, and boots it again when it reboots itself (systemd-nspawn then ends with 133). Each
# boot gets a network namespace of its own, as a machine's links are gone when it goes down.
# $0: the lab's mark, by which its processes are found. Arguments: the LAN's namespace, the host's, its MAC, its interface, and the command
# that boots it.
# shellcheck shell=sh
for controllers in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  [ "$DELEGATED" ] || [ ! -w "$controllers/cgroup.procs" ] ||
    { mkdir -p "$controllers/$0" && echo $$ > "$controllers/$0/cgroup.procs"; }
done
lan=$1 host=$2 mac=$3 interface=$4
shift 4
while :; do
  ip -n "$lan" link delete host0 2>/dev/null
  ip netns delete "$host" 2>/dev/null
  ip netns add "$host" || exit 1
  ip -n "$lan" link add host0 type veth peer name "$interface" address "$mac" netns "$host" || exit 1
  ip -n "$lan" link set host0 master lan0 up || exit 1
  nsenter --net="/run/netns/$host" "$@"
  [ $? = 133 ] || break
done
