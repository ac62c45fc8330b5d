# Tells what is not there from what cannot be looked at (a directory that may not be searched, a server that is gone), which `[ -e ]`
# does not. `ls` says which of the two it is; of all paths of a request it is asked at once.
# Exit status 44 (`absent` in absence.ts): there is no such file.
# shellcheck shell=sh
# shellcheck disable=SC2012  # the words of ls are what is wanted

# Holds a word once all paths of the request are known to be there or to be absent.
kvm_play_sure=

kvm_play_is_absence() { case $1 in *': No such file or directory' | *': Not a directory') return 0 ;; esac; return 1; }

# Prints for each PATH that seems not to be there why it cannot be looked at; nothing where it is absent.
kvm_play_unsure() {
  for kvm_play_at do
    shift
    case $kvm_play_at in /*) [ -e "$kvm_play_at" ] || set -- "$@" "$kvm_play_at" ;; esac
  done
  [ $# -eq 0 ] || ls -dL -- "$@" 2>&1 >/dev/null | while IFS= read -r kvm_play_words; do
    kvm_play_is_absence "$kvm_play_words" || printf '%s\n' "$kvm_play_words"
  done
}

# Tells whether PATH is there, which seemed not to be. Returns 44 where it is absent, and complains where it cannot be looked at.
kvm_play_there() {
  [ -z "$kvm_play_sure" ] || return 44
  kvm_play_words=$(ls -dL -- "$1" 2>&1) && return 0
  kvm_play_is_absence "$kvm_play_words" && return 44
  printf '%s\n' "$kvm_play_words" >&2
  return 1
}
