# neighbours [GATEWAY...]: finds out whether the gateways of default routes answer on their links; without arguments, all gateways.
# One packet is sent to each, and the kernel then has its link-layer address or not: a router may drop the packet itself.
# Prints `LINK GATEWAY answers|silent|unasked`; a link without ARP has no link-layer addresses to ask for. 127: no tool sends a packet.
# shellcheck shell=sh
# shellcheck disable=SC2016  # bash expands it
command -v ping >/dev/null || command -v bash >/dev/null || exit 127

send() {
  case $2 in
    *:*) ping=$(command -v ping6 || command -v ping) ;;
    *) ping=$(command -v ping) ;;
  esac
  # Only a link-local address takes a zone.
  case $2 in [Ff][Ee][89AaBb]?:*) zone=%$1 ;; *) zone= ;; esac
  if [ -n "$ping" ]
  then exec "$ping" -c 1 -W 1 -I "$1" "$2"
  else exec bash -c 'echo >"/dev/udp/$0/9"' "$2$zone"
  fi
}

resolves() {
  case $(ip neighbour show "$2" dev "$1") in
    *FAILED* | *INCOMPLETE*) return 1 ;;
    *lladdr*) return 0 ;;
    *) return 1 ;;
  esac
}

routes=$({ ip -4 route show default; ip -6 route show default; } 2>/dev/null |
  sed -n -e 's/^[[:space:]]*nexthop /default /' \
    -e 's/^default .*via \(inet6 \)\{0,1\}\([^ ]*\) dev \([^ ]*\).*/\3 \2/p' | sort -u)

sent='' asked=''
while read -r link via; do
  case " $* " in "  " | *" $via "*) ;; *) continue ;; esac
  [ -n "$via" ] || continue
  flags=0
  read -r flags <"/sys/class/net/$link/flags"
  # loopback, point to point, no ARP
  if [ $((flags & 0x98)) != 0 ]; then
    echo "$link $via unasked"
    continue
  fi
  send "$link" "$via" </dev/null >/dev/null 2>&1 &
  sent="$sent $!"
  asked="$asked$link $via
"
done <<EOF
$routes
EOF

looks=0
while :; do
  found='' waiting=no
  while read -r link via; do
    [ -n "$via" ] || continue
    if resolves "$link" "$via"; then word=answers; else word=silent waiting=yes; fi
    found="$found$link $via $word
"
  done <<EOF
$asked
EOF
  looks=$((looks + 1))
  if [ "$waiting" = no ] || [ "$looks" -ge 10 ]; then break; fi
  sleep 0.1 2>/dev/null || { sleep 1; looks=10; }
done
printf %s "$found"
# shellcheck disable=SC2086  # each is a process
[ -z "$sent" ] || kill $sent 2>/dev/null
exit 0
