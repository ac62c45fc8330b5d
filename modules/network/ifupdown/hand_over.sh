# Finds what `ifup` has left running in the unit of kvm-play's own that runs this program: it is in a session of its own by now, as DHCP
# clients are. systemd moves processes into no unit that others have started; it makes a scope of them, which ends with them.
# shellcheck shell=sh
# $1: the link that ifup has brought up.

link=$1
set --
unit=$(sed -n 's,.*/\(kvm-play-[^/]*\.service\)$,\1,p' /proc/$$/cgroup | head -n 1)
[ -n "$unit" ] || exit 0
session() { cut -d' ' -f6 "/proc/$1/stat" 2>/dev/null; }
own=$(session $$)
members() { grep -l "/$unit\$" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3; }
for process in $(members); do
  found=$(session "$process")
  [ -z "$found" ] || [ "$found" = "$own" ] || set -- "$@" "$process"
done
[ $# -gt 0 ] || exit 0
busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
  StartTransientUnit 'ssa(sv)a(sa(sv))' "ifup-$link-$1.scope" fail \
  2 Description s "What ifup has started for $link" PIDs au $# "$@" 0
true
