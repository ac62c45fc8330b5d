# Prints the route by which the connection's other end is reached, from the address at which it was made.
# shellcheck shell=sh
# shellcheck disable=SC2086  # the four words of SSH_CONNECTION
set -- $SSH_CONNECTION
[ $# = 4 ] || exit 0
case $1 in *.*) peer=${1##*:} local=${3##*:} ;; *) peer=$1 local=$3 ;; esac
case $local in *%*) set -- oif "${local#*%}" ;; *) set -- ;; esac
ip route get "${peer%%%*}" from "${local%%%*}" "$@"
