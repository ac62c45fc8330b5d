#!/bin/sh
# shellcheck shell=sh
# kvm-play: the way back of a network change, on the host itself. It needs nobody: neither the session that armed it, nor
# the controller, nor the network. Plain POSIX sh; `plan` beside it says what the change touches.
#
# A change that is pending is the directory `current`. Its state is the name of one file in it, and a rename decides:
#   armed -> confirmed                       the change stays
#   armed -> rolling-back -> rolled-back     the host goes back to what it was
# Both renames take the same file away, so exactly one of them succeeds, whoever comes first. A rename needs no room on a disk.
# Timer and units bear the change's id: whoever is late with one change never touches the next one's.
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
cd /

top=/var/lib/kvm-play/change
here=$top/current
last=$top/last
current_id() { sed -n "s/^id='\(.*\)'$/\1/p" "$here/plan" 2>/dev/null; }
# By hand, without an id: the change that is pending.
id=${2-$(current_id)}
name=kvm-play-roll-back-$id

# Exit statuses that the controller tells apart.
pending=75
unknown=76
too_late=77

has_systemd() { [ -d /run/systemd/system ]; }
uptime() { cut -d. -f1 /proc/uptime; }
boot_id() { cat /proc/sys/kernel/random/boot_id; }
# Not every `sleep` knows fractions.
nap() { sleep 0.2 2>/dev/null || sleep 1; }
say() { echo "$(uptime)s: $*"; }
fail() {
  echo "$*" >&2
  exit 1
}
if command -v timeout >/dev/null 2>&1
then limited() { limited_seconds=$1; shift; timeout -k 5 "$limited_seconds" "$@"; }
else limited() { shift; "$@"; }
fi

# Goes on in a session of its own: whoever has begun to arm, to confirm or to go back ends it, though the session that asked for it
# may be over. What is read from standard input is handed on.
outlive() {
  command -v setsid >/dev/null || return 0
  [ -z "${kvm_play_outlives-}" ] || return 0
  exec 3<&0
  kvm_play_outlives=1 setsid sh "$0" "$@" <&3 3<&- &
  exec 3<&-
  wait $!
  exit $?
}

# Brings to disk what was written, and only there: a share of a server that is out of reach would never be written.
flush() { limited 30 sync -f "$top" /etc 2>/dev/null || limited 30 sync; }

