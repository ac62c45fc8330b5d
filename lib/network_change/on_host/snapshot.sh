# shellcheck shell=sh
# shellcheck disable=SC2015  # what stands behind || is wanted in both cases
# shellcheck disable=SC2016  # another shell expands what stands in quotes
# kvm-play: what there was before a network change besides the network's own state: files, the links that make units start at
# boot, the units that ran, DHCP clients. Takes the snapshot, and puts it back.

# Copies one file of the host, or notes that it is not there. Of a link, where it points is kept, and what it leads to.
snapshot_file() {
  count=$((count + 1))
  printf '%s' "$1" > "$new/files/$count.path"
  if [ -L "$1" ]; then
    readlink "$1" > "$new/files/$count.link"
    readlink -f -- "$1" > "$new/files/$count.target" || : > "$new/files/$count.target"
  fi
  if [ -e "$1" ]; then
    copy_whole "$1" "$new/files/$count"
    echo "$count present" >> "$new/files/list"
  elif [ -L "$1" ]; then echo "$count dangling" >> "$new/files/list"
  else echo "$count absent" >> "$new/files/list"; fi
}

# Copies with owner, mode, ACL and extended attributes, as far as the host's `cp` knows them. The second name must be a new one:
# `cp` then creates it exclusively, and follows no link.
copy_whole() { cp -L --preserve=all -- "$1" "$2" 2>/dev/null || { rm -f -- "$2"; cp -pL -- "$1" "$2"; }; }

# What makes units start at boot: links below these directories.
unit_links() {
  for directory in /etc/systemd/system /etc/rc.d /etc/rc?.d; do
    [ -d "$directory" ] && [ ! -L "$directory" ] || continue
    # Not every `find` can print where a link points.
    find "$directory" -type l ! -name 'kvm-play-*' -printf '%p\t%l\n' 2>/dev/null ||
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

# Command lines of the DHCP clients that run on their own; what is another process's child is started by that one.
snapshot_clients() {
  mkdir "$new/clients"
  dhcp_clients | while read -r process parent name link; do
    [ "$parent" = 1 ] && [ "$link" != - ] || continue
    cat "/proc/$process/cmdline" > "$new/clients/$process" 2>/dev/null || continue
    echo "$process $name $link" >> "$new/clients/list"
  done
}

snapshot() {
  count=0
  each_file snapshot_file
  # Network managers and DHCP clients write it.
  snapshot_file /etc/resolv.conf
  unit_links > "$new/unit-links"
  active_units > "$new/active-units"
  snapshot_clients
  read_state "$new"
}

# --- put back ------------------------------------------------------------------------------------------------------
# Each function goes on where something fails, since what comes after it may be what brings the host back. None of them writes
# anything but what it puts back: the disk may be full.

# What separates words, but where it is said.
separators=$IFS

# A name beside a file that nobody can foresee.
temporary_beside() { echo "${1%/*}/.kvm-play.$(cat /proc/sys/kernel/random/uuid).tmp"; }

# Tells whether nobody but root can put anything into a directory, nor replace it.
is_roots_own() (
  directory=$(readlink -f -- "$1") || exit 1
  while :; do
    case $(stat -c '%u %A' -- "$directory") in '0 d'????-??-*) ;; *) exit 1 ;; esac
    [ "$directory" != / ] || exit 0
    directory=${directory%/*}
    directory=${directory:-/}
  done
)

# Owner, mode and ACL.
attributes() { stat -c '%u:%g %a' -- "$1" 2>/dev/null; ! command -v getfacl >/dev/null || getfacl -cnp -- "$1" 2>/dev/null; }
is_same_file() { [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2" && [ "$(attributes "$1")" = "$(attributes "$2")" ]; }

# Written beside its target and renamed, like every write; in place where the disk is full. What is unchanged is left alone.
restore_text() {
  is_same_file "$1" "$2" && return
  say "restoring $2"
  mkdir -p -- "${2%/*}"
  temporary=$(temporary_beside "$2")
  if copy_whole "$1" "$temporary" && mv -fT -- "$temporary" "$2"; then :
  else
    rm -f -- "$temporary"
    if [ ! -L "$2" ] && is_roots_own "${2%/*}"; then cat "$1" > "$2"; fi
  fi
  if [ -d /sys/fs/selinux ] && command -v restorecon >/dev/null; then restorecon "$2" || :; fi
  is_same_file "$1" "$2"
}

restore_link() {
  [ "$(readlink -- "$2" 2>/dev/null)" = "$1" ] && return
  say "linking $2"
  mkdir -p -- "${2%/*}"
  temporary=$(temporary_beside "$2")
  ln -s -- "$1" "$temporary" && mv -fT -- "$temporary" "$2" || { rm -f -- "$temporary"; return 1; }
}

# Puts one file of the snapshot back. Links lead where they led when the snapshot was taken, whoever has replaced them since.
restore_file() {
  path=$(cat "$here/files/$1.path")
  target=$path
  if [ "$2" = absent ]; then
    [ -e "$path" ] || [ -L "$path" ] || return 0
    say "removing $path"
    rm -f -- "$path"
    return
  fi
  if [ -e "$here/files/$1.link" ]; then
    restore_link "$(cat "$here/files/$1.link")" "$path" || return 1
    target=$(cat "$here/files/$1.target")
  fi
  # What lies in memory is made anew by whoever owns it when the host boots.
  case ${at_boot-}$target in yes/run/*) return 0 ;; esac
  [ "$2" != present ] || restore_text "$here/files/$1" "$target"
}

# Tells whether one file is what it was.
is_restored() {
  path=$(cat "$here/files/$1.path")
  target=$path
  [ "$2" != absent ] || { [ ! -e "$path" ] && [ ! -L "$path" ]; return; }
  if [ -e "$here/files/$1.link" ]; then
    [ "$(readlink -- "$path" 2>/dev/null)" = "$(cat "$here/files/$1.link")" ] || return 1
    target=$(cat "$here/files/$1.target")
  fi
  [ "$2" != present ] || is_same_file "$here/files/$1" "$target"
}

# What the change has added goes first: on a full disk that makes room. Fails when a file could not be put back.
restore_files() {
  failed=0
  for kind in absent dangling present; do
    while read -r number state; do
      [ "$state" = "$kind" ] || continue
      restore_file "$number" "$state" || failed=1
    done < "$here/files/list"
  done
  remove_temporary_files "$here"
  flush &
  return $failed
}

# Temporary files that a step left which was killed, or cut off by a power cut: only our own names, and no links.
remove_temporary_files() {
  for path in "$1"/files/*.path; do
    directory=$(cat "$path")
    directory=${directory%/*}
    [ ! -d "$directory" ] || find "$directory/" -maxdepth 1 -name '.kvm-play.*.tmp' -type f -user 0 -exec rm -f -- {} +
  done
}

# Puts the links back that make units start at boot, and takes those away that were added for units of the change.
# Fails when one could not be put back.
restore_unit_links() {
  failed=0
  tab=$(printf '\t')
  missing=$(unit_links | comm -13 - "$here/unit-links")
  added=$(added_unit_links)
  IFS='
'
  for line in $missing; do
    restore_link "${line#*"$tab"}" "${line%%"$tab"*}" || failed=1
  done
  for link in $added; do
    say "unlinking $link"
    rm -f -- "$link" || failed=1
  done
  IFS=$separators
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
was() { grep -qxF -- "$2" "$here/$1"; }

# Stops the units that did not run. One that had failed stays so.
stop_units() {
  has_systemd || return 0
  for unit in $units; do
    was active-units "$unit" && continue
    case $(systemctl is-active "$unit" 2>/dev/null) in inactive | failed | unknown) ;; *) limited 60 systemctl stop "$unit" ;; esac
    end_hanging "$unit"
    was state "unit $unit failed" || systemctl reset-failed "$unit" 2>/dev/null
  done
}

# Seconds that a unit may take to start: some scripts wait for links and leases.
start_limit=150

# Runs something that may take a while. What it takes away of the network is put back at once: the host has to answer meanwhile.
keep_up() {
  "$@" </dev/null &
  kept=$!
  while nap && kill -0 $kept 2>/dev/null; do put_back_missing; done
  wait $kept
}

# Starts the units that ran.
start_units() {
  has_systemd || return 0
  while IFS= read -r unit; do
    say "starting $unit"
    keep_up limited $start_limit systemctl start "$unit" && continue
    end_hanging "$unit"
  done < "$here/active-units"
  units_started=yes
}

# Starts the DHCP clients again that ran on their own and that no unit has started: where a link has no carrier, a script gives up.
# They wait for their lease in the background, in a unit of their own where there is systemd, and end with the lease's link.
start_clients() {
  [ -e "$here/clients/list" ] || return 0
  running=$(dhcp_clients | cut -d' ' -f3-)
  while read -r number client link; do
    [ -e "/sys/class/net/$link" ] || continue
    printf '%s\n' "$running" | grep -qxF -- "$client $link" && continue
    say "starting $client for $link"
    xargs -0 sh -c 'for word; do shift; case $word in -1 | -d | -w) ;; *) set -- "$@" "$word" ;; esac; done
      case ${1##*/} in dhclient) program=$1; shift; set -- "$program" -nw "$@" ;; esac
      if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null
      then exec systemd-run --quiet --scope --unit="$0" "$@"
      else exec setsid "$@"; fi </dev/null' "$client-$link-$id" < "$here/clients/$number"
  done < "$here/clients/list"
}
