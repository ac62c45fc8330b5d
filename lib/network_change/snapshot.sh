#!/bin/sh
# kvm-play: takes the snapshot of what a network change touches, and puts it back. Functions for program.sh, which comes behind
# this text.

# --- what there was ------------------------------------------------------------------------------------------------

# Copies one file of the host, or notes that it is not there. A link is kept as the link that it is, beside its target.
snapshot_file() {
  count=$((count + 1))
  if [ -e "$1" ] || [ -L "$1" ]; then
    cp -pL -- "$1" "$new/files/$count"
    echo "$count present" >> "$new/files/list"
  else
    echo "$count absent" >> "$new/files/list"
  fi
  printf '%s' "$1" > "$new/files/$count.path"
}

# What makes units start at boot: links below these directories.
unit_links() {
  for directory in /etc/systemd/system /etc/rc.d /etc/rc?.d; do
    [ -d "$directory" ] && [ ! -L "$directory" ] || continue
    find "$directory" -type l ! -name 'kvm-play-*' | while IFS= read -r link; do
      printf '%s\t%s\n' "$link" "$(readlink "$link")"
    done
  done | sort
}

# One line a unit that was active: when it became so, and its name. That is the order in which they are started again.
active_units() {
  has_systemd || return 0
  for unit in $units; do
    [ "$(systemctl is-active "$unit" 2>/dev/null)" = active ] || continue
    echo "$(systemctl show -p ActiveEnterTimestampMonotonic "$unit" | cut -d= -f2) $unit"
  done | sort -n | cut -d' ' -f2-
}

# LINK MASTER, for every link that is plugged into another.
masters() {
  for link in /sys/class/net/*/master; do
    [ -e "$link" ] || continue
    of=${link%/master}
    echo "${of##*/} $(basename "$(readlink "$link")")"
  done
}

snapshot() {
  count=0
  each_file snapshot_file
  unit_links > "$new/unit-links"
  active_units > "$new/active-units"
  ls -1 /sys/class/net > "$new/links"
  masters > "$new/masters"
  # NetworkManager makes the route of a subnet by itself, with a metric of its own, and has the kernel make none.
  ip -o -4 address show | awk '{ print $2, $4, / noprefixroute/ ? "noprefixroute" : "" }' > "$new/addresses"
  ip -4 route show > "$new/routes"
  ip -o link show up | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' > "$new/up"
  cat /proc/sys/net/ipv4/ip_forward > "$new/ip_forward"
}

# --- put back ------------------------------------------------------------------------------------------------------
# Each function goes on where something fails, since what comes after it may be what brings the host back. None of them writes
# anything but what it puts back: the disk may be full.

# What separates words, but where it is said.
words=$IFS

# Written beside its target and renamed, like every write; in place where the disk is full. What is unchanged is left alone.
restore_file() {
  path=$(cat "$here/files/$1.path")
  if [ "$2" = absent ]; then
    [ -e "$path" ] || [ -L "$path" ] || return 0
    say "removing $path"
    rm -f -- "$path"
    return
  fi
  target=$path
  [ -L "$path" ] && target=$(readlink -f -- "$path")
  cmp -s "$here/files/$1" "$target" && return
  say "restoring $path"
  mkdir -p -- "${target%/*}"
  temporary=${target%/*}/.kvm-play.back.tmp
  if cp -p -- "$here/files/$1" "$temporary" && mv -f -- "$temporary" "$target"; then :
  else
    rm -f -- "$temporary"
    cat "$here/files/$1" > "$target"
  fi
  if [ -d /sys/fs/selinux ] && command -v restorecon >/dev/null; then restorecon "$target" || :; fi
  cmp -s "$here/files/$1" "$target"
}

# What the change has added goes first: on a full disk that makes room. Fails when a file could not be put back.
restore_files() {
  failed=0
  for kind in absent present; do
    while read -r number state; do
      [ "$state" = "$kind" ] || continue
      restore_file "$number" "$state" || failed=1
    done < "$here/files/list"
  done
  flush &
  return $failed
}

# Puts the links back that make units start at boot, and takes those away that were added for units of the change.
# Fails when one could not be put back.
restore_unit_links() {
  failed=0
  tab=$(printf '\t')
  while IFS="$tab" read -r link target; do
    [ "$(readlink "$link" 2>/dev/null)" = "$target" ] && continue
    say "linking $link"
    mkdir -p -- "${link%/*}"
    rm -f -- "$link"
    ln -s -- "$target" "$link" || failed=1
  done < "$here/unit-links"
  added=$(added_unit_links)
  IFS='
'
  for link in $added; do
    say "unlinking $link"
    rm -f -- "$link" || failed=1
  done
  IFS=$words
  return $failed
}

# What of these lines belongs to units of the change, and is not in the snapshot.
added_unit_links() {
  unit_links | cut -f1 | while IFS= read -r link; do
    for unit in $units; do
      case ${link##*/} in
        "$unit" | "$unit.service" | [SK][0-9][0-9]"$unit")
          cut -f1 "$here/unit-links" | grep -qxF -- "$link" || echo "$link"
          ;;
      esac
    done
  done
}

# Tells whether a list of the snapshot has this line.
was() { grep -qxF "$2" "$here/$1"; }

# Without any script: takes away what the change made, and gives the links back what they had.
restore_links() {
  for link in $links; do
    [ -e "/sys/class/net/$link" ] || continue
    if was links "$link"; then
      grep -q "^$link " "$here/masters" || ip link set dev "$link" nomaster 2>/dev/null
    else
      for port in $links; do
        [ -e "/sys/class/net/$link/brif/$port" ] && ip link set dev "$port" nomaster
      done
      # A bridge that guests are still plugged into stays: to take it away is to take their network away.
      if [ -z "$(ls "/sys/class/net/$link/brif" 2>/dev/null)" ]; then
        say "removing $link"
        ip link delete dev "$link"
        continue
      fi
    fi
    ip -4 address flush dev "$link"
  done
  restore_addresses
  restore_masters
}

restore_masters() {
  while read -r link master; do
    [ -e "/sys/class/net/$link" ] && [ -e "/sys/class/net/$master" ] || continue
    [ "$(basename "$(readlink "/sys/class/net/$link/master" 2>/dev/null)")" = "$master" ] && continue
    say "plugging $link into $master"
    ip link set dev "$link" master "$master"
  done < "$here/masters"
}

restore_addresses() {
  for link in $links; do
    was links "$link" && was up "$link" && ip link set dev "$link" up
    grep "^$link " "$here/addresses" | while read -r _ address flag; do
      ip -o -4 address show dev "$link" | grep -qF " $address " && continue
      ip -4 address replace "$address" brd + dev "$link" $flag || ip -4 address replace "$address" brd + dev "$link"
    done
    grep -E " dev $link( |\$)" "$here/routes" | while IFS= read -r route; do
      # Word by word, as ip printed it.
      ip -4 route replace $route 2>/dev/null
    done
  done
}

addresses_are_back() {
  for link in $links; do
    grep "^$link " "$here/addresses"
  done | while read -r link address _; do
    ip -o -4 address show dev "$link" 2>/dev/null | grep -qF " $address " || { echo missing; break; }
  done | grep -q missing && return 1
  return 0
}

restore_units() {
  has_systemd || return 0
  for unit in $units; do
    was active-units "$unit" && continue
    [ "$(systemctl is-active "$unit" 2>/dev/null)" = inactive ] || limited 60 systemctl stop "$unit"
    systemctl reset-failed "$unit" 2>/dev/null
  done
  while IFS= read -r unit; do
    say "starting $unit"
    limited 90 systemctl start "$unit" </dev/null
  done < "$here/active-units"
}
