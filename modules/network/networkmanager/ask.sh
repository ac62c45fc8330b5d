# Prints what NetworkManager knows of itself, its devices and its connections, and of the leases of some links.
# shellcheck shell=sh
# $@: the links. Ends with 3 where NetworkManager does not run, with 4 where there is no nmcli, with 5 where nmcli fails.

# nmcli would start NetworkManager by asking.
systemctl is-active --quiet NetworkManager || exit 3
command -v nmcli >/dev/null || exit 4
nmcli --version && echo --devices &&
  nmcli -t -f DEVICE,STATE,CON-UUID device && echo --connections &&
  nmcli -t -f UUID,NAME,FILENAME connection show || exit 5
for link; do
  echo --leases
  [ ! -e "/sys/class/net/$link" ] || nmcli -t -f GENERAL.DEVICE,DHCP4,DHCP6 device show "$link"
done
true
