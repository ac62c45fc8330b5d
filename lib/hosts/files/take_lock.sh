# Takes the host's lock. It needs born.sh and trusted_path.sh, and these variables (lock.ts): id (the holder's), content (what the lock says of its
# holder), broken (the id of a holder that is known to be dead, or empty), lease (seconds). Exit status 75 (`held` in lock.ts): another run holds
# the lock; standard output has what it says.
#
# `ln` makes the lock whole or not at all. A dead one is moved away first, which only one of several runs can do; if what it moved is not what
# it had judged, or has begun a step meanwhile, it is put back. A step leaves its note before it looks at the lock, so one of the two sees
# the other.
# shellcheck shell=sh
set -eu
umask 077
( kvm_play_own_place "$kvm_play_run/lock" 700 )
lock=$kvm_play_run/lock
boot=$(cat /proc/sys/kernel/random/boot_id)
mine=$lock.$id
printf '%s\n%s\n' "$content" "$boot" > "$mine"
trap 'rm -f -- "$mine"' EXIT
now=$(cut -d. -f1 /proc/uptime)
echo "$((now + lease))" > "$kvm_play_run/alive.$id"

# busy ID: tells whether a step of that run is being executed.
busy() {
  { read -r step start < "$kvm_play_run/step.$1"; } 2>/dev/null || return 1
  kvm_play_born "$step"
  [ -n "$start" ] && [ "$start" = "$kvm_play_start" ]
}

# dead ID: tells whether that run holds the lock no longer.
dead() {
  [ "$(sed -n 6p "$lock")" = "$boot" ] || return 0
  ! busy "$1" || return 1
  [ "$1" != "$broken" ] || return 0
  until=$(cat "$kvm_play_run/alive.$1" 2>/dev/null) || return 0
  [ "$until" -lt "$now" ]
}

if [ "$(sed -n 1p "$lock" 2>/dev/null)" != "$id" ] && ! ln "$mine" "$lock" 2>/dev/null; then
  holder=$(sed -n 1p "$lock" 2>/dev/null) || holder=
  if [ -n "$holder" ] && dead "$holder"; then
    moved=$kvm_play_run/broken.$id
    mv "$lock" "$moved" 2>/dev/null || :
    if [ "$(sed -n 1p "$moved" 2>/dev/null)" = "$holder" ] && ! busy "$holder"; then rm -f -- "$kvm_play_run/alive.$holder" "$kvm_play_run/step.$holder"
    else ln "$moved" "$lock" 2>/dev/null || :; fi
    rm -f -- "$moved"
  fi
  ln "$mine" "$lock" 2>/dev/null || { rm -f -- "$kvm_play_run/alive.$id"; cat "$lock"; exit 75; }
fi
