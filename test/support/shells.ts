import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A shell as an argument vector. */
export type Shell = readonly [string, ...string[]];

const all: readonly Shell[] = [['bash'], ['dash'], ['busybox', 'sh'], ['mksh']];

/** POSIX shells that a host may have as `sh`, as far as this machine has them; those that it lacks are named in the output. */
export const shells: readonly Shell[] = all.filter(isPresent);

for (const shell of all) {
  if (!shells.includes(shell)) console.warn(`not tested with ${shell.join(' ')}: this machine does not have it`);
}

function isPresent([name]: Shell): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)));
}
