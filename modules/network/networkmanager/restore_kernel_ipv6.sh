# Gives a link its IPv6 addresses back after NetworkManager has applied its connection again. Argument: the link.
# shellcheck shell=sh

# Where a connection leaves IPv6 to the kernel (`method=ignore`), a reapply takes the kernel's own addresses away, some time after nmcli
# has ended. The kernel makes them again, and asks the routers, when the way in which it makes them becomes another one.
waited=0
while [ -n "$(ip -6 -o address show dev "$1" scope link)" ]; do
  [ "$waited" -lt 10 ] || exit 0
  waited=$((waited + 1))
  sleep 0.2 2>/dev/null || sleep 1
done
[ "$(cat "/proc/sys/net/ipv6/conf/$1/disable_ipv6")" = 0 ] || exit 0
mode=$(cat "/proc/sys/net/ipv6/conf/$1/addr_gen_mode")
[ "$mode" = 1 ] || for value in 1 "$mode"; do
  echo "$value" > "/proc/sys/net/ipv6/conf/$1/addr_gen_mode"
done
