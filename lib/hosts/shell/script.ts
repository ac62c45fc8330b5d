import { shellProgram } from '../../process/package_files.ts';
import { ownPlaces } from './paths.ts';
import { quoteAll } from './quote.ts';

/** Where commands are looked for, whatever the login shell says. */
export const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Script text that begins every script: environment, directory, `limited`, `kvm_play_clock`, and our own places; see `prologue.sh`. */
export function prologue(): string {
  return `${shellProgram('lib/hosts/shell/prologue.sh')}\n${ownPlaces()}`;
}

/** One command with a time limit in seconds, as script text. */
export function limited(seconds: number, argv: readonly string[]): string {
  return `limited ${seconds} ${quoteAll(argv)}`;
}
