# Says of every link: its name, its MAC, what it is plugged into.
# shellcheck shell=sh
cd /sys/class/net && for l in *; do
  [ -e "$l/address" ] || continue
  IFS= read -r mac < "$l/address"
  echo "$l $mac $(readlink "$l/master")"
done
