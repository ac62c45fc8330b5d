# Lifts limits on CPU time, file size and memory that the login has set, as far as the kernel lets this user.
# shellcheck shell=sh
# shellcheck disable=SC3045  # every shell of a host's `sh` knows -S and -H
for kvm_play_limit in t f d v m; do
  ulimit -$kvm_play_limit unlimited || ulimit -S -$kvm_play_limit "$(ulimit -H -$kvm_play_limit)"
done 2>/dev/null
