# Has netplan read the files as they will be, in a directory of its own, before anything is written. It says the
# paths of the files that are meant. Arguments: the files that go. A file on
# standard input is the number of its lines, its path, and the lines.
# shellcheck shell=sh
umask 077
root=$(mktemp -d /run/kvm-play-netplan.XXXXXXXX) || exit
trap 'rm -rf -- "$root"' EXIT
for place in etc run lib; do
  mkdir -p "$root/$place/netplan"
  for file in "/$place"/netplan/*.yaml; do [ ! -e "$file" ] || cp -- "$file" "$root/$place/netplan/"; done
done
for path; do rm -f -- "$root$path"; done
awk -v root="$root" '
  lines == 0 { lines = $1; path = root substr($0, index($0, " ") + 1); printf "" > path; next }
  { print > path; lines-- }' || exit
said=$(netplan generate --root-dir "$root" 2>&1)
result=$?
[ -z "$said" ] || printf '%s\n' "$said" | sed "s,$root,,g" >&2
exit "$result"
