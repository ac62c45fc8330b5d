import { hasProgram } from './programs.ts';

/** A shell as an argument vector. */
export type Shell = readonly [string, ...string[]];

/** KVM_PLAY_SHELLS names one of them, where a quick run is wanted; every shell is tried otherwise. */
const chosen = process.env.KVM_PLAY_SHELLS;

const all: readonly Shell[] = chosen === undefined ? [['bash'], ['dash'], ['busybox', 'sh'], ['mksh']] : [[chosen]];

/** POSIX shells that a host may have as `sh`, as far as this machine has them; those that it lacks are named in the output. */
export const shells: readonly Shell[] = all.filter(([name]) => hasProgram(name));

for (const shell of all) {
  if (!shells.includes(shell)) console.warn(`not tested with ${shell.join(' ')}: this machine does not have it`);
}
