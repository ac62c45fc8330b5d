# Has NetworkManager run a bridge again by the profile that it had before.
# shellcheck shell=sh
# $1, $2: the bridge and its UUID.

nmcli connection reload
nmcli device set "$1" managed yes
nmcli --wait 30 connection up uuid "$2"
