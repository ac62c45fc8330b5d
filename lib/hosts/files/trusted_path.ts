import { shellProgram } from '../../process/package_files.ts';
import { absenceFunctions } from './absence.ts';

/** Exit status by which a script says that it does not go where somebody else could have led it; standard error says why. */
export const refused = 46;

/** Most bytes of a file that are read. */
export const textLimit: number = 16 * 1024 * 1024;

/** Script functions that go to a path which other users may have a hand in, and trust no name that one of them could replace; see `trusted_path.sh`. */
export function trustedPath(): string {
  return `${absenceFunctions()}\n${shellProgram('lib/hosts/files/trusted_path.sh')}`;
}
