import { hasProgram } from './programs.ts';

/** A shell as an argument vector. */
export type Shell = readonly [string, ...string[]];

const all: readonly Shell[] = [['bash'], ['dash'], ['busybox', 'sh'], ['mksh']];

/** POSIX shells that a host may have as `sh`, as far as this machine has them; those that it lacks are named in the output. */
export const shells: readonly Shell[] = all.filter(([name]) => hasProgram(name));

for (const shell of all) {
  if (!shells.includes(shell)) console.warn(`not tested with ${shell.join(' ')}: this machine does not have it`);
}
