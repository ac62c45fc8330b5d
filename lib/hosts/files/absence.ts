import { shellProgram } from '../../process/package_files.ts';

/** Exit status by which a look says that there is no such file. */
export const absent = 44;

/** Script functions that tell what is not there from what cannot be looked at; see `absence.sh`. */
export function absenceFunctions(): string {
  return shellProgram('lib/hosts/files/absence.sh');
}
