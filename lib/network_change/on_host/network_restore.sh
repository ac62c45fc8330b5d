# shellcheck shell=sh
# shellcheck disable=SC2015  # what stands behind || is wanted in both cases
# shellcheck disable=SC2046  # the words are wanted one by one
# shellcheck disable=SC2086  # the words are wanted one by one
# kvm-play: compares the host's network with the snapshot, and puts back what differs. Each function goes on where something
# fails, since what comes after it may be what brings the host back. What it notes meanwhile lies in memory: the disk may be full.

# Each process has its own: comparisons may be asked for again while one is under way.
work=/run/kvm-play/way-back.$id.$$

# Reads the state as it is now, and writes what is `gone` since the snapshot, and what was `added`.
look() {
  mkdir -p "$work" && read_state "$work" || return 1
  tell_links
  comm -23 "$here/state" "$work/state" | relevant > "$work/gone"
  comm -13 "$here/state" "$work/state" | relevant > "$work/added"
}

# KIND NAME of every link that is there now and was not, or was there and is not: `new` or `gone`, and `tap` for those of guests.
tell_links() {
  for state in "$here/state" "$work/state"; do
    sed -n 's/^link \([^ ]*\) kind \([a-z]*\).*/\1 \2/p' "$state"
  done | sort | uniq -u | while read -r link kind; do
    if [ "$kind" = tap ]; then echo "tap $link"
    elif grep -q "^link $link kind " "$work/state"; then echo "new $link"
    else echo "gone $link"; fi
  done > "$work/links"
}

# Leaves out what belongs to guests that were started or stopped meanwhile. Of a link that is new or gone, its kind says all.
relevant() {
  awk -v links="$work/links" '
    BEGIN { while ((getline line < links) > 0) { split(line, word, " "); kind[word[2]] = word[1] } }
    function of(link) {
      if (!(link in kind) || kind[link] == "gone") return 1
      return kind[link] == "new" && $1 == "link" && $3 == "kind"
    }
    $1 == "sysctl" {
      n = split($2, part, "/")
      link = n == 4 && part[2] ~ /^(conf|neigh)$/ ? part[3] : ""
      if (!(link in kind)) print
      next
    }
    $1 == "link" && ($2 in kind) && kind[$2] == "gone" && $3 != "kind" { next }
    $1 == "link" || $1 == "address" || $1 == "connection" { if (of($2)) print; next }
    {
      for (i = 2; i < NF; i++) if ($i == "dev" && !of($(i + 1))) next
      print
    }'
}

# --- put back ------------------------------------------------------------------------------------------------------

# The lines of a kind that are gone or were added, without that word.
gone() { sed -n "s/^$1 //p" "$work/gone"; }
added() { sed -n "s/^$1 //p" "$work/added"; }

# NAME VALUE of the links that had another value of a key.
had() { sed -n "s,^link \([^ ]*\) $1 ,\1 ,p" "$work/gone"; }

put_back_sysctls() {
  # Forwarding first: it sets other parameters along with it. Then those that are for all links.
  for pattern in '/ip_forward ' '/conf/all/' ''; do
    gone sysctl | grep -- "$pattern" | while read -r path value; do
      { printf '%s\n' "$value" > "/proc/sys/net/$path"; } 2>/dev/null
    done
  done
}

# Bridges and VLANs that are gone are made again; what else is gone cannot be.
put_back_gone_links() {
  had kind | while read -r link kind details; do
    [ ! -e "/sys/class/net/$link" ] || continue
    case $kind in
      bridge) say "making the bridge $link again"; ip link add name "$link" type bridge ;;
      vlan) say "making the VLAN $link again"; ip link add link "${details% *}" name "$link" type vlan id "${details#* }" ;;
    esac
  done
}

set_option() { { echo "$3" > "/sys/class/net/$1/$2"; } 2>/dev/null; }
option_was() { sed -n "s,^link $1 $2 ,,p" "$here/state"; }

# The kernel takes a forward delay below 2 s only without spanning tree, so that is off while the times are set.
put_back_spanning_tree() {
  had 'bridge/\(stp_state\|forward_delay\|hello_time\|max_age\)' | cut -d' ' -f1 | sort -u | while read -r link; do
    say "putting the spanning tree of $link back"
    set_option "$link" bridge/stp_state 0
    for key in forward_delay hello_time max_age; do
      set_option "$link" "bridge/$key" "$(option_was "$link" "bridge/$key")"
    done
    set_option "$link" bridge/stp_state "$(option_was "$link" bridge/stp_state)"
  done
}

put_back_links() {
  put_back_gone_links
  had master | while read -r link master; do
    if [ "$master" = - ]; then say "unplugging $link"; ip link set dev "$link" nomaster
    else say "plugging $link into $master"; ip link set dev "$link" master "$master"; fi
  done
  had mtu | while read -r link value; do ip link set dev "$link" mtu "$value"; done
  had tx_queue_len | while read -r link value; do ip link set dev "$link" txqueuelen "$value"; done
  had noarp | while read -r link value; do
    if [ "$value" = 1 ]; then ip link set dev "$link" arp off; else ip link set dev "$link" arp on; fi
  done
  put_back_spanning_tree
  sed -n 's,^link \([^ ]*\) \(bridge/[^ ]*\|brport/[^ ]*\) ,\1 \2 ,p' "$work/gone" | while read -r link option value; do
    case $option in
      bridge/stp_state | bridge/forward_delay | bridge/hello_time | bridge/max_age) ;;
      *) set_option "$link" "$option" "$value" ;;
    esac
  done
  # Last: a bridge takes its port's address, and its MTU, when one is plugged in.
  had address | while read -r link value; do ip link set dev "$link" address "$value"; done
  had up | while read -r link value; do
    if [ "$value" = 1 ]; then say "$link up"; ip link set dev "$link" up
    else say "$link down"; ip link set dev "$link" down; fi
  done
}

# What a DHCP client has been given since is its own; it says so by its lifetime.
is_leased() {
  case $1 in *' dynamic'*) dhcp_clients | grep -q " $2\$" ;; *) return 1 ;; esac
}

take_added_addresses() {
  added address | while read -r link family address words; do
    is_leased " $words" "$link" && continue
    case $words in peer\ *) set -- peer "$(echo "$words" | cut -d' ' -f2)" ;; *) set -- ;; esac
    say "taking $address from $link"
    ip "-$family" address delete "$address" "$@" dev "$link"
  done
}

# A lease goes on where it was, and ends when it would have ended, unless its client renews it.
lifetimes() {
  passed=$(($(uptime) - $(cat "$here/began")))
  for left in "$1" "$2"; do
    case $left in
      '' | *[!0-9]*) echo forever ;;
      *) if [ "$left" -gt $((passed + 120)) ]; then echo $((left - passed)); else echo 120; fi ;;
    esac
  done
}

has_carrier() { [ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null)" = 1 ]; }
manager_runs() { limited 10 nmcli -t -f RUNNING general 2>/dev/null | grep -qx running; }

# Tells whether NetworkManager is to give a link its addresses, once the link has a carrier. It takes an address that it finds there
# for somebody else's, and would never ask for a lease. One that could not be started gives nothing.
is_left_to_manager() {
  grep -q "^connection $1 " "$work/gone" && ! has_carrier "$1" && { [ -z "${units_started-}" ] || manager_runs; }
}

leave_to_manager() {
  gone connection | while read -r link _; do
    is_left_to_manager "$link" && ip address flush dev "$link" scope global
  done
}

# Has NetworkManager run the links again that it only watches. Each is asked for once: what it takes meanwhile is put back.
reconnect() {
  gone connection | while read -r link uuid; do
    [ ! -e "$work/reconnected.$link" ] && has_carrier "$link" && manager_runs || continue
    : > "$work/reconnected.$link"
    say "activating the connection of $link"
    keep_up limited 20 nmcli --wait 15 connection up uuid "$uuid" ifname "$link" && continue
    # Where no DHCP server answers, NetworkManager gives up after 45 s, and takes the addresses away that are put back here. It is to
    # go on asking; that holds until the connection is activated once more. To be told so makes it take them away as well, once.
    say "having $link go on asking for a lease"
    keep_up limited 10 nmcli device modify "$link" ipv4.dhcp-timeout infinity && : > "$work/asking.$link"
    put_back_missing
    nap
    put_back_missing
  done
}

# In the order of the snapshot.
put_back_addresses() {
  tab=$(printf '\t')
  while IFS="$tab" read -r line left; do
    grep -qxF -- "$line" "$work/gone" || continue
    link=${line#address }
    link=${link%% *}
    is_left_to_manager "$link" && continue
    set -f
    set -- $line
    family=$3
    shift 3
    words=
    for word in "$@"; do
      case $word in dynamic | secondary | dadfailed) ;; *) words="$words $word" ;; esac
    done
    if [ -n "$left" ]; then
      set -- $(lifetimes ${left% *} ${left#* })
      words="$words valid_lft $1 preferred_lft $2"
    fi
    say "giving $link$words"
    ip "-$family" address replace $words dev "$link" || ip "-$family" address add $words dev "$link"
    set +f
  done < "$here/addresses"
}

# A route that came with a new lease stays with it.
take_added_routes() {
  leased=$(added address | grep ' dynamic' | cut -d' ' -f1)
  added route | while read -r family words; do
    kept=
    for link in $leased; do
      case " $words " in *" dev $link "*) kept=yes ;; esac
    done
    [ -z "$kept" ] || continue
    say "taking the route $words"
    set -f
    ip "-$family" route delete $words
  done
}

# Word by word, as ip printed them; those that others lead through first.
put_back_routes() {
  for pass in direct via; do
    gone route | while read -r family words; do
      case $words in *' via '* | *' nexthop '*) kind=via ;; *) kind=direct ;; esac
      [ $kind = $pass ] || continue
      link=${words#*dev }
      is_left_to_manager "${link%% *}" && continue
      say "the route $words"
      set -f
      ip "-$family" route append $words
    done
  done
}

change_rules() {
  while read -r family priority words; do
    say "$1 the rule $priority: $words"
    set -f
    ip "-$family" rule "$1" priority "$priority" $words
  done
}

put_back_neighbours() {
  for verb in delete replace; do
    if [ $verb = delete ]; then added neighbour; else gone neighbour; fi | while read -r family address words; do
      case $words in
        *' proxy') set -- ip "-$family" neighbour $verb proxy "$address" ${words% proxy} ;;
        *) set -- ip "-$family" neighbour $verb "$address" $words $([ $verb = delete ] || echo nud permanent) ;;
      esac
      "$@"
    done
  done
}

# What is missing of addresses, routes and rules: while a unit starts, which may take them away and not give them back for long.
put_back_missing() {
  look || return 1
  put_back_addresses 2>/dev/null
  put_back_routes 2>/dev/null
  gone rule | change_rules add 2>/dev/null
}

put_back_network() {
  look || return 1
  [ -s "$work/gone" ] || [ -s "$work/added" ] || return 0
  put_back_sysctls
  put_back_links
  leave_to_manager
  added rule | change_rules delete
  take_added_addresses
  look
  take_added_routes
  put_back_addresses
  put_back_routes
  gone rule | change_rules add
  put_back_neighbours
}

# Without any script: takes away the links that the change made. A daemon that still goes by the new files plugs a port in again as soon
# as it is unplugged, so ports of the change are no reason to keep a bridge. They are not unplugged first where it goes: the daemon would
# plug them into a bridge that is gone a moment later, and systemd-networkd gives up a link with which that fails. Guests are a reason:
# to take the bridge away is to take their network away.
remove_added_links() {
  for link in $links; do
    [ -e "/sys/class/net/$link" ] && ! grep -q "^link $link kind " "$here/state" || continue
    own='' others=''
    for port in "/sys/class/net/$link/brif"/*; do
      [ -e "$port" ] || continue
      case " $links " in *" ${port##*/} "*) own="$own ${port##*/}" ;; *) others=yes ;; esac
    done
    if [ -n "$others" ]; then
      for port in $own; do ip link set dev "$port" nomaster; done
      ip address flush dev "$link"
    else
      say "removing $link"
      ip link delete dev "$link"
    fi
  done
}
