# Raises what the login allows itself of open files (to 1024: some programs close each that there could be) and processes, as far as it
# may. `$kvm_play_files` and `$kvm_play_processes` say how far that is.
# It needs no process, and one descriptor at a time: dash keeps a copy, above 9, of each that a command redirects, and where there can be
# none it has lost that one (5 is nobody's).
# shellcheck shell=sh
# shellcheck disable=SC3045,SC2086  # every shell of a host's `sh` knows -S, -u or -p; limits are single words
exec 5</dev/null
true 5</dev/null || ulimit -S -n 1024 || ulimit -n 1024 || exit
exec 5<&-
if [ -r /proc/self/limits ]; then
  exec 3<&0
  exec 4>&2
  exec 2>/dev/null
  exec </proc/self/limits
  while read -r a b c d e f; do
    case "$a $b" in
      "Max processes") kvm_play_processes=$d; [ "$c" = "$d" ] || ulimit -S -u $d || ulimit -S -p $d ;;
      "Max open")
        kvm_play_files=$e
        case $d in
          ????*) ;;
          *) ulimit -S -n 1024 || { ulimit -n 1024 && kvm_play_files=1024; } || ulimit -S -n $e ;;
        esac
        break ;;
    esac
  done
  exec <&3
  exec 2>&4
  exec 3<&-
  exec 4>&-
fi
