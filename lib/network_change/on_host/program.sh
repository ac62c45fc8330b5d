# shellcheck shell=sh
# shellcheck disable=SC1091  # the plan is written beside it on the host
# shellcheck disable=SC2086  # the words are wanted one by one
# --- arm, confirm --------------------------------------------------------------------------------------------------

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
  fail 'the rollback could not be armed; nothing was changed'
}

# Takes away what a run has left that was killed while it armed. One that still arms is waited for.
remove_left() {
  waited=0
  for left in "$top"/new.*; do
    [ -d "$left" ] || continue
    while is_arming "$left"; do
      [ ! -e "$here" ] || return 0
      [ $waited -lt 40 ] || fail "another network change is being armed (${left##*/new.}); nothing was changed"
      sleep 1
      waited=$((waited + 1))
    done
    rm -rf -- "$left"
  done
}

is_arming() {
  [ "$(cat "$1/boot" 2>/dev/null)" = "$(boot_id)" ] || return 1
  process=$(cat "$1/arming" 2>/dev/null) && tr "\\0" " " 2>/dev/null < "/proc/$process/cmdline" | grep -q "/program begin ${1##*/new.}"
}

begin() {
  set -e
  put_away
  remove_left
  [ ! -e "$here" ] || exit "$pending"
  lost=$(lost_with_reboot "$top")
  [ -z "$lost" ] || fail "a reboot would lose the rollback: $lost. Mount a file system that survives a reboot at ${top%/*}, and run again; nothing was changed"
  new=$top/new.$id
  trap 'give_up "$new"' EXIT
  # Whatever list of access rights the directories above hand down: this one is closed.
  mkdir -m 700 "$new" "$new/files"
  echo $$ > "$new/arming"
  boot_id > "$new/boot"
  cat > "$new/plan"
  [ "$(tail -n 1 "$new/plan")" = "# end of $id" ] || fail 'the plan did not arrive whole'
  . "$new/plan"
  cp -p "$top/program" "$new/program"
  uptime > "$new/began"
  : > "$new/log"
  snapshot
  remove_temporary_files "$new"
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
  end_hanging $units
}

# A script that hangs holds its unit, and every job behind it.
end_hanging() {
  has_systemd || return 0
  for unit in "$@"; do
    case $(systemctl is-active "$unit" 2>/dev/null) in
      activating | deactivating | reloading) end_unit "$unit" ;;
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
  # Once: should this be killed and begun again, the old files are back by then.
  if [ -e "$here/cut" ] && [ ! -e "$here/undone" ]; then undo_with_new_files; fi
  : > "$here/undone"
  end_hanging $units
  # The host answers from here on, whatever takes long afterwards.
  remove_added_links
  put_back_network
  restore_files
  restore_unit_links
  has_systemd && systemctl daemon-reload
  stop_units
  put_back_network
  keep_up undo_with_old_files
  start_units
  settle
  until restore_files && restore_unit_links; do sleep 5; done
  record_differences
  rm -rf -- "$work"
  say 'rolled back'
  log_line 'the network change was rolled back'
  finish
}

# Until nothing differs any more: what was started needs its time, and some of it writes the files anew. A lease is not waited for
# without end.
settle() {
  started=$(uptime)
  end=$((started + 15))
  while :; do
    restore_files
    restore_unit_links
    # Some daemons make them again until they have read the old files.
    remove_added_links
    put_back_network
    start_clients
    # NetworkManager is given time to do it by itself.
    [ "$(uptime)" -lt $((started + 5)) ] || reconnect
    look && [ ! -s "$work/gone" ] && [ ! -s "$work/added" ] && return
    [ "$(uptime)" -lt $end ] || return 0
    sleep 1
  done
}

# Nothing of the network runs yet: the files are put back, and systemd is told which units this boot is to have.
roll_back_at_boot() {
  is_current || { rm -rf -- "$top/new.$id"; disarm; return; }
  if [ -e "$here/confirmed" ] || [ -e "$here/rolled-back" ]; then
    finish
    return
  fi
  going_back || return 0
  say 'rolling back at boot'
  at_boot=yes
  restore_files && restore_unit_links || return 1
  undo_at_boot
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
    [ ! -e differences ] || tell_differences differences
    [ "$(cat boot)" = "$(boot_id)" ] || { echo 'reboot yes'; return; }
    echo "age $(($(uptime) - $(cat began)))"
    [ -e deadline ] && echo "left $(($(cat deadline) - $(uptime)))"
  elif cd "$last" 2>/dev/null; then
    tell_state
    tell_plan
    [ ! -e differences ] || tell_differences differences
    [ "$(cat boot)" = "$(boot_id)" ] || echo 'reboot yes'
  else
    echo 'state none'
  fi
}

# In the order in which they follow each other: should one become the next meanwhile, that one is told as well, and last.
tell_state() { for state in armed rolling-back rolled-back confirmed; do [ -e $state ] && echo "state $state"; done; }
tell_plan() { sed -n "s/^\(id\|owner\|title\|fingerprint\|limit\)='\(.*\)'\$/\1 \2/p" plan; }

case ${1-} in begin | confirm | extend | request | compare) outlive "$@" ;; esac
case ${1-} in
  begin) begin ;;
  cut) cut_begins ;;
  confirm) confirm ;;
  extend) extend "$3" ;;
  request) request ;;
  status) status ;;
  finish) finish ;;
  compare) compare ;;
  clean) clean ;;
  roll-back) roll_back ;;
  boot) roll_back_at_boot ;;
  wait) wait_for_deadline ;;
  *) fail "usage: $0 begin|cut|confirm|request|roll-back|compare|boot|wait|finish|clean ID | extend ID SECONDS | status" ;;
esac
