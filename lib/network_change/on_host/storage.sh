# shellcheck shell=sh
# shellcheck disable=SC2046  # the words are wanted one by one
# kvm-play: tells whether the way back outlives a reboot where it is kept.

# Prints `MOUNT-POINT TYPE SOURCE OPTIONS` of the file system that holds a path; the last mount of a place is the one that is seen.
file_system_of() {
  path=$(readlink -f -- "$1") || path=$1
  awk -v path="$path" '
    function plain(text) { gsub(/\\040/, " ", text); gsub(/\\011/, "\t", text); gsub(/\\134/, "\\", text); return text }
    {
      point = plain($5)
      if (point != "/" && path != point && index(path, point "/") != 1) next
      if (length(point) < length(best)) next
      best = point
      for (i = 7; $i != "-"; i++);
      found = point "\t" $(i + 1) "\t" $(i + 2) "\t" $(i + 3)
    }
    END { print found }' /proc/self/mountinfo
}

# Says why what is written to a path is lost with a reboot; says nothing where nothing speaks against it.
lost_with_reboot() (
  IFS=$(printf '\t')
  set -f
  set -- $(file_system_of "$1")
  case ${2-} in
    tmpfs | ramfs | devtmpfs | rootfs) echo "$1 is a $2, in memory"; exit 0 ;;
    overlay | overlayfs | aufs | unionfs) ;;
    *) case ${3-} in /dev/ram* | /dev/zram*) echo "$1 is on $3, in memory" ;; esac; exit 0 ;;
  esac
  case ,$4, in *,volatile,*) echo "$1 is a volatile overlay"; exit 0 ;; esac
  upper=$(printf '%s\n' "$4" | tr ',' '\n' | sed -n 's/^upperdir=//p')
  # An upper directory that was mounted elsewhere cannot be seen from here.
  [ -n "$upper" ] && [ -d "$upper" ] && [ "$(readlink -f -- "$upper")" != "$(readlink -f -- "$1")" ] || exit 0
  reason=$(lost_with_reboot "$upper")
  [ -z "$reason" ] || echo "$1 is an overlay, and $reason"
)
