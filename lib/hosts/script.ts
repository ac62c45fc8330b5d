import { ownPlaces } from './paths.ts';
import { quoteAll } from './quote.ts';

/** Where root's commands are, whatever the login shell says. */
export const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Begins every script: C locale, root's PATH, the root directory, where our own files are, and `limited SECONDS COMMAND...`, which ends a command
 * that takes too long where the host has `timeout`.
 */
export const prologue: string = `PATH=${rootPath}:$PATH LC_ALL=C; export PATH LC_ALL; cd /
if command -v timeout >/dev/null 2>&1
then limited() { kvm_play_limit=$1; shift; timeout -k 5 "$kvm_play_limit" "$@"; }
else limited() { shift; "$@"; }
fi
${ownPlaces}`;

/** One command with a time limit in seconds, as script text. */
export function limited(seconds: number, argv: readonly string[]): string {
  return `limited ${seconds} ${quoteAll(argv)}`;
}
