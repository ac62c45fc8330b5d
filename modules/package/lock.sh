# Looks who holds the locks of a package manager, and waits until nobody does.
# shellcheck shell=sh
# $1: the most seconds to wait; what follows are the files that are locked: by fcntl, or, where a name ends with .pid, by the
# number of a process in them. Prints who holds one, as FILE, PID and NAME, separated by blanks; ends with 75 if that is still so.

# Tells whether a process has a file open; another user's process cannot be asked, and counts.
has_open() {
  [ -r "/proc/$1/fd" ] || return 0
  for fd in "/proc/$1/fd/"*; do
    [ "$(readlink "$fd")" != "$2" ] || return 0
  done
  return 1
}

name_of() {
  name=
  { read -r name < "/proc/$1/comm"; } 2>/dev/null
  echo "${name:-?}"
}

holder_by_number() {
  pid=
  read -r pid _ < "$1"
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  [ -d "/proc/$pid" ] && echo "$1 $pid $(name_of "$pid")"
}

# A line of /proc/locks is `1: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE START END`; one that waits has `->` behind the colon.
holder_by_lock() {
  inode=$(stat -c %i -- "$1") || return 1
  while read -r _ kind _ _ pid place _; do
    case $kind in '->') continue ;; esac
    case $place in *":$inode") ;; *) continue ;; esac
    has_open "$pid" "$1" || continue
    echo "$1 $pid $(name_of "$pid")"
    return 0
  done < /proc/locks
  return 1
}

holder() {
  for file; do
    [ -e "$file" ] || continue
    case $file in
      *.pid) holder_by_number "$file" && return 0 ;;
      *) holder_by_lock "$file" && return 0 ;;
    esac
  done
  return 1
}

left=$1
shift
while found=$(holder "$@"); do
  if [ "$left" -le 0 ]; then
    echo "$found"
    exit 75
  fi
  left=$((left - 1))
  sleep 1
done
exit 0
