/** Exit status by which a look says that there is no such file. */
export const absent = 44;

/**
 * Script functions that tell what is not there from what cannot be looked at (a directory that may not be searched, a server that
 * is gone), which a shell's own `[ -e ]` does not. `ls` says which of the two it is; of all paths of a request it is asked at once.
 *
 * `kvm_play_unsure PATH...` prints why the first of the paths that seem not to be there cannot be looked at, and nothing where there is
 * none; `kvm_play_there PATH` tells whether a path is there that seemed not to be, ends with {@link absent} where there is none, and
 * complains where it cannot be looked at. What has been found to be sure is `$kvm_play_sure`.
 */
export const absenceFunctions: string = `kvm_play_sure=
kvm_play_is_absence() { case $1 in *': No such file or directory' | *': Not a directory') return 0 ;; esac; return 1; }
kvm_play_unsure() {
for kvm_play_at do
shift
case $kvm_play_at in /*) [ -e "$kvm_play_at" ] || set -- "$@" "$kvm_play_at" ;; esac
done
[ $# -eq 0 ] || ls -dL -- "$@" 2>&1 >/dev/null | while IFS= read -r kvm_play_words; do
kvm_play_is_absence "$kvm_play_words" || printf '%s\\n' "$kvm_play_words"
done
}
kvm_play_there() {
[ -z "$kvm_play_sure" ] || return ${absent}
kvm_play_words=$(ls -dL -- "$1" 2>&1) && return 0
kvm_play_is_absence "$kvm_play_words" && return ${absent}
printf '%s\\n' "$kvm_play_words" >&2
return 1
}`;
