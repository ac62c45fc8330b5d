# Takes a step under the host's lock. It needs born.sh.
# shellcheck shell=sh

# kvm_play_retake ID CONTENT LEASE: takes the lock once more where a reboot has removed the directory of locks: nobody has the lock then, and
# nobody but the directory's owner can make it.
kvm_play_retake() (
  umask 077
  mkdir -p "$kvm_play_run"
  printf '%s\n' "$2" | cat - /proc/sys/kernel/random/boot_id > "$kvm_play_run/lock.$1"
  echo "$(($(cut -d. -f1 /proc/uptime) + $3))" > "$kvm_play_run/alive.$1"
  ln "$kvm_play_run/lock.$1" "$kvm_play_run/lock"
  rm -f -- "$kvm_play_run/lock.$1"
) > /dev/null 2>&1

# kvm_play_begin_step ID CONTENT LEASE: leaves a note that a step is being executed, and tells whether the lock is this run's own. Where it is
# lost, standard error has the id, and what the lock says of its holder.
kvm_play_begin_step() {
  [ -e "$kvm_play_run" ] || kvm_play_retake "$@"
  kvm_play_born $$; echo "$$ $kvm_play_start" > "$kvm_play_run/step.$1"
  kvm_play_holder=; { read -r kvm_play_holder < "$kvm_play_run/lock"; } 2>/dev/null
  [ "$kvm_play_holder" != "$1" ] || return 0
  rm -f -- "$kvm_play_run/step.$1"; echo "$1" >&2; cat "$kvm_play_run/lock" >&2 2>/dev/null
  return 1
}
