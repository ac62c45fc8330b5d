# Finds notes that kvm-play has left on the host. The paths are those of paths.ts.
# shellcheck shell=sh


# kvm_play_state_of USER: sets `kvm_play_theirs` to where a user has notes.
kvm_play_state_of() {
  case $1 in
    '' | root | [!a-zA-Z0-9_]* | *[!a-zA-Z0-9_.-]*) kvm_play_theirs=/var/lib/kvm-play ;;
    *) eval "kvm_play_theirs=~$1"; kvm_play_theirs=$kvm_play_theirs/.local/state/kvm-play ;;
  esac
}

# kvm_play_noted NAME PATH: tells whether kvm-play has left a note of that name, as root, as the user who runs the script, as the one who logged
# in before sudo, or as the owner of the file at PATH (where there is one). Where the owner's notes cannot be looked at, it says yes.
kvm_play_noted() {
  for kvm_play_of in '' "${SUDO_USER-}"; do
    kvm_play_state_of "$kvm_play_of"
    [ ! -e "$kvm_play_theirs/$1" ] || return 0
  done
  [ ! -e "$kvm_play_state/$1" ] || return 0
  [ -n "$2" ] && [ -e "$2" ] && [ ! -O "$2" ] || return 1
  kvm_play_state_of "$(stat -L -c %U -- "$2")"
  [ ! -e "$kvm_play_theirs/$1" ] || return 0
  kvm_play_up=${kvm_play_theirs%/.local/state/kvm-play}
  for kvm_play_of in '' /.local /.local/state /.local/state/kvm-play; do
    [ ! -d "$kvm_play_up$kvm_play_of" ] || [ -x "$kvm_play_up$kvm_play_of" ] || return 0
  done
  return 1
}
