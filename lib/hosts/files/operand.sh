# Goes to a path on which a command is run, so that it leads nobody astray. It needs prologue.sh and placing.sh, and these variables (steps.ts): path,
# called (the path in messages), and `kvm_play_run_on NAME`, a function that runs the command.
# shellcheck shell=sh
set -eu
umask 077
kvm_play_making=

# Runs the command on the path's name in its directory.
kvm_play_on_entry() {
  kvm_play_reach "$path" entry || { [ $? -ne 44 ] || echo "there is no directory for $called" >&2; exit 1; }
  kvm_play_run_on "./$kvm_play_name"
}

# Runs the command on what the path names. Below a directory that others can write to, only what belongs to that directory's user is
# changed: another user could have put anything else in its place.
kvm_play_on_object() {
  kvm_play_reach "$path" follow || { [ $? -ne 44 ] || echo "there is no directory for $called" >&2; exit 1; }
  if [ "$kvm_play_here" = own ]; then kvm_play_run_on "./$kvm_play_name" || { kvm_play_say_immutable "./$kvm_play_name"; exit 1; }; exit; fi
  if [ -d "./$kvm_play_name" ] && [ ! -h "./$kvm_play_name" ]; then kvm_play_enter "$kvm_play_name" || exit 1; kvm_play_run_on .; exit; fi
  kvm_play_hold "./$kvm_play_name" || exit 1
  case "$kvm_play_here $(stat -L -c %u -- /proc/self/fd/0)" in
    "sticky 0" | "sticky $kvm_play_uid") kvm_play_run_on /proc/self/fd/0; exit ;;
    user*) if [ "$kvm_play_here" = "user $(stat -L -c %u -- /proc/self/fd/0)" ]; then kvm_play_run_on /proc/self/fd/0; exit; fi ;;
  esac
  kvm_play_refuse "$kvm_play_at/$kvm_play_name is not changed: another file can take its place at any time, since $(kvm_play_writers .); $kvm_play_remedy"
  exit 1
}
