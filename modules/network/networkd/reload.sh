# Has systemd-networkd read its files again. Arguments: the links that are to follow them.
# A link that has failed is left alone by a reload and by `networkctl reconfigure` (seen in 252); it is configured again when the daemon
# starts anew. A restart keeps links, addresses, and guests' taps.
# shellcheck shell=sh
has_failed() {
  for link; do
    [ "$(networkctl --no-legend --no-pager list -- "$link" 2>/dev/null | awk '{ print $NF }')" != failed ] || return 0
  done
  return 1
}

has_failed "$@" || networkctl reload || exit
! has_failed "$@" || systemctl restart systemd-networkd
