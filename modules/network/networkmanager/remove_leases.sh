# Removes the leases that NetworkManager keeps for a link: internal-UUID-br0.lease, dhclient-UUID-br0.lease, dhclient-br0.conf.
# shellcheck shell=sh
# $1, $2: their directory and the link. That of another link may end in the same name: internal-UUID-my-br0.lease.

for client in internal internal6 dhclient dhclient6; do
  for ending in lease conf; do
    rm -f -- "$1/$client-$2.$ending" "$1/$client-"????????-????-????-????-????????????"-$2.$ending"
  done
done
