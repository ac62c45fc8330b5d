# Reads the time at which a process was started into `kvm_play_start` (field 22 of its stat, proc(5)), and nothing where it has ended:
# process numbers come again.
# shellcheck shell=sh
# shellcheck disable=SC2086  # the words of a process's stat are wanted one by one

# kvm_play_born PID
kvm_play_born() {
  kvm_play_stat=; { IFS= read -r kvm_play_stat < "/proc/$1/stat"; } 2>/dev/null
  set -- ${kvm_play_stat##*) }
  case ${1:-Z} in Z | X) kvm_play_start= ;; *) kvm_play_start=${20} ;; esac
}
