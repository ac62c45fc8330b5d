# hold_lock PATH OPTION: holds the lock on a file until standard input ends, which it does when this process's parent dies. Exits with 1 where
# flock(1) with that option (-x waits, -n does not) gets no lock, or one on a file that was removed in between, which is worth nothing.
# shellcheck shell=sh
# shellcheck disable=SC3013  # dash, bash and busybox know -ef
exec 9>>"$1" || exit 2
flock "$2" 9 || exit 1
[ "$1" -ef /proc/self/fd/9 ] || exit 1
echo held
exec cat >/dev/null
