# shellcheck shell=sh
# shellcheck disable=SC2004  # the same in every shell
# shellcheck disable=SC2035  # the names are those of links, which begin with no dash
# shellcheck disable=SC2086  # the words are wanted one by one
# kvm-play: reads the state of a host's network as canonical text, one fact a line. The snapshot, the way back and the comparison
# all use this text. What changes by itself (lifetimes, counters, privacy addresses, states of neighbours) is not in it.
#
#   link NAME KEY VALUE              address LINK FAMILY ADDRESS ATTRIBUTES     unit NAME STATE
#   sysctl PATH VALUE                route FAMILY ROUTE                         failed NAME
#   rule FAMILY PRIORITY RULE        neighbour FAMILY ENTRY                     client PROGRAM LINK
#   connection LINK UUID             the profile with which NetworkManager runs a link
#   learnt FAMILY ROUTE              a route that a router or a routing daemon announces: compared, and never touched
#   unread WHAT                      what the host would not tell

# Links: kind, flags, MTU, MAC, master, and every option of bridges and their ports that can be set.
links_state() (
  cd /sys/class/net || { echo 'unread links'; exit; }
  for link in *; do
    [ -e "$link/flags" ] || continue
    echo "link $link kind $(kind_of "$link")"
    read -r flags < "$link/flags" || continue
    echo "link $link up $(($flags & 1))"
    echo "link $link noarp $((($flags & 128) / 128))"
    for key in mtu address tx_queue_len; do
      read -r value 2>/dev/null < "$link/$key" && echo "link $link $key $value"
    done
    if [ -e "$link/master" ]; then echo "link $link master $(basename "$(readlink "$link/master")")"
    else echo "link $link master -"; fi
  done
  find */bridge/ */brport/ -maxdepth 1 -type f -perm -200 ! -name flush -print0 2>/dev/null |
    xargs -0 grep -s . /dev/null | sed 's,^\([^/]*\)/\([^:]*\):,link \1 \2 ,'
)

# What a link is: taps come and go with their guests, and bridges and VLANs can be made again.
kind_of() {
  set -- "$1" "$1"/tap*
  if [ -e "$1/tun_flags" ] || [ -e "$2" ]; then echo tap
  elif [ -d "$1/bridge" ]; then echo bridge
  elif [ -e "/proc/net/vlan/$1" ]; then
    sed -n "s/^$1 *| *\([0-9]*\) *| *\([^ ]*\).*/vlan \2 \1/p" /proc/net/vlan/config
  else echo device; fi
}

# Everything below net.* that can be set; `network start` loads all of it again from the files. Keys are no one's business.
sysctls_state() (
  cd /proc/sys/net || { echo 'unread kernel parameters'; exit; }
  find . -type f -perm -200 ! -name flush ! -name '*_key' ! -name stable_secret ! -path './ipv6/conf/*/mtu' -print0 |
    xargs -0 grep -s . /dev/null | sed 's,^\./\([^:]*\):,sysctl \1 ,'
)

# Addresses in the kernel's order, in which they are put back: the first one of a subnet is the one that the host speaks from.
# Behind a tab stand the lifetimes of what does not stay for ever.
addresses_state() {
  text=$(ip -o "-$1" address show 2>/dev/null) || { echo "unread addresses of IPv$1"; return; }
  printf '%s\n' "$text" | awk -v family="$1" '
    NF < 4 { next }
    {
      gsub(/\\/, " "); $0 = $0
      link = $2; sub(/@.*/, "", link)
      words = $4; temporary = 0; dynamic = 0; deprecated = 0; valid = preferred = "forever"
      for (i = 5; i <= NF; i++) {
        word = $i
        if (word ~ /^(peer|metric|brd|any|scope)$/) { words = words " " word " " $(++i) }
        else if (word == "proto") i++
        else if (word == "valid_lft") { valid = $(++i); sub(/sec$/, "", valid) }
        else if (word == "preferred_lft") { preferred = $(++i); sub(/sec$/, "", preferred) }
        else if (word == "temporary") temporary = 1
        else if (word == "dynamic") dynamic = 1
        else if (word == "deprecated") deprecated = 1
        else if (word ~ /^(noprefixroute|mngtmpaddr|nodad|home|autojoin|secondary|dadfailed)$/) words = words " " word
        else if (word ~ /^(tentative|optimistic|permanent|stable-privacy)$/) continue
        else if (family == 4) words = words " label " word
      }
      if (temporary) next
      # The kernel gives it to lo by itself, with another flag each time.
      if (link == "lo" && $4 == "::1/128") words = "::1/128 scope host"
      if (deprecated && !dynamic) words = words " preferred_lft 0"
      line = "address " link " " family " " words
      print dynamic ? line " dynamic\t" valid " " preferred : line
    }'
}

# Routes of all tables. What follows from an address by itself (the table `local`) is left out.
routes_state() {
  text=$(ip -o "-$1" route show table all 2>/dev/null) || { echo "unread routes of IPv$1"; return; }
  printf '%s\n' "$text" | awk -v family="$1" '
    NF == 0 { next }
    {
      gsub(/\\/, " "); $0 = $0
      words = ""; table = "main"; proto = ""; kind = "route"
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^(linkdown|dead|pervasive|offload|trap|notify|unresolved|cache|rt_offload|rt_trap|rt_offload_failed|offload_failed)$/) continue
        if ($i ~ /^(nhid|error|users|used|age)$/) { i++; continue }
        if ($i == "expires") { i++; kind = "learnt"; continue }
        if ($i == "table") table = $(i + 1)
        if ($i == "proto") proto = $(i + 1)
        words = words (words == "" ? "" : " ") $i
      }
      if (table == "unspec" || proto == "redirect") next
      if (table == "local" && (proto ~ /^(kernel|none|unspec)$/ || words ~ /^(multicast )?ff00::/)) next
      if (proto !~ /^(|kernel|boot|static|dhcp|none|unspec)$/) kind = "learnt"
      print kind " " family " " words
    }'
}

rules_state() {
  text=$(ip "-$1" rule show 2>/dev/null) || { echo "unread routing rules of IPv$1"; return; }
  printf '%s\n' "$text" | awk -v family="$1" 'NF { sub(/:/, ""); gsub(/\[(detached|unresolved)\]/, ""); $1 = $1; print "rule " family " " $0 }'
}

# Entries that somebody has set: those that the kernel has learnt come and go.
neighbours_state() {
  for what in 'nud permanent' proxy; do
    ip "-$1" neighbour show $what 2>/dev/null |
      awk -v family="$1" 'NF { gsub(/ (PERMANENT|extern_learn|router)/, ""); $1 = $1; print "neighbour " family " " $0 }'
  done
}

# Prints `NUMBER PARENT PROGRAM LINK` for every DHCP client in this network namespace. `dhclient -1` is none while it asks for its
# first lease, since it ends without one; once it has a lease, it runs in a session of its own.
dhcp_clients() (
  mine=$(readlink /proc/self/ns/net)
  for process in /proc/[0-9]*; do
    read -r name 2>/dev/null < "$process/comm" || continue
    case $name in dhclient | dhcpcd | udhcpc | udhcpc6 | dhcp6c) ;; *) continue ;; esac
    [ "$(readlink "$process/ns/net" 2>/dev/null)" = "$mine" ] || continue
    read -r _ _ _ parent _ session _ 2>/dev/null < "$process/stat" || continue
    tr "\\0" "\\n" 2>/dev/null < "$process/cmdline" | (
      links=
      while IFS= read -r word; do
        case $word in
          */* | .* | '') ;;
          -6) name=$name-6 ;;
          -1) [ "$session" = "${process#/proc/}" ] || exit 0 ;;
          *) [ ! -e "/sys/class/net/$word" ] || links=$word ;;
        esac
      done
      echo "${process#/proc/} $parent $name ${links:--}"
    )
  done
)

# Where NetworkManager finds an address that somebody else has given a link, it only watches: such a connection has no profile,
# does not activate by itself, and renews no lease.
connections_state() {
  command -v nmcli >/dev/null || return 0
  status=0
  text=$(limited 10 nmcli -t -f UUID,AUTOCONNECT,STATE,DEVICE connection show --active 2>/dev/null) || status=$?
  case $status in
    0) printf '%s\n' "$text" | sed -n 's/^\([^:]*\):yes:activated:\(..*\)/connection \2 \1/p' ;;
    # NetworkManager does not run.
    8) ;;
    *) echo 'unread connections of NetworkManager' ;;
  esac
}

clients_state() { dhcp_clients | while read -r _ _ client; do echo "client $client"; done | sort -u; }

# Units of the change, and whatever else has failed on the host.
units_state() {
  has_systemd || return 0
  for unit in $units; do echo "unit $unit $(systemctl is-active "$unit" 2>/dev/null)"; done
  for word in $(systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null | grep -o '[^ ]*\.[a-z]* '); do
    case " $units " in *" $word "* | *" ${word%.service} "*) continue ;; esac
    case $word in kvm-play-*) ;; *) echo "failed $word" ;; esac
  done
}

# IPv6 may be missing in the kernel: then there is nothing of it to be read.
families() { if [ -e /proc/net/if_inet6 ]; then echo 4 6; else echo 4; fi; }

# Reads all of it into a directory: `state`, sorted; and `addresses`, in their order and with their lifetimes.
read_state() {
  for family in $(families); do addresses_state "$family"; done > "$1/addresses"
  {
    cut -f1 "$1/addresses"
    links_state
    sysctls_state
    for family in $(families); do
      routes_state "$family"
      rules_state "$family"
      neighbours_state "$family"
    done
    clients_state
    connections_state
    units_state
  } | sort > "$1/state"
}
