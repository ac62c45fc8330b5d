# Checks keyfiles before NetworkManager is told of them: it leaves out a file with a mistake in it, and says so in its journal only.
# shellcheck shell=sh
# $@: the files. nmcli can read a file by itself from NetworkManager 1.40 on.

nmcli --offline --version >/dev/null 2>&1 || exit 0
for file; do
  words=$(nmcli --offline connection modify connection.id checked < "$file" 2>&1 >/dev/null) && continue
  echo "NetworkManager cannot use $file: $words" >&2
  exit 1
done
