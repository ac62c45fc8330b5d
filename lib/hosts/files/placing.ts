import { shellProgram } from '../../process/package_files.ts';
import { noted } from '../shell/paths.ts';
import { trustedPath } from './trusted_path.ts';

/** Script functions that put a file into a directory: staged under a name that nobody else can touch, backed up, renamed; see `placing.sh`. */
export function placing(): string {
  return [noted(), trustedPath(), shellProgram('lib/hosts/files/placing.sh')].join('\n');
}
