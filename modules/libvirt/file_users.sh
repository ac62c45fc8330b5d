# Prints the processes that have a file open, and the loop devices that stand for it, one a line. Argument: the file.
# shellcheck shell=sh
# shellcheck disable=SC2015  # whatever of both fails, the device is passed over
id=$(stat -L -c '%d:%i' "$1") || exit 0
printf '%s\n' /proc/[0-9]*/fd/* | xargs stat -L -c '%d:%i %n' 2>/dev/null | grep "^$id " | while IFS=/ read -r _ _ pid _; do
  printf '%s %s\n' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)"
done | sort -u
for loop in /sys/block/loop*/loop/backing_file; do
  [ -r "$loop" ] && [ "$(stat -L -c '%d:%i' "$(cat "$loop")" 2>/dev/null)" = "$id" ] || continue
  loop=${loop#/sys/block/}; printf 'loop %s\n' "${loop%%/*}"
done
exit 0
