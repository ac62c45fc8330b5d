import { createHash } from 'node:crypto';

/** Where kvm-play keeps what must outlive a reboot of a host: markers and backups. */
export const stateDirectory = '/var/lib/kvm-play';

/** Where kvm-play keeps what a reboot may forget: the lock, journals of detached steps. */
export const runtimeDirectory = '/run/kvm-play';

/** Where a user who is not root has both, below the home directory. */
const userState = '.local/state/kvm-play';

/** Where such a user has what a reboot may forget, below the home directory. */
export const userRuntime: string = `${userState}/run`;

/**
 * Script text that says where the two are for the user who runs it, in `$kvm_play_state` and `$kvm_play_run`: another user than
 * root has places of their own. (`/` belongs to root.)
 */
export const ownPlaces: string = `if [ -O / ]; then kvm_play_state=${stateDirectory} kvm_play_run=${runtimeDirectory}
else kvm_play_state=$HOME/${userState} kvm_play_run=$HOME/${userRuntime}; fi`;

/**
 * Script functions: `kvm_play_noted NAME PATH` tells whether kvm-play has left a note of that name, as root, as the user who runs
 * the script, as the one who logged in before sudo, or as the owner of the file at PATH (where there is one). Where the owner's notes
 * cannot be looked at, it says yes. `kvm_play_state_of USER` sets `$kvm_play_theirs` to where a user has notes.
 */
export const noted: string = `kvm_play_state_of() {
case $1 in
'' | root | [!a-zA-Z0-9_]* | *[!a-zA-Z0-9_.-]*) kvm_play_theirs=${stateDirectory} ;;
*) eval "kvm_play_theirs=~$1"; kvm_play_theirs=$kvm_play_theirs/${userState} ;;
esac
}
kvm_play_noted() {
for kvm_play_of in '' "\${SUDO_USER-}"; do
kvm_play_state_of "$kvm_play_of"
[ ! -e "$kvm_play_theirs/$1" ] || return 0
done
[ ! -e "$kvm_play_state/$1" ] || return 0
[ -n "$2" ] && [ -e "$2" ] && [ ! -O "$2" ] || return 1
kvm_play_state_of "$(stat -L -c %U -- "$2")"
[ ! -e "$kvm_play_theirs/$1" ] || return 0
kvm_play_up=\${kvm_play_theirs%/${userState}}
for kvm_play_of in '' /.local /.local/state /${userState}; do
[ ! -d "$kvm_play_up$kvm_play_of" ] || [ -x "$kvm_play_up$kvm_play_of" ] || return 0
done
return 1
}`;

/** Longest name that is spelled out; a file's name ends at 255 bytes. */
const nameLimit = 200;

/** Spells a text as a file's name; a long one only by its hash. */
export function fileNameOf(text: string): string {
  const name = encodeURIComponent(text);
  return name.length > nameLimit ? createHash('sha256').update(text).digest('hex') : name;
}
