# Has NetworkManager give up a bridge whose profile is gone, and run the ports by their own profiles again.
# shellcheck shell=sh
# $1: the bridge; what follows are three words of each port: the link, the UUIDs of the profiles that may run it (with commas between
# them, the best one first), and the MTU that it gets, or `-`.
# A bridge with guests stays, without an address.

name=$1
shift
ports=' '
position=0
for word; do
  [ $((position % 3)) -ne 0 ] || ports="$ports$word "
  position=$((position + 1))
done
plugged=$(ls "/sys/class/net/$name/brif" 2>/dev/null)
guests=
for link in $plugged; do
  case $ports in *" $link "*) ;; *) guests=yes ;; esac
done

has_leased_mtu() { nmcli -t -f DHCP4 device show "$1" | grep -q ':interface_mtu = '; }
is_known() { nmcli -t -f connection.uuid connection show uuid "$1" >/dev/null 2>&1; }

# Activates the first profile that NetworkManager knows. $1: the link; $2: the UUIDs.
run_by() {
  for id in $(echo "$2" | tr , ' '); do
    ! is_known "$id" || { nmcli --wait 30 connection up uuid "$id" ifname "$1" && return; }
  done
}

[ -z "$guests" ] || nmcli device set "$name" managed no
nmcli connection reload
while [ $# -ge 3 ]; do
  if [ -n "$guests" ] && [ -e "/sys/class/net/$name/brif/$1" ]; then ip link set dev "$1" nomaster; fi
  run_by "$1" "$2"
  # Afterwards: NetworkManager may give the link an MTU then that no profile names any more.
  [ "$3" = - ] || has_leased_mtu "$1" || ip link set dev "$1" mtu "$3"
  shift 3
done
[ -d "/sys/class/net/$name/bridge" ] || exit 0
if [ -n "$guests" ]; then
  ip address flush dev "$name"
  exit 0
fi
waited=0
while [ -e "/sys/class/net/$name" ] && [ $waited -lt 25 ]; do
  sleep 0.2 2>/dev/null || sleep 1
  waited=$((waited + 1))
done
[ ! -e "/sys/class/net/$name" ] || [ -n "$(ls "/sys/class/net/$name/brif")" ] || ip link delete dev "$name"
