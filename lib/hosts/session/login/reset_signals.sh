# Sets `$kvm_play_reset` to the words before a command that give all signals their usual meaning again, where the login ignores one: a shell
# cannot do that by itself. It needs one descriptor at a time, as raise_limits.sh does.
# shellcheck shell=sh
if [ -r /proc/self/status ]; then
  exec 3<&0
  exec 4>&2
  exec 2>/dev/null
  exec </proc/self/status
  while read -r a b c d e f; do
    case "$a $b" in
      SigIgn:*) kvm_play_ignored=$b; break ;;
    esac
  done
  exec <&3
  exec 2>&4
  exec 3<&-
  exec 4>&-
fi
kvm_play_reset=
case $kvm_play_ignored in
  "" | *00000000) ;;
  *) if env --default-signal true 2>/dev/null; then kvm_play_reset="env --default-signal"; fi ;;
esac
