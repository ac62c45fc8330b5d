# Begins every script: C locale, root's PATH (`rootPath` in script.ts), the usual umask, the root directory. It needs own_places.sh behind it.
# shellcheck shell=sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL; umask 022; cd /

# Reads the host's uptime into `kvm_play_now`, without a process of its own.
kvm_play_clock() { kvm_play_now=; { read -r kvm_play_now kvm_play_idle </proc/uptime; } 2>/dev/null; }

# limited SECONDS COMMAND...: ends a command that takes too long, where the host has `timeout`.
if command -v timeout >/dev/null 2>&1
then limited() { kvm_play_limit=$1; shift; timeout -k 5 "$kvm_play_limit" "$@"; }
else limited() { shift; "$@"; }
fi
