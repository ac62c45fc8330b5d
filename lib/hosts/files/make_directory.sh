# Makes a directory with its parents. It needs prologue.sh and placing.sh, and these variables (steps.ts): path, called (the path in messages), making (mode
# of the parents), temporary (a name), owner (or empty), mode.
# shellcheck shell=sh
set -eu
umask 077
kvm_play_making=$making
kvm_play_reach "$path" follow || {
  [ $? -ne 44 ] || echo "there is no directory for $called" >&2
  exit 1
}
[ ! -d "./$kvm_play_name" ] || exit 0
if [ -e "./$kvm_play_name" ] || [ -h "./$kvm_play_name" ]; then
  kvm_play_refuse "$kvm_play_at/$kvm_play_name is there, and is no directory"; exit 1
fi
kvm_play_stage "$temporary" || exit 1
trap kvm_play_leave EXIT
trap 'exit 1' HUP INT TERM
mkdir -- "$new"
[ -z "$owner" ] || chown -- "$owner" "$new"
chmod -- "$mode" "$new"
kvm_play_put || exit 1
