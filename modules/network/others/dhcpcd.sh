# Prints the links that the service dhcpcd has configured, of those named. A dhcpcd that ifupdown has started is no service.
# shellcheck shell=sh
for link; do
  systemctl is-active --quiet dhcpcd "dhcpcd@$link" || continue
  dhcpcd -U "$link" 2>/dev/null | grep -q '^\(new_\)\{0,1\}ip_address=' && echo "$link"
done
true
