#!/bin/sh
# kvm-play: the way back of a network change, on the host itself. It needs nobody: neither the session that armed it, nor
# the controller, nor the network. Plain POSIX sh; `plan` beside it says what the change touches.
#
# A change that is pending is the directory `current`. Its state is the name of one file in it, and a rename decides:
#   armed -> confirmed                       the change stays
#   armed -> rolling-back -> rolled-back     the host goes back to what it was
# Both renames take the same file away, so exactly one of them succeeds, whoever comes first. A rename needs no room on a disk.
# Timer and units bear the change's id: whoever is late with one change never touches the next one's.
# The functions of snapshot.sh stand before this text.
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
cd /

top=/var/lib/kvm-play/change
here=$top/current
last=$top/last
current_id() { sed -n "s/^id='\(.*\)'$/\1/p" "$here/plan" 2>/dev/null; }
# By hand, without an id: the change that is pending.
id=${2-$(current_id)}
name=kvm-play-roll-back-$id
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

# Goes on in a session of its own: whoever has begun to arm, to confirm or to go back ends it, though the session that asked for it
# may be over. What is read from standard input is handed on.
outlive() {
  command -v setsid >/dev/null || return 0
  [ -z "${kvm_play_outlives-}" ] || return 0
  exec 3<&0
  kvm_play_outlives=1 setsid sh "$0" "$@" <&3 3<&- &
  exec 3<&-
  wait $!
  exit $?
}

# Brings to disk what was written, and only there: a share of a server that is out of reach would never be written.
flush() { limited 30 sync -f "$top" /etc 2>/dev/null || limited 30 sync; }

# --- arm, confirm --------------------------------------------------------------------------------------------------

# The unit at boot is ordered before everything that could bring the network up with the new files.
write_boot_unit() {
  # No other change is pending: what is there was left where it could not be removed.
  rm -f "${boot_link%/*}"/kvm-play-roll-back-* "${boot_unit%/*}"/kvm-play-roll-back-*
  mkdir -p "${boot_link%/*}"
  cat > "$boot_unit.new" <<EOF
[Unit]
Description=kvm-play: takes a network change back that was not confirmed before the reboot
DefaultDependencies=no
RequiresMountsFor=$top
After=local-fs.target
Before=sysinit.target systemd-sysctl.service network-pre.target network.target network.service NetworkManager.service systemd-networkd.service networking.service wicked.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'p=$here/program; [ -e \$\$p ] || p=$top/program; exec /bin/sh \$\$p boot $id'

[Install]
WantedBy=sysinit.target
EOF
  mv -f "$boot_unit.new" "$boot_unit"
  ln -sf "$boot_unit" "$boot_link"
}

write_service() {
  cat > "$timer_units/$name.service" <<EOF
[Unit]
Description=kvm-play: takes a network change back that was not confirmed in time
DefaultDependencies=no

[Service]
Type=oneshot
TimeoutStartSec=0
KillMode=process
ExecStart=/bin/sh $here/program roll-back $id
EOF
}

# A timer's accuracy is one minute unless it is set. OnActiveSec counts on the monotonic clock.
write_timer() {
  write_service
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

# A change that is over is put away by whoever ended it, in a moment; after that he is dead, and it is done for him.
put_away() {
  waited=0
  while [ -e "$here/rolled-back" ] || [ -e "$here/confirmed" ]; do
    if [ $waited -ge 20 ]; then
      sh "$here/program" finish "$(current_id)"
      return
    fi
    sleep 1
    waited=$((waited + 1))
  done
}

# Takes away what was begun of a change that could not be armed.
give_up() {
  set +e
  disarm
  rm -rf -- "$@"
  fail 'the way back could not be armed; nothing was changed'
}

begin() {
  set -e
  put_away
  [ ! -e "$here" ] || exit "$pending"
  rm -rf -- "$top"/new.*
  new=$top/new.$id
  trap 'give_up "$new"' EXIT
  mkdir -p "$new/files"
  cat > "$new/plan"
  [ "$(tail -n 1 "$new/plan")" = "# end of $id" ] || fail 'the plan did not arrive whole'
  . "$new/plan"
  cp -p "$top/program" "$new/program"
  boot_id > "$new/boot"
  uptime > "$new/began"
  : > "$new/log"
  snapshot
  : > "$new/armed"
  flush || fail 'the snapshot could not be brought to disk'
  trap 'give_up "$new" "$here"' EXIT
  if has_systemd; then write_boot_unit; fi
  mv "$new" "$here"
  flush
  set_deadline "$limit"
  if ! has_systemd; then
    command -v setsid >/dev/null || fail 'this host has neither systemd nor setsid (util-linux), so nothing could take the change back'
    setsid sh "$here/program" wait "$id" </dev/null >/dev/null 2>&1 &
  fi
  trap - EXIT
}

# Without systemd: waits for the deadline, which may be moved meanwhile. A reboot ends it.
wait_for_deadline() {
  while is_current && [ -e "$here/armed" ]; do
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
  mv "$here/rolling-back" "$here/rolled-back" 2>/dev/null
  flush
  if is_current; then
    rm -rf -- "$last"
    mv "$here" "$last"
    flush
  fi
  disarm
}

is_current() { [ "$(current_id)" = "$id" ]; }

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
  is_current || exit "$unknown"
  mv "$here/armed" "$here/confirmed" 2>/dev/null || exit "$too_late"
  forget_marks
  finish
}

extend() {
  is_current || exit "$unknown"
  [ -e "$here/armed" ] || exit "$too_late"
  set_deadline "$1"
}

# Says that the link is about to be cut, and by whom: what runs now is ended before the host goes back.
# It is said first and asked afterwards: either this sees that the host goes back, or the way back sees this.
cut_begins() {
  is_current || exit "$unknown"
  {
    sed -n 's,.*/\(kvm-play-[0-9a-f-]*\.service\).*,unit \1,p' /proc/$$/cgroup | head -n 1
    echo "session $(cut -d' ' -f6 /proc/$$/stat)"
  } > "$here/cut.new" || exit 1
  mv -f "$here/cut.new" "$here/cut"
  [ -e "$here/armed" ] || exit "$too_late"
  flush
}

# --- the way back --------------------------------------------------------------------------------------------------

# Only one at a time, which a link decides; one that was killed is followed, as is one of an earlier boot.
take_turn() {
  turn=$here/turn.$(boot_id)
  ln -s $$ "$turn" 2>/dev/null && return
  holder=$(readlink "$turn") && kill -0 "$holder" 2>/dev/null && return 1
  ln -sfn $$ "$turn"
  return 0
}

# A step that was sent in time and arrives late sees that the change is over; one that has begun is awaited.
await_steps() {
  waited=0
  for note in "$here"/step.*; do
    while [ -e "$note" ] && kill -0 "${note##*.}" 2>/dev/null && [ $waited -lt 30 ]; do
      sleep 1
      waited=$((waited + 1))
    done
  done
}

# Ends all processes of a unit, and waits for their end.
end_unit() {
  systemctl kill --signal=KILL "$1" 2>/dev/null
  waited=0
  while [ $waited -lt 5 ]; do
    case $(systemctl is-active "$1" 2>/dev/null) in
      active | activating | deactivating | reloading) sleep 1 ;;
      *) break ;;
    esac
    waited=$((waited + 1))
  done
  systemctl reset-failed "$1" 2>/dev/null
}

end_apply() {
  [ -e "$here/cut" ] || return 0
  unit=$(sed -n 's/^unit //p' "$here/cut")
  session=$(sed -n 's/^session //p' "$here/cut")
  if [ -n "$unit" ] && has_systemd; then end_unit "$unit"
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

# Decides that the host goes back. Fails when that is not for this process to do.
going_back() {
  is_current || return 1
  mv "$here/armed" "$here/rolling-back" 2>/dev/null || [ -e "$here/rolling-back" ] || return 1
  take_turn || return 1
  if touch "$here/log" 2>/dev/null; then exec >> "$here/log" 2>&1; fi
  . "$here/plan"
}

log_line() { if command -v logger >/dev/null; then logger -t kvm-play -- "$1"; fi; }

# The host must answer again, whatever fails: no step of this ends it, and nothing waits for a disk while the network is down.
roll_back() {
  if is_current && { [ -e "$here/confirmed" ] || [ -e "$here/rolled-back" ]; }; then
    finish
    return
  fi
  going_back || return 0
  say 'rolling back'
  log_line 'a network change was not confirmed: rolling it back'
  await_steps
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
  until restore_files && restore_unit_links; do sleep 5; done
  say 'rolled back'
  log_line 'the network change was rolled back'
  finish
}

# Nothing of the network runs yet: the files are put back, and systemd is told which units this boot is to have.
roll_back_at_boot() {
  is_current || { disarm; return; }
  if [ -e "$here/confirmed" ] || [ -e "$here/rolled-back" ]; then
    finish
    return
  fi
  going_back || return 0
  say 'rolling back at boot'
  restore_files && restore_unit_links || return 1
  systemctl daemon-reload
  for unit in $units; do
    if systemctl is-enabled "$unit" >/dev/null 2>&1; then systemctl --no-block start "$unit"
    else systemctl --no-block stop "$unit"; fi
  done
  say 'rolled back'
  finish
}

# --- asked by the controller ---------------------------------------------------------------------------------------

# Has the host go back now, outside of this session; also where that was begun, and did not come to its end.
request() {
  is_current || exit "$unknown"
  [ -e "$here/armed" ] || [ -e "$here/rolling-back" ] || exit "$too_late"
  if has_systemd; then
    write_service
    systemctl daemon-reload
    systemctl --no-block start "$name.service"
  else setsid sh "$here/program" roll-back "$id" </dev/null >/dev/null 2>&1 &
  fi
}

# What is looked at stays the same directory, should it be put away meanwhile.
status() {
  if cd "$here" 2>/dev/null; then
    tell_state
    tell_plan
    [ "$(cat boot)" = "$(boot_id)" ] || { echo 'reboot yes'; return; }
    echo "age $(($(uptime) - $(cat began)))"
    [ -e deadline ] && echo "left $(($(cat deadline) - $(uptime)))"
  elif cd "$last" 2>/dev/null; then
    tell_state
    tell_plan
  else
    echo 'state none'
  fi
}

# In the order in which they follow each other: should one become the next meanwhile, that one is told as well, and last.
tell_state() { for state in armed rolling-back rolled-back confirmed; do [ -e $state ] && echo "state $state"; done; }
tell_plan() { sed -n "s/^\(id\|owner\|title\|fingerprint\|limit\)='\(.*\)'\$/\1 \2/p" plan; }

case ${1-} in begin | confirm | extend | request) outlive "$@" ;; esac
case ${1-} in
  begin) begin ;;
  cut) cut_begins ;;
  confirm) confirm ;;
  extend) extend "$3" ;;
  request) request ;;
  status) status ;;
  finish) finish ;;
  roll-back) roll_back ;;
  boot) roll_back_at_boot ;;
  wait) wait_for_deadline ;;
  *) fail "usage: $0 begin|cut|confirm|request|roll-back|boot|wait|finish ID | extend ID SECONDS | status" ;;
esac
