# shellcheck shell=sh
# kvm-play: what wakes the way back of a network change: a timer while the host runs, and a unit at boot. Where systemd does not
# run, a process waits for the deadline.

timer_units=/run/systemd/system
boot_unit=/etc/systemd/system/$name-at-boot.service
boot_link=/etc/systemd/system/sysinit.target.wants/$name-at-boot.service

# The unit at boot is ordered before everything that could bring the network up with the new files: the units of the change, and
# whatever waits for network-pre.target, which must be wanted to order anything.
write_boot_unit() {
  remove_left_units
  mkdir -p "${boot_link%/*}"
  cat > "$boot_unit.new" <<EOT
[Unit]
Description=kvm-play: takes a network change back that was not confirmed before the reboot
DefaultDependencies=no
RequiresMountsFor=$top
After=local-fs.target
Wants=network-pre.target
Before=sysinit.target systemd-sysctl.service network-pre.target network.target $boot_before

[Service]
Type=oneshot
TimeoutStartSec=0
KillMode=process
ExecStart=/bin/sh -c 'p=$here/program; [ -e \$\$p ] || p=$top/program; exec /bin/sh \$\$p boot $id'

[Install]
WantedBy=sysinit.target
EOT
  mv -f "$boot_unit.new" "$boot_unit"
  ln -sf "$boot_unit" "$boot_link"
}

write_service() {
  cat > "$timer_units/$name.service" <<EOT
[Unit]
Description=kvm-play: takes a network change back that was not confirmed in time
DefaultDependencies=no

[Service]
Type=oneshot
TimeoutStartSec=0
KillMode=process
ExecStart=/bin/sh $here/program roll-back $id
EOT
}

# A timer's accuracy is one minute unless it is set. OnActiveSec counts on the monotonic clock.
write_timer() {
  write_service
  cat > "$timer_units/$name.timer" <<EOT
[Unit]
Description=kvm-play: the time that a network change has to be confirmed

[Timer]
OnActiveSec=$1s
AccuracySec=100ms
EOT
  systemctl daemon-reload
  systemctl restart "$name.timer"
}

# Sets the time from now on in which the change has to be confirmed.
set_deadline() {
  echo "$(($(uptime) + $1))" > "$here/deadline.new"
  mv -f "$here/deadline.new" "$here/deadline"
  if has_systemd; then write_timer "$1"; fi
}

# Without systemd: waits for the deadline, which may be moved meanwhile. A reboot ends it.
wait_for_deadline() {
  while is_current && [ -e "$here/armed" ]; do
    [ "$(uptime)" -lt "$(cat "$here/deadline")" ] || { roll_back; return; }
    sleep 1
  done
}

# Tells whether a unit of this change is at work: often it is the one that runs this very program.
at_work() {
  for unit in "$name.service" "$name-at-boot.service"; do
    case $(systemctl is-active "$unit" 2>/dev/null) in activating | deactivating | reloading) return 0 ;; esac
  done
  return 1
}

# Takes timer and units away. While one of them is at work its file stays, and systemd is not told: it would take the unit for one
# without a file, and end it after its usual 90 s. Then this is done as soon as it has ended.
disarm() {
  has_systemd || return 0
  systemctl stop "$name.timer" 2>/dev/null
  rm -f "$timer_units/$name.timer"
  if at_work; then
    program=$last/program
    [ -e "$program" ] || program=$0
    setsid sh "$program" clean "$id" </dev/null >/dev/null 2>&1 &
  else remove_units; fi
}

remove_units() {
  rm -f "$timer_units/$name.timer" "$timer_units/$name.service" "$boot_link" "$boot_unit" "$boot_unit.new"
  systemctl daemon-reload
  systemctl reset-failed "$name.service" "$name-at-boot.service" 2>/dev/null || :
}

# Waits for the end of the units of a change that is over.
clean() {
  has_systemd || return 0
  waited=0
  while at_work && [ $waited -lt 600 ]; do
    nap
    waited=$((waited + 1))
  done
  remove_units
}

# Units of changes that are over, left where they could not be removed, or by a run that was killed while it armed. No other change
# is pending when this is called.
remove_left_units() {
  rm -f "${boot_link%/*}"/kvm-play-roll-back-* "${boot_unit%/*}"/kvm-play-roll-back-*
  for unit in "$timer_units"/kvm-play-roll-back-*.service; do
    case $unit in *'*'*) continue ;; esac
    unit=${unit##*/}
    case $(systemctl is-active "$unit" 2>/dev/null) in activating | deactivating) continue ;; esac
    systemctl reset-failed "$unit" 2>/dev/null
    rm -f "$timer_units/$unit" "$timer_units/${unit%.service}.timer"
  done
}
