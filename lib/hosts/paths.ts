import { createHash } from 'node:crypto';

/** Where kvm-play keeps what must outlive a reboot of a host: markers and backups. */
export const stateDirectory = '/var/lib/kvm-play';

/** Where kvm-play keeps what a reboot may forget: the lock, journals of detached steps. */
export const runtimeDirectory = '/run/kvm-play';

/**
 * Script text that says where the two are for whoever runs it, in `$kvm_play_state` and `$kvm_play_run`: the user who logs in has
 * places of his own for tasks that are not done as root.
 */
export const ownPlaces: string = `if [ -w /run ]; then kvm_play_state=${stateDirectory} kvm_play_run=${runtimeDirectory}
else kvm_play_state=\${XDG_STATE_HOME:-$HOME/.local/state}/kvm-play; kvm_play_run=$kvm_play_state/run; fi`;

/** Longest name that is spelled out; a file's name ends at 255 bytes. */
const nameLimit = 200;

/** Spells a text as a file's name; a long one only by its hash. */
export function fileNameOf(text: string): string {
  const name = encodeURIComponent(text);
  return name.length > nameLimit ? createHash('sha256').update(text).digest('hex') : name;
}
