# open_tcp NAME PORT SECONDS: opens a TCP connection, with bash or else with nc.
# shellcheck shell=sh
# shellcheck disable=SC2016  # bash expands them
if command -v bash >/dev/null 2>&1
then exec bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
else exec nc -z -w "$3" "$1" "$2"
fi
