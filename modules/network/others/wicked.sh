# Prints the links that wicked has configured, of those named. A daemon that does not run is not asked: the question could start it.
# shellcheck shell=sh
systemctl is-active --quiet wickedd || exit 3
for link; do
  wicked ifstatus --brief "$link" 2>/dev/null | grep -q "^$link  *\(up\|setup-in-progress\|enslaved\)" && echo "$link"
done
true
