# Goes to a path which other users may have a hand in. A directory is *own* where nobody but root and the user who runs the script can
# write to it, by mode or by access control list (whose mask `stat` shows as the group's bits). Other users cannot replace what stands in
# an own directory, so names in it can be trusted. Everywhere else each directory is entered, and then it is verified that the name still
# stands for the directory that was entered; from there on names are relative. It needs absence.sh.
# shellcheck shell=sh
# shellcheck disable=SC2046  # the words of stat are wanted one by one
kvm_play_making=

# Refuses, with the reason. Exit status 46 is `refused` in trusted_path.ts.
kvm_play_refuse() { printf '%s\n' "$1" >&2; return 46; }

# Says who can write to a directory.
kvm_play_writers() { stat -c 'others can write to it (owner %U, group %G, mode %a)' -- "$1"; }
kvm_play_remedy='change it as that user, or let only root write there'

# kvm_play_judge MODE UID: sets `kvm_play_here` for the working directory.
kvm_play_judge() {
  case $1 in
    d????-??-?) kvm_play_here="user $2" kvm_play_ours=own ;;
    d????????[tT]) kvm_play_here=shared kvm_play_ours=sticky ;;
    *) kvm_play_here=shared kvm_play_ours=shared ;;
  esac
  if [ "$2" = 0 ] || [ "$2" = "$kvm_play_uid" ]; then kvm_play_here=$kvm_play_ours; fi
}

# Goes to the root directory, from which every path is walked.
kvm_play_root() {
  cd / || return
  kvm_play_at=
  set -- $(stat -c '%A %u' -- /proc/self/ .)
  [ $# -eq 4 ] || { kvm_play_refuse 'this host has no stat (coreutils), or no /proc'; return; }
  kvm_play_uid=$2
  kvm_play_judge "$3" "$4"
}

# kvm_play_enter NAME: goes one directory down, and verifies that the name still stands for the directory that was entered.
kvm_play_enter() {
  kvm_play_from=$kvm_play_here
  cd -P -- "./$1" 2>/dev/null || { echo "cannot enter $kvm_play_at/$1: $([ -x "./$1" ] && echo 'it is gone' || echo 'Permission denied')" >&2; return 1; }
  set -- "$1" $(stat -c '%A %u %d:%i' -- . "../$1")
  if [ $# -ne 7 ] || [ "$4" != "$7" ]; then
    kvm_play_refuse "$kvm_play_at/$1 was replaced by somebody while it was entered"; return
  fi
  kvm_play_judge "$2" "$3"
  case $kvm_play_from in
    own) ;;
    sticky) [ "$3" = 0 ] || [ "$3" = "$kvm_play_uid" ] ;;
    user*) [ "$kvm_play_here" = "$kvm_play_from" ] ;;
    *) false ;;
  esac || {
    kvm_play_refuse "$kvm_play_at/$1 (of $(stat -c %U -- .)) is not entered: it stands in ${kvm_play_at:-/}, and $(kvm_play_writers ..), so that another directory can take its place at any time; $kvm_play_remedy"
    return
  }
  kvm_play_at=$kvm_play_at/$1
}

# Follows the symbolic link `kvm_play_name`, where nobody else can have made it.
kvm_play_link() {
  kvm_play_owner=$(stat -c %u -- "./$kvm_play_name") || return
  if [ "$kvm_play_here" != own ]; then
    kvm_play_refuse "$kvm_play_at/$kvm_play_name is a symbolic link in ${kvm_play_at:-/}, and $(kvm_play_writers .): it is not followed, since it may be led anywhere; name what it leads to, or remove it and let only root write there"
    return
  fi
  if [ "$kvm_play_owner" != 0 ] && [ "$kvm_play_owner" != "$kvm_play_uid" ]; then
    kvm_play_refuse "$kvm_play_at/$kvm_play_name is a symbolic link that another user made (uid $kvm_play_owner): it is not followed; name what it leads to, or make the link anew as root"
    return
  fi
  kvm_play_hops=$((kvm_play_hops + 1))
  [ "$kvm_play_hops" -le 40 ] || { kvm_play_refuse "$kvm_play_at/$kvm_play_name: Too many levels of symbolic links"; return; }
  kvm_play_to=$(readlink -- "./$kvm_play_name") || return
  if [ -n "$kvm_play_last" ]; then kvm_play_left=$kvm_play_to; else kvm_play_left=$kvm_play_to/$kvm_play_left; fi
  case $kvm_play_to in /*) kvm_play_root ;; esac
}

# Goes one directory up.
kvm_play_parent() {
  cd -P .. || return
  kvm_play_at=${kvm_play_at%/*}
  set -- $(stat -c '%A %u' -- .)
  kvm_play_judge "$1" "$2"
}

# kvm_play_reach PATH follow|entry: goes to the directory of the path's last name, and sets `kvm_play_name` to that name, `kvm_play_at` to the
# directory, and `kvm_play_here` to who can write to it: `own`; `sticky` (only own entries cannot be replaced); `user UID`; `shared`.
# It returns 44 where a directory is missing, unless `kvm_play_making` holds the mode with which it is made, and 46
# - for a link that somebody else could have made (`entry` does not follow the last name);
# - for another user's directory in a sticky one;
# - below a user's directory, for one that is not that user's alone;
# - for any directory below a shared one.
kvm_play_reach() {
  kvm_play_left=$1 kvm_play_hops=0
  kvm_play_root || return
  while :; do
    while :; do case $kvm_play_left in /*) kvm_play_left=${kvm_play_left#/} ;; *) break ;; esac; done
    kvm_play_name=${kvm_play_left%%/*}
    case $kvm_play_left in */*) kvm_play_left=${kvm_play_left#*/} kvm_play_last='' ;; *) kvm_play_left='' kvm_play_last=1 ;; esac
    case $kvm_play_name in
      ..) kvm_play_parent || return; kvm_play_name=. ;;
    esac
    case $kvm_play_name in
      '' | .) [ -n "$kvm_play_last" ] || continue; kvm_play_name=.; return 0 ;;
    esac
    if [ -h "./$kvm_play_name" ] && [ "$2${kvm_play_last:+last}" != entrylast ]; then kvm_play_link || return; continue; fi
    [ -z "$kvm_play_last" ] || return 0
    if [ ! -e "./$kvm_play_name" ] && [ -n "$kvm_play_making" ]; then
      if [ "$kvm_play_here" != own ]; then
        kvm_play_refuse "$kvm_play_at/$kvm_play_name is not made on the way to $1, since it would stand in ${kvm_play_at:-/}, and $(kvm_play_writers .); make it by a task of its own, with its owner"
        return
      fi
      mkdir -m "$kvm_play_making" -- "./$kvm_play_name" || return
    fi
    [ -d "./$kvm_play_name" ] || { kvm_play_there "./$kvm_play_name" && return 44; return; }
    kvm_play_enter "$kvm_play_name" || return
  done
}

# kvm_play_open PATH: opens a regular file as standard input where others may put something else in its place at any time. To open a FIFO that
# nobody writes to takes forever, so another process opens whatever is there, within 5 s, and holds it on descriptor 3: then it can be looked
# at, and, where it is a regular file, opened once more, by way of that process.
# shellcheck disable=SC2016  # the other process expands what stands in quotes
kvm_play_open() {
  set -- "$1" 'exec 3< "$1" || exit; sleep 60 3<&3 </dev/null >/dev/null 2>&1 & echo $!'
  if command -v timeout >/dev/null; then kvm_play_holder=$(timeout 5 sh -c "$2" sh "$1"); else kvm_play_holder=$(sh -c "$2" sh "$1"); fi || {
    case $? in 124 | 137 | 143) ;; *) return 1 ;; esac
    kvm_play_refuse "$kvm_play_at/$kvm_play_name was replaced by what cannot be opened (a FIFO?) while it was opened, in ${kvm_play_at:-/}, and $(kvm_play_writers "${1%/*}"); look at what is there"; return
  }
  case $(stat -L -c %F -- "/proc/$kvm_play_holder/fd/3") in 'regular '*) command exec < "/proc/$kvm_play_holder/fd/3" ;; *) false ;; esac
  set -- "$1" $?
  kill "$kvm_play_holder"
  [ "$2" -eq 0 ] || kvm_play_refuse "$kvm_play_at/$kvm_play_name was replaced by what is no regular file while it was opened, in ${kvm_play_at:-/}, and $(kvm_play_writers "${1%/*}"); look at what is there"
}

# kvm_play_hold PATH: opens a regular file as standard input. In a directory that others can write to it must have one name only, and still be
# what the name stands for: a hard link could lead to another user's file.
kvm_play_hold() {
  if [ -h "$1" ] || [ ! -f "$1" ]; then
    kvm_play_refuse "$kvm_play_at/$kvm_play_name is a $(stat -c %F -- "$1"), and not a regular file"; return
  fi
  if [ "$kvm_play_here" = own ]; then command exec < "$1"; return; fi
  kvm_play_open "$1" || return
  kvm_play_is=$(stat -L -c '%F %d:%i %h' -- /proc/self/fd/0)
  case $kvm_play_is in 'regular '*' 1') [ "$(stat -c '%F %d:%i %h' -- "$1")" = "$kvm_play_is" ] ;; *) false ;; esac || {
    kvm_play_refuse "$kvm_play_at/$kvm_play_name has several names (hard links), or was replaced while it was opened, in ${kvm_play_at:-/}, and $(kvm_play_writers "${1%/*}"): it may be another user's file; remove it, or let only root write there"
    return
  }
}

# kvm_play_read PATH: prints a regular file of at most 16 MiB (`textLimit` in trusted_path.ts).
kvm_play_read() {
  kvm_play_reach "$1" follow || return
  [ -e "./$kvm_play_name" ] || [ -h "./$kvm_play_name" ] || kvm_play_there "./$kvm_play_name" || return
  [ ! -d "./$kvm_play_name" ] || [ -h "./$kvm_play_name" ] || { echo "cat: $1: Is a directory" >&2; return 1; }
  kvm_play_hold "./$kvm_play_name" || return
  if [ "$(stat -L -c %s -- /proc/self/fd/0)" -gt 16777216 ]; then
    kvm_play_refuse "$1 has more than 16 MiB, and is not read"; return
  fi
  cat
}

# kvm_play_own_place PATH MODE: makes the directories on the way to a file of our own, which must be own, and goes there.
kvm_play_own_place() {
  [ -O / ] || [ -d "${HOME-}" ] || {
    echo "$(id -un) has no home directory, in which kvm-play keeps its lock and its notes (${HOME:-the account names none} is not there): make it, or add become: true" >&2; return 1
  }
  kvm_play_making=$2
  kvm_play_reach "$1" entry || return
  [ "$kvm_play_here" = own ] || kvm_play_refuse "kvm-play keeps nothing in ${kvm_play_at:-/}: $(kvm_play_writers .)"
}

# Reads all mount points into `kvm_play_mounts`, one a line.
kvm_play_mounted() {
  kvm_play_mounts="
$(printf '%b' "$(cut -d' ' -f5 /proc/self/mountinfo 2>/dev/null)")
"
}

# Says why what stands at a path cannot be changed; fails where it can.
kvm_play_fixed() {
  case $(lsattr -d -- "$1" 2>/dev/null) in
    *[ia]*" $1") echo 'it has the attribute i (immutable) or a (append-only), which chattr -ia takes off' ;;
    *) [ "$kvm_play_uid" = 0 ] && [ ! -h "$1" ] && [ ! -w "$1" ] && echo 'not even root can write there: its file system is mounted read-only, or is on a server that does not let root in' ;;
  esac
}

# kvm_play_exposure PATH follow|entry: prints `kvm_play_here`, and a line for each obstacle to a change of what is there: `missing DIRECTORY`
# (the first on the way that is not there), `mounted` (something is mounted on the name), `entry WHY` and `directory WHY` (an attribute or a
# read-only file system).
kvm_play_exposure() {
  kvm_play_reach "$1" "$2" || [ $? -eq 44 ] || return 46
  echo "$kvm_play_here"
  [ -n "$kvm_play_last" ] || echo "missing $kvm_play_at/$kvm_play_name"
  [ -n "${kvm_play_mounts-}" ] || kvm_play_mounted
  case $kvm_play_mounts in *"
$kvm_play_at/$kvm_play_name
"*) echo mounted ;; esac
  if [ -e "./$kvm_play_name" ] || [ -h "./$kvm_play_name" ]; then kvm_play_why=$(kvm_play_fixed "./$kvm_play_name") && echo "entry $kvm_play_why"; fi
  kvm_play_why=$(kvm_play_fixed .) && echo "directory $kvm_play_why"
  return 0
}
