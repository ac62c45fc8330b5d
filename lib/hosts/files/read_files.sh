# Takes many looks with two processes: one `stat` of all directories and files on the way, one `cat` of all texts (and one look at
# attributes, mounts and places where root cannot write, where that is asked). Where one of the directories is not root's own, a link
# stands in the way, or something keeps a path from being changed, the looks that it concerns take the slow way, by trusted_path.sh, name by name.
#
# Arguments: KINDS (one letter a look: f reads a file, x and e say who can write to it) as $0, the number of directories, the directories, the paths.
# It prints one character for each look (`0` nothing there, `1` taken together, `2` the slow way), then the answers with the separator's
# text before, between and behind them: those taken together, and the slow ones. The separator is boot_id: a file that can be read again
# and again, and whose text, a random UUID, stands in hardly any other. Exit status 46: they have to be taken one by one.
# shellcheck shell=sh
kinds=$0 count=$1
shift
odd='' uid=''
IFS='
'
set -f
for line in $(stat -c '%A %u %s %n' -- /proc/self/ "$@" 2>/dev/null); do
  rest=${line#* }; owner=${rest%% *}; rest=${rest#* }
  [ -n "$uid" ] || { uid=$owner; continue; }
  case $line in
    d????-??-?\ 0\ * | d????-??-?\ "$uid"\ *) ;;
    -*) [ "${rest%% *}" -le 16777216 ] || exit 46 ;;
    *) odd="$odd${rest#* }
" ;;
  esac
done
[ -n "$uid" ] || exit 46
fixed=
case $kinds in *[xe]*)
  kvm_play_mounted
  fixed="
$(lsattr -d -- "$@" 2>/dev/null | sed -n 's/^[^ ]*[ia][^ ]* *//p')
" ;;
esac

# Tells whether something keeps a path from being changed.
is_kept() {
  case $kvm_play_mounts in *"
$1
"*) return 0 ;; esac
  case $fixed in *"
$1
"* | *"
${1%/*}
"*) return 0 ;; esac
  [ "$uid" = 0 ] || return 1
  [ ! -w "${1%/*}/" ] || { [ -e "$1" ] && [ ! -w "$1" ]; }
}

# Tells whether a path is a link, or has a directory on its way that is not root's own.
is_odd() {
  [ ! -h "$1" ] || return 0
  for line in $odd; do case $1 in "${line%/}"/*) return 0 ;; esac; done
  return 1
}

shift "$count"
kvm_play_unsure "$@" >&2
slow=
for at do
  shift
  kind=${kinds%"${kinds#?}"} kinds=${kinds#?}
  if [ -n "$odd" ] && is_odd "$at" || { [ "$kind" != f ] && is_kept "$at"; }; then printf 2; slow="$slow$kind$at
"
  elif [ "$kind" != f ]; then printf 1
  elif [ -f "$at" ]; then printf 1; set -- "$@" "$at" /proc/sys/kernel/random/boot_id
  elif [ -e "$at" ]; then exit 46
  else printf 0
  fi
done
echo
[ $# -eq 0 ] && [ -z "$slow" ] || cat -- /proc/sys/kernel/random/boot_id "$@" || exit
for line in $slow; do
  at=${line#?}
  unset IFS
  case $line in
    f*) ( kvm_play_read "$at" ) ;;
    x*) ( kvm_play_exposure "$at" follow ) ;;
    *) ( kvm_play_exposure "$at" entry ) ;;
  esac
  status=$?
  case $status in 0 | 44) printf '\n%s\n' "$status"; cat -- /proc/sys/kernel/random/boot_id ;; *) exit "$status" ;; esac
done
