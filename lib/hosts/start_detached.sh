# Starts the script on standard input outside of this session. systemd runs it as a unit of its own where it lets this user, so that no end of
# a session ends it; what a step has started, such as a DHCP client, goes on when the unit ends. Else the script gets a session of its own.
# It needs prologue.sh and trusted_path.sh, and the variable `id` (detached.ts).
# shellcheck shell=sh
set -eu
umask 077
script=$kvm_play_run/steps/$id/script
( kvm_play_own_place "$script" 700 )
cat > "$script"
if [ -O / ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null
then systemd-run --quiet --unit="kvm-play-$id" --description='kvm-play: steps that may cut the link' \
  --property=KillMode=process -- /bin/sh "$script"
else
  command -v setsid >/dev/null || { echo 'this host has neither systemd-run nor setsid (util-linux)' >&2; exit 1; }
  setsid sh "$script" </dev/null >/dev/null 2>&1 &
fi
