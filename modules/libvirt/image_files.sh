# Prints of each file: its path, what it is, where links lead, and the beginning of an image that may stand on others; a NUL behind each.
# `$1` says whether directories (`in`) or files (`at`) follow. Nothing but files and block devices is opened.
# It needs a function `layered BYTES` that sets `length` to how much of such an image is printed, by its first four bytes, and else empties it.
# shellcheck shell=sh
one() {
  status=$(stat -L -c '%F|%d:%i|%t:%T' "$1" 2>/dev/null) || return 0
  printf '%s\0%s\0' "$1" "$status"
  case $status in
    'regular file|'* | 'block special file|'*)
      layered "$(od -An -v -tx1 -N 4 "$1" 2>/dev/null)"
      [ -z "$length" ] || { readlink -f "$1"; printf '\0'; od -An -v -tx1 -N "$length" "$1"; printf '\0'; return; } ;;
  esac
  printf '\0\0'
}
how=$1; shift
for at; do
  [ "$how" = in ] || { one "$at"; continue; }
  for file in "$at"/* "$at"/.[!.]*; do
    if [ -f "$file" ] || [ -b "$file" ]; then one "$file"; fi
  done
done
