# Prints libvirt's own files about guests and pools, as survey_virsh.sh prints what virsh says: those of the system, and those of every
# user's session that can be read. Plain files only, and no more of each than such a text is long.
# shellcheck shell=sh
# shellcheck disable=SC2015  # whatever of both fails, the file is passed over
tell() {
  kind=$1; shift
  for file; do
    [ -f "$file" ] && [ -r "$file" ] || continue
    printf '%s\0%s\0' "$kind" "$file"
    case $kind in
    saved) tail -c +93 "$file" | head -c 1048576 | tr '\000' '\n' ;;
    *) head -c 8388608 "$file" | tr '\000' '\n' ;;
    esac
    printf '\0'
  done
}
tell running /run/libvirt/qemu/*.xml /run/user/*/libvirt/qemu/run/*.xml /home/*/.cache/libvirt/qemu/run/*.xml /root/.cache/libvirt/qemu/run/*.xml
tell defined /etc/libvirt/qemu/*.xml
tell pool /etc/libvirt/storage/*.xml /run/libvirt/storage/*.xml
for base in /var/lib/libvirt/qemu /home/*/.config/libvirt/qemu /root/.config/libvirt/qemu; do
  [ -d "$base" ] || continue
  tell saved "$base"/save/*.save
  tell snapshot "$base"/snapshot/*/*.xml
  tell checkpoint "$base"/checkpoint/*/*.xml
  case $base in /var/*) ;; *) tell defined "$base"/*.xml; tell pool "${base%/qemu}"/storage/*.xml ;; esac
done
exit 0
