# Removes a file or a link, after a backup; what is not there needs no removal. It needs prologue.sh and placing.sh, and these variables
# (steps.ts): path, called (the path in messages and backups), backup (the run's name; empty where none is made), note (of a secret), forgotten (the note that
# the removal makes void).
# shellcheck shell=sh
set -eu
umask 077
kvm_play_making=
kvm_play_reach "$path" entry || {
  [ $? -ne 44 ] || { kvm_play_forget "$forgotten"; exit 0; }
  exit 1
}
old=./$kvm_play_name
if [ -h "$old" ] || [ -e "$old" ]; then
  if [ -z "$backup" ]; then :
  elif [ -h "$old" ]; then kvm_play_note="symbolic link to $(readlink -- "$old")"; kvm_play_back_up_unless_secret "$old"
  elif ( kvm_play_hold "$old" ) 2>/dev/null; then kvm_play_hold "$old"; kvm_play_back_up_unless_secret "$old"
  fi
  rm -f -- "$old" || { kvm_play_say_immutable "$old"; exit 1; }
  sync -- . 2>/dev/null || sync
fi
kvm_play_forget "$forgotten"
