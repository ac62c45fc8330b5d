# The far end of a session. It reads requests from standard input: `MARK LENGTH INPUT` and a line's end, then a script of LENGTH bytes, then
# INPUT bytes for the script's standard input. It answers with the mark before and after what the script prints, on both streams, and its
# exit status behind the last one on standard output. It needs feed.sh.
#
# A script runs beside the reader, so that the end of the session is noticed at once: then everything that was started in it is ended.
# The request `end LENGTH` says that nothing is left to be ended; a last script may follow, whose output nobody gets.
# Requests are read from descriptor 3, which scripts do not inherit.
# shellcheck shell=sh
# shellcheck disable=SC2086  # the words of a process's stat are wanted one by one
exec 3<&0 </dev/null

# kvm_play_job MARK SCRIPT: runs a script between marks.
kvm_play_job() {
  printf '%s\n' "$1"; printf '%s\n' "$1" >&2
  ( eval "$2" ) 3<&-
  printf '%s %s\n' "$1" "$?"; printf '%s\n' "$1" >&2
}

# kvm_play_start MARK SCRIPT INPUT: begins a script once the one before it has ended.
kvm_play_start() {
  wait
  if [ "$3" -eq 0 ]; then kvm_play_job "$1" "$2" &
  else kvm_play_feed "$3" <&3 | { { kvm_play_job "$1" "$2" <&4 4<&-; cat <&4 >/dev/null; } & } 4<&0
  fi
}

# Prints the session of a process: field 6 of its stat, proc(5).
kvm_play_session() { { IFS= read -r kvm_play_stat < "/proc/$1/stat"; } 2>/dev/null && { set -- ${kvm_play_stat##*) }; echo "$4"; }; }

# Ends everything that runs in this session.
kvm_play_end_all() {
  kvm_play_id=$(kvm_play_session $$)
  for kvm_play_process in /proc/[0-9]*; do
    kvm_play_process=${kvm_play_process#/proc/}
    [ "$kvm_play_process" = $$ ] || [ "$(kvm_play_session "$kvm_play_process")" != "$kvm_play_id" ] || kill "$kvm_play_process" 2>/dev/null
  done
}

# kvm_play_leave LENGTH: ends the session on request, with a last script.
kvm_play_leave() {
  trap '' HUP PIPE TERM
  [ "$1" -eq 0 ] || eval "$(kvm_play_take "$1" <&3)" >/dev/null 2>&1
  exit 0
}

# Serves requests until the session ends.
kvm_play_serve() {
  while IFS=' ' read -r kvm_play_mark kvm_play_length kvm_play_input <&3; do
    [ "$kvm_play_mark" != end ] || kvm_play_leave "${kvm_play_length:-0}"
    kvm_play_start "$kvm_play_mark" "$(kvm_play_take "$kvm_play_length" <&3)" "$kvm_play_input"
  done
  kvm_play_end_all
  exit 1
}
