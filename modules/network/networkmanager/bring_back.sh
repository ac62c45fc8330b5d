# Has NetworkManager run a bridge and its ports again by the profiles that they had before.
# shellcheck shell=sh
# $1, $2: the bridge and its UUID; what follows are the same two of each port.

name=$1
nmcli connection reload
nmcli device set "$name" managed yes
nmcli --wait 30 connection up uuid "$2"
status=$?
shift 2
# A port that another connection runs need not join by itself.
while [ $# -ge 2 ]; do
  [ -e "/sys/class/net/$name/brif/$1" ] || nmcli --wait 15 connection up uuid "$2" ifname "$1"
  shift 2
done
exit $status
