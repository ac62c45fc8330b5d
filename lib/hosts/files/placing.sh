# Puts something into the directory to which `kvm_play_reach` went. It needs noted.sh and trusted_path.sh.
# shellcheck shell=sh
# shellcheck disable=SC2012  # the names are those of our own directories
# shellcheck disable=SC2046  # the words of stat are wanted one by one


# Tells whether a file has an access control list.
kvm_play_has_acl() { case $(ls -ld -- "$1") in ??????????+*) return 0 ;; esac; return 1; }

# Takes the access control list off that the working directory has inherited, by setfacl or, where a host has none, by the `cp` of
# coreutils; refuses where neither can.
kvm_play_bare() {
  kvm_play_has_acl . || return 0
  if command -v setfacl >/dev/null; then setfacl -b -k -- .
  elif kvm_play_plain=$(mktemp -d); then
    cp -rT --attributes-only --preserve=mode -- "$kvm_play_plain" . || :
    rmdir -- "$kvm_play_plain"
  fi
  chmod 700 .
  kvm_play_has_acl . || return 0
  kvm_play_refuse "what is made in ${kvm_play_at:-/} inherits an access control list, which would let others in, and which this host has no tool to take off: install acl"
}

# kvm_play_stage NAME: sets `new`, a name that no other user can touch, and `old`, the name that it will get. In an own directory both stand
# in it. In any other one, and where new files would inherit an access control list, a directory that is closed to all others is made and
# entered first: the path to it may change, what is in it cannot, and `..` stays the directory that was reached, since only its owner
# could move it. The closed directory hands on no access control list: what is made in it has the permissions of its mode, and no others.
# First it removes what a run that was killed has left in an own directory.
kvm_play_stage() {
  new=./$1 old=./$kvm_play_name kvm_play_up=. kvm_play_closed=
  if [ "$kvm_play_here" = own ]; then
    for kvm_play_left in ./.kvm-play.*.tmp; do [ ! -e "$kvm_play_left" ] || rm -rf -- "$kvm_play_left"; done
    kvm_play_has_acl . || return 0
  fi
  kvm_play_is=$(stat -c %d:%i -- .)
  mkdir -m 700 -- "./$1" && cd -P -- "./$1" || return
  set -- "$1" $(stat -c '%A %u' -- .) $(stat -c %d:%i -- ..)
  case "$2 $3 $4" in "drwx------ $kvm_play_uid $kvm_play_is" | "drwx--S--- $kvm_play_uid $kvm_play_is") [ -z "$(ls -A)" ] ;; *) false ;; esac || {
    kvm_play_refuse "$kvm_play_at/$1 was replaced by somebody while it was entered"; return
  }
  kvm_play_bare || { cd -P .. && rmdir -- "./$1"; return 46; }
  case $2 in *S*) chmod g+s . ;; esac
  new=./new old=../$kvm_play_name kvm_play_up=.. kvm_play_closed=$1
}

# Removes what was staged and not put.
kvm_play_leave() {
  rm -rf -- "$new"
  [ -z "$kvm_play_closed" ] || { cd -P .. && rmdir -- "./$kvm_play_closed"; } 2>/dev/null || :
}

# Says of an attribute that keeps PATH from being changed, and fails.
kvm_play_say_immutable() {
  case $(lsattr -d -- "$1" 2>/dev/null) in
    *[ia]*" $1") echo "$kvm_play_at/$kvm_play_name cannot be changed while it has the attribute i (immutable) or a (append-only): chattr -ia takes it off" >&2 ;;
  esac
  return 1
}

# Gives `new` its name. rename(2) follows no link, and replaces no directory by a file.
kvm_play_put() {
  sync -- "$new" 2>/dev/null || sync
  if [ "$kvm_play_here" = own ]; then mv -f -- "$new" "$old"; else mv -fT -- "$new" "$old"; fi || { kvm_play_say_immutable "$old"; return; }
  sync -- "$kvm_play_up" 2>/dev/null || sync
}

# kvm_play_keep OWNER MODE: gives `new` the owner (unless OWNER says another), mode, access control list and extended attributes of the file
# that is standard input. Where others can write, one of them may have put that file there: of what belongs to neither root nor the user
# who runs the script only its owner's own is kept. With another owner it gets MODE and nothing else; where several users can write and
# OWNER names no user, the write is refused.
kvm_play_keep() {
  kvm_play_owner=$(stat -L -c %u -- /proc/self/fd/0) || return
  case "$kvm_play_here $kvm_play_owner:$1" in
    own* | *" 0:"* | *" $kvm_play_uid:"* | "user "*" $kvm_play_owner:" | "user "*" $kvm_play_owner::"*) ;;
    "sticky $kvm_play_owner:" | "sticky $kvm_play_owner::"* | "shared $kvm_play_owner:" | "shared $kvm_play_owner::"*)
    kvm_play_refuse "$kvm_play_at/$kvm_play_name belongs to $(stat -L -c %U -- /proc/self/fd/0), who may have put it there to get what is written, since $(kvm_play_writers "$kvm_play_up"); name its owner, or remove it first"; return ;;
    *)
    chown -- "$1" "$new" || return
    if [ "$(stat -c %u -- "$new")" != "$kvm_play_owner" ]; then chmod -- "$2" "$new"; return; fi ;;
  esac
  chown -- "$(stat -L -c %u:%g -- /proc/self/fd/0)" "$new" && { [ -z "$1" ] || chown -- "$1" "$new"; } || return
  chmod -- "$(stat -L -c %a -- /proc/self/fd/0)" "$new" || return
  if [ -d /sys/fs/selinux ] && command -v chcon >/dev/null; then chcon --reference=/proc/self/fd/0 -- "$new" 2>/dev/null || :; fi
  kvm_play_words=$(cp --attributes-only --preserve=mode,xattr -- /proc/self/fd/0 "$new" 2>&1) && return
  case $(cp --help 2>&1) in *--attributes-only*)
    kvm_play_refuse "$kvm_play_at/$kvm_play_name has attributes that a new file cannot get: $kvm_play_words"; return ;;
  esac
  case $(ls -ldL -- /proc/self/fd/0) in
    ??????????+*)
    if command -v getfacl >/dev/null && command -v setfacl >/dev/null; then getfacl -cp -- /proc/self/fd/0 | setfacl --set-file=- -- "$new"
    else kvm_play_refuse "$kvm_play_at/$kvm_play_name has an access control list, which this host has no tool to keep: install acl"; fi ;;
  esac
}

# kvm_play_back_up RUN PATH: copies the file that is standard input, or the words `kvm_play_note`, below the run's directory of backups, once.
# Ten runs are kept.
kvm_play_back_up() {
  (
    [ ! -d "$kvm_play_state/backups/$1" ] || kvm_play_first=
    kvm_play_own_place "$kvm_play_state/backups/$1/x" 700 || exit
    if [ -n "${kvm_play_first-1}" ]; then
      ls -1 .. | sort -r | tail -n +11 | while IFS= read -r kvm_play_old; do rm -rf -- "../$kvm_play_old"; done
    fi
    [ ! -e ".$2" ] || exit 0
    mkdir -p -- "$(dirname -- ".$2")" || exit
    if [ -n "${kvm_play_note-}" ]; then printf '%s\n' "$kvm_play_note" > ".$2"; else cp -p -- /proc/self/fd/0 ".$2"; fi
  )
}

# Backs up the file that is standard input, before `path` gets another text: not where no backup is made, and not where a note says that NAME
# holds a secret. It reads the variables of write.sh.
kvm_play_back_up_unless_secret() {
  [ -z "$backup" ] || kvm_play_noted "secret/$note" "$1" || kvm_play_back_up "$backup" "$called" || exit 1
}

# kvm_play_note_secret NAME: leaves a note that a file holds a secret, for other users to find.
kvm_play_note_secret() {
  ( kvm_play_own_place "$kvm_play_state/secret/$1" 700 && : > "./$kvm_play_name" && { [ ! -O / ] || chmod 711 . ..; } )
}

# kvm_play_forget NOTE: removes a note of our own.
kvm_play_forget() {
  kvm_play_state_of "${SUDO_USER-}"
  for kvm_play_place in "$kvm_play_state" "$kvm_play_theirs"; do
    if [ -e "$kvm_play_place/$1" ]; then ( kvm_play_reach "$kvm_play_place/$1" entry && rm -f -- "./$kvm_play_name" ) || :; fi
  done
}
