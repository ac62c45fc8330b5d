# Writes standard input to a file: to a temporary name in the same directory (which gives it the right SELinux type, and which neither the
# network scripts nor sysctl read), synced, then renamed. It needs prologue.sh and placing.sh, and these variables (steps.ts):
# path, called (the path in messages), temporary (a name), length (in bytes: or nothing is written), owner (`USER:GROUP`, or empty), mode (of a new
# file), chmod (also of one that is there, or empty), secret (`yes` or empty), backup (the run's name; empty where none is made), note (of a secret),
# forgotten (the note that the write makes void, or empty).
# shellcheck shell=sh
set -eu
umask 077
kvm_play_making=
kvm_play_reach "$path" follow || {
  [ $? -ne 44 ] || echo "there is no directory for $called" >&2
  exit 1
}
kvm_play_stage "$temporary" || exit 1
trap kvm_play_leave EXIT
trap 'exit 1' HUP INT TERM
( set -C; cat > "$new" )
[ "$(wc -c < "$new")" -eq "$length" ] || { echo 'the text did not arrive whole; nothing was written' >&2; exit 1; }
# A user's directory may hand on the user's group (setgid), to which a secret's mode was not meant.
case $secret:$owner in
  yes:*:*) ;;
  yes:*) case $kvm_play_here in user*) chgrp -- "$(id -g)" "$new" ;; esac ;;
esac
if [ -e "$old" ] || [ -h "$old" ]; then
  kvm_play_hold "$old" || exit 1
  kvm_play_back_up_unless_secret "$old"
  kvm_play_keep "$owner" "${chmod:-$mode}" || exit 1
  [ -z "$chmod" ] || chmod -- "$chmod" "$new"
else
  [ -z "$owner" ] || chown -- "$owner" "$new"
  chmod -- "${chmod:-$mode}" "$new"
fi
[ -z "$secret" ] || kvm_play_note_secret "$note" || exit 1
kvm_play_put || exit 1
[ -z "$forgotten" ] || kvm_play_forget "$forgotten"
