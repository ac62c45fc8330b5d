# Has NetworkManager load the profiles of a bridge and its ports, and waits until the ports are in the bridge.
# shellcheck shell=sh
# $1, $2, $3: the bridge, its UUID and its file; what follows are the same three of each port.

name=$1
id=$2
file=$3
shift 3
plugged=$(ls "/sys/class/net/$name/brif" 2>/dev/null)
before=$(nmcli -t -f GENERAL.CON-UUID device show "$name" 2>/dev/null)

# Runs a function with the link, the UUID and the file of each port.
each_port() {
  run=$1
  shift
  while [ $# -ge 3 ]; do
    "$run" "$1" "$2" "$3" || return 1
    shift 3
  done
}

load_all() {
  count=$#
  while [ "$count" -gt 0 ]; do
    set -- "$@" "$3"
    shift 3
    count=$((count - 3))
  done
  nmcli connection load "$@" "$file"
}

# nmcli ends with 0 also where NetworkManager has left a file out.
is_known() {
  nmcli -t -f UUID,FILENAME connection show | sed 's/\\\(.\)/\1/g' | grep -qxF -- "$2:$3" && return
  echo "NetworkManager has not loaded $3; journalctl -u NetworkManager says why" >&2
  return 1
}

is_to_start() { [ "$(nmcli -t -f connection.autoconnect connection show uuid "$id")" = connection.autoconnect:yes ]; }
is_plugged() { [ -e "/sys/class/net/$name/brif/$1" ]; }
reapply() { ! is_plugged "$1" || nmcli --wait 10 device reapply "$1"; }

# A port that another connection runs does not join by itself.
activate() { is_plugged "$1" || nmcli --wait 15 connection up uuid "$2" ifname "$1"; }

# NetworkManager throws guests' taps out that it does not manage.
plug_in() {
  for link in $plugged; do
    [ ! -e "/sys/class/net/$link" ] || is_plugged "$link" || ip link set dev "$link" master "$name"
  done
}

load_all "$@"
is_known "$name" "$id" "$file" && each_port is_known "$@" || exit 1
is_to_start || exit 0
case $before in
  *":$id")
    nmcli --wait 10 device reapply "$name" || nmcli --wait 30 connection up uuid "$id"
    each_port reapply "$@"
    ;;
esac
waited=0
until each_port is_plugged "$@" || [ $waited -ge 15 ]; do
  sleep 0.2 2>/dev/null || sleep 1
  waited=$((waited + 1))
done
each_port activate "$@"
plug_in
each_port is_plugged "$@"
