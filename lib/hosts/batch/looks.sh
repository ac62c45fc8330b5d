# Looks that cost next to nothing; one shell takes many. It needs own_places.sh, noted.sh and trusted_path.sh.
# shellcheck shell=sh

# kvm_play_look LOOK AT: takes one look (`LookKind` in question.ts).
kvm_play_look() {
  case $1 in
    file) ( kvm_play_read "$2" ) ;;
    exposure) ( kvm_play_exposure "$2" follow ) ;;
    entry-exposure) ( kvm_play_exposure "$2" entry ) ;;
    directory) { [ -e "$2" ] || kvm_play_there "$2"; } && if [ -d "$2" ]; then ls -1A -- "$2"; fi ;;
    exists) [ -e "$2" ] || kvm_play_there "$2" ;;
    writable) [ -w "$2" ] ;;
    target) readlink -f -- "$2" ;;
    command) command -v "$2" ;;
    note) ( at=${2#*/*/}; name=${2%"/$at"}; [ "$name" != "$2" ] || at=; kvm_play_noted "$name" "${at:+/$at}" ) ;;
    user) if [ "$(id -u)" = 0 ]; then echo root; else id -un; fi ;;
  esac
}
