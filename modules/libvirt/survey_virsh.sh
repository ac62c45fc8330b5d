# Asks virsh for every text about a guest and for every pool. Argument: the connection. Each is printed as its kind, what it is about, and the
# text, a NUL behind each.
# shellcheck shell=sh
uri=$1
ask() { virsh -c "$uri" "$@"; }
tell() { printf '%s\0%s\0' "$1" "$2"; shift 2; ask "$@"; printf '\0'; }
guests=$(ask list --all --uuid) && running=$(ask list --uuid) && pools=$(ask pool-list --all --name) || exit
for guest in $running; do tell running "$uri" dumpxml "$guest"; done
for guest in $guests; do tell defined "$uri" dumpxml --inactive "$guest"; done
for guest in $(ask list --all --uuid --with-managed-save); do tell saved "$uri" managedsave-dumpxml "$guest"; done
for kind in snapshot checkpoint; do
  for guest in $(ask list --all --uuid --with-$kind 2>/dev/null); do
    ask $kind-list --name "$guest" | while IFS= read -r name; do
      [ -z "$name" ] || tell $kind "$uri" $kind-dumpxml "$guest" --"$kind"name "$name"
    done
  done
done
printf '%s\n' "$pools" | while IFS= read -r pool; do [ -z "$pool" ] || tell pool "$uri" pool-dumpxml --pool "$pool"; done
exit 0
