# Says at once what would end in failures of all kinds later. Needs raise_limits.sh before it. Root's processes are not counted.
# shellcheck shell=sh
case $kvm_play_processes in
  ? | 1?)
    [ -O / ] || {
      echo "this login may have $kvm_play_processes processes (ulimit -u), and needs 20: raise the limit in its start-up files, or in /etc/security/limits.conf" >&2
      exit 1
    } ;;
esac
