#!/bin/sh
# kvm-play: the way back of a network change, on the host itself. It needs nobody: neither the session that armed it, nor
# the controller, nor the network. Plain POSIX sh; `plan` beside it says what the change touches.
#
# A change that is pending is the directory `current`. Its state is the name of one file in it, and a rename decides:
#   armed -> confirmed       the change stays
#   armed -> rolling-back    the host goes back to what it was
# Both renames take the same file away, so exactly one of them succeeds, whoever comes first.
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
cd /

top=/var/lib/kvm-play/change
here=$top/current
last=$top/last
name=kvm-play-roll-back
timer_units=/run/systemd/system
boot_unit=/etc/systemd/system/$name-at-boot.service
boot_link=/etc/systemd/system/sysinit.target.wants/$name-at-boot.service

# Exit statuses that the controller tells apart.
pending=75
unknown=76
too_late=77

has_systemd() { [ -d /run/systemd/system ]; }
uptime() { cut -d. -f1 /proc/uptime; }
boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { echo "$(uptime)s: $*"; }
fail() {
  echo "$*" >&2
  exit 1
}
if command -v timeout >/dev/null 2>&1
then limited() { limited_seconds=$1; shift; timeout -k 5 "$limited_seconds" "$@"; }
else limited() { shift; "$@"; }
fi

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

# --- arm, confirm --------------------------------------------------------------------------------------------------

# The unit at boot is ordered before everything that could bring the network up with the new files.
write_boot_unit() {
  mkdir -p "${boot_link%/*}"
  cat > "$boot_unit.new" <<EOF
[Unit]
Description=kvm-play: takes a network change back that was not confirmed before the reboot
DefaultDependencies=no
ConditionPathExists=$here
RequiresMountsFor=$top
After=local-fs.target
Before=sysinit.target systemd-sysctl.service network-pre.target network.target network.service NetworkManager.service systemd-networkd.service networking.service wicked.service

[Service]
Type=oneshot
ExecStart=/bin/sh $here/program boot

[Install]
WantedBy=sysinit.target
EOF
  mv -f "$boot_unit.new" "$boot_unit"
  ln -sf "$boot_unit" "$boot_link"
}

# A timer's accuracy is one minute unless it is set. OnActiveSec counts on the monotonic clock.
write_timer() {
  cat > "$timer_units/$name.service" <<EOF
[Unit]
Description=kvm-play: takes a network change back that was not confirmed in time
DefaultDependencies=no

[Service]
Type=oneshot
TimeoutStartSec=0
KillMode=process
ExecStart=/bin/sh $here/program roll-back
EOF
  cat > "$timer_units/$name.timer" <<EOF
[Unit]
Description=kvm-play: the time that a network change has to be confirmed

[Timer]
OnActiveSec=$1s
AccuracySec=100ms
EOF
  systemctl daemon-reload
  systemctl restart "$name.timer"
}

# Sets the time from now on in which the change has to be confirmed.
set_deadline() {
  echo "$(($(uptime) + $1))" > "$here/deadline.new"
  mv -f "$here/deadline.new" "$here/deadline"
  if has_systemd; then write_timer "$1"; fi
}

begin() {
  set -e
  [ ! -e "$here" ] || exit "$pending"
  rm -rf -- "$top"/new.*
  new=$top/new.$1
  trap 'rm -rf -- "$new"' EXIT
  mkdir -p "$new/files"
  cat > "$new/plan"
  [ "$(tail -n 1 "$new/plan")" = "# end of $1" ] || fail 'the plan did not arrive whole; nothing was changed'
  . "$new/plan"
  cp -p "$top/program" "$new/program"
  boot_id > "$new/boot"
  uptime > "$new/began"
  snapshot
  : > "$new/armed"
  sync
  if has_systemd; then write_boot_unit; fi
  trap 'disarm; rm -rf -- "$new" "$here"' EXIT
  mv "$new" "$here"
  sync
  set_deadline "$limit"
  if ! has_systemd; then
    command -v setsid >/dev/null || fail 'this host has neither systemd nor setsid (util-linux), so nothing could take the change back'
    setsid sh "$here/program" wait </dev/null >/dev/null 2>&1 &
  fi
  trap - EXIT
}

# Without systemd: waits for the deadline, which may be moved meanwhile. A reboot ends it.
wait_for_deadline() {
  while [ -e "$here/armed" ]; do
    [ "$(uptime)" -lt "$(cat "$here/deadline")" ] || { roll_back; return; }
    sleep 1
  done
}

# Takes timer and boot unit away. The service that is running this program is left to its end.
disarm() {
  has_systemd || return 0
  systemctl stop "$name.timer" 2>/dev/null
  rm -f "$timer_units/$name.timer" "$timer_units/$name.service" "$boot_link" "$boot_unit" "$boot_unit.new"
  systemctl daemon-reload
}

finish() {
  echo "$1" > "$here/outcome"
  sync
  rm -rf -- "$last"
  mv "$here" "$last"
  sync
  disarm
}

is_current() { [ "$(sed -n "s/^id='\(.*\)'$/\1/p" "$here/plan" 2>/dev/null)" = "$1" ]; }

# What was written has been loaded when the link was cut: the marks that say otherwise would have it loaded once more.
forget_marks() {
  [ -e "$here/cut" ] || return 0
  for path in "$here"/files/*.path; do
    case $(cat "$path") in
      /var/lib/kvm-play/pending/*) rm -f -- "$(cat "$path")" ;;
    esac
  done
}

confirm() {
  is_current "$1" || exit "$unknown"
  mv "$here/armed" "$here/confirmed" 2>/dev/null || exit "$too_late"
  forget_marks
  sync
  finish confirmed
}

extend() {
  is_current "$1" || exit "$unknown"
  [ -e "$here/armed" ] || exit "$too_late"
  set_deadline "$2"
}

# Says that the link is about to be cut, and by whom: what runs now is ended before the host goes back.
cut_begins() {
  is_current "$1" || exit "$unknown"
  [ -e "$here/armed" ] || exit "$too_late"
  {
    sed -n 's,.*/\(kvm-play-[0-9a-f-]*\.service\).*,unit \1,p' /proc/$$/cgroup | head -n 1
    echo "session $(cut -d' ' -f6 /proc/$$/stat)"
  } > "$here/cut.new"
  mv -f "$here/cut.new" "$here/cut"
  sync
}

# --- the way back --------------------------------------------------------------------------------------------------

# Only one at a time; one that was killed is followed, as is one of an earlier boot.
take_turn() {
  if [ "$(cat "$here/turn.boot" 2>/dev/null)" = "$(boot_id)" ] && kill -0 "$(cat "$here/turn.pid")" 2>/dev/null; then return 1; fi
  echo $$ > "$here/turn.pid"
  boot_id > "$here/turn.boot"
}

end_apply() {
  [ -e "$here/cut" ] || return 0
  unit=$(sed -n 's/^unit //p' "$here/cut")
  session=$(sed -n 's/^session //p' "$here/cut")
  if [ -n "$unit" ] && has_systemd; then
    systemctl kill --signal=KILL "$unit" 2>/dev/null
    systemctl reset-failed "$unit" 2>/dev/null
  elif command -v pkill >/dev/null; then pkill -KILL -s "$session"
  fi
  has_systemd || return 0
  # A script that hangs holds its unit, and every job behind it.
  for unit in $units; do
    case $(systemctl is-active "$unit" 2>/dev/null) in
      activating | deactivating | reloading) systemctl kill --signal=KILL "$unit" 2>/dev/null ;;
    esac
  done
}

# Written beside its target and renamed, like every write; in place where the disk is full. What is unchanged is left alone.
restore_file() {
  path=$(cat "$here/files/$1.path")
  if [ "$2" = absent ]; then
    if [ -e "$path" ] || [ -L "$path" ]; then
      say "removing $path"
      rm -f -- "$path"
    fi
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
}

restore_files() {
  while read -r number state; do restore_file "$number" "$state"; done < "$here/files/list"
  sync
}

# Puts the links back that make the change's units start at boot, and takes away those that were added for them.
restore_unit_links() {
  unit_links > "$here/unit-links.now"
  tab=$(printf '\t')
  while IFS="$tab" read -r link target; do
    [ "$(readlink "$link" 2>/dev/null)" = "$target" ] && continue
    say "linking $link"
    mkdir -p -- "${link%/*}"
    rm -f -- "$link"
    ln -s -- "$target" "$link"
  done < "$here/unit-links"
  cut -f1 "$here/unit-links" > "$here/unit-links.names"
  cut -f1 "$here/unit-links.now" | grep -vxF -f "$here/unit-links.names" | while IFS= read -r link; do
    for unit in $units; do
      case ${link##*/} in
        "$unit" | "$unit.service" | [SK][0-9][0-9]"$unit")
          say "unlinking $link"
          rm -f -- "$link"
          ;;
      esac
    done
  done
}

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

roll_back() {
  mv "$here/armed" "$here/rolling-back" 2>/dev/null || [ -e "$here/rolling-back" ] || exit "$too_late"
  take_turn || exit 0
  exec >> "$here/log" 2>&1
  say 'rolling back'
  command -v logger >/dev/null && logger -t kvm-play -- 'a network change was not confirmed: rolling it back'
  has_systemd && systemctl stop "$name.timer" 2>/dev/null
  . "$here/plan"
  end_apply
  [ -e "$here/cut" ] && undo_with_new_files
  restore_files
  restore_unit_links
  has_systemd && systemctl daemon-reload
  undo_with_old_files
  [ -e "$here/cut" ] && restore_links
  restore_units
  if [ -e "$here/cut" ]; then
    waited=0
    until addresses_are_back || [ $waited -ge 15 ]; do
      sleep 1
      waited=$((waited + 1))
    done
    restore_addresses
    restore_masters
    cat "$here/ip_forward" > /proc/sys/net/ipv4/ip_forward
  fi
  say 'rolled back'
  command -v logger >/dev/null && logger -t kvm-play -- 'the network change was rolled back'
  finish rolled-back
}

# Nothing of the network runs yet: the files are put back, and systemd is told which units this boot is to have.
roll_back_at_boot() {
  [ ! -e "$here/confirmed" ] || { finish confirmed; return; }
  mv "$here/armed" "$here/rolling-back" 2>/dev/null || [ -e "$here/rolling-back" ] || return
  exec >> "$here/log" 2>&1
  say 'rolling back at boot'
  . "$here/plan"
  restore_files
  restore_unit_links
  systemctl daemon-reload
  for unit in $units; do
    if systemctl is-enabled "$unit" >/dev/null 2>&1; then systemctl --no-block start "$unit"
    else systemctl --no-block stop "$unit"; fi
  done
  say 'rolled back'
  finish rolled-back
}

# --- asked by the controller ---------------------------------------------------------------------------------------

# Has the host go back now, outside of this session.
request() {
  is_current "$1" || exit "$unknown"
  [ -e "$here/armed" ] || exit "$too_late"
  if has_systemd; then systemctl --no-block start "$name.service"
  else setsid sh "$here/program" roll-back </dev/null >/dev/null 2>&1 &
  fi
}

status() {
  if [ -e "$here/plan" ]; then
    for state in armed rolling-back confirmed; do [ -e "$here/$state" ] && echo "state $state"; done
    sed -n "s/^\(id\|owner\|title\|fingerprint\|limit\)='\(.*\)'\$/\1 \2/p" "$here/plan"
    [ "$(cat "$here/boot")" = "$(boot_id)" ] || { echo 'reboot yes'; return; }
    echo "age $(($(uptime) - $(cat "$here/began")))"
    echo "left $(($(cat "$here/deadline") - $(uptime)))"
  elif [ -e "$last/plan" ]; then
    echo "state $(cat "$last/outcome")"
    sed -n "s/^\(id\|owner\|title\|fingerprint\|limit\)='\(.*\)'\$/\1 \2/p" "$last/plan"
  else
    echo 'state none'
  fi
}

case ${1-} in
  begin) begin "$2" ;;
  cut) cut_begins "$2" ;;
  confirm) confirm "$2" ;;
  extend) extend "$2" "$3" ;;
  request) request "$2" ;;
  status) status ;;
  roll-back) roll_back ;;
  boot) roll_back_at_boot ;;
  wait) wait_for_deadline ;;
  *) fail "usage: $0 begin|cut|confirm|extend|request ID | status | roll-back | boot | wait" ;;
esac
