# Says at once what would end in failures of all kinds later. Needs raise_limits.sh before it.
# shellcheck shell=sh
case $kvm_play_files in
  ? | [1-5]? | 6[0-3])
    echo "this login may open $kvm_play_files files (ulimit -n), and needs 64: raise the limit in its start-up files, or in /etc/security/limits.conf" >&2
    exit 1 ;;
esac
