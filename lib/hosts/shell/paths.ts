import { createHash } from 'node:crypto';
import { shellProgram } from '../../process/package_files.ts';

/** Where kvm-play keeps what must outlive a reboot of a host: markers and backups. */
export const stateDirectory = '/var/lib/kvm-play';

/** Where kvm-play keeps what a reboot may forget: the lock, journals of detached steps. */
export const runtimeDirectory = '/run/kvm-play';

/** Where a user who is not root has both, below the home directory. */
const userState = '.local/state/kvm-play';

/** Where such a user has what a reboot may forget, below the home directory. */
export const userRuntime: string = `${userState}/run`;

/** Script text that sets `$kvm_play_state` and `$kvm_play_run` to the two directories of the user who runs it; see `own_places.sh`. */
export function ownPlaces(): string {
  return shellProgram('lib/hosts/shell/own_places.sh');
}

/** Script functions that find notes of kvm-play's own; see `noted.sh`. */
export function noted(): string {
  return shellProgram('lib/hosts/shell/noted.sh');
}

/** Longest name that is spelled out; a file's name ends at 255 bytes. */
const nameLimit = 200;

/** Spells a text as a file's name; a long one only by its hash. */
export function fileNameOf(text: string): string {
  const name = encodeURIComponent(text);
  return name.length > nameLimit ? createHash('sha256').update(text).digest('hex') : name;
}
