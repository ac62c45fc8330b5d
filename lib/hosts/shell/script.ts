import { ownPlaces } from './paths.ts';
import { quoteAll } from './quote.ts';

/** Where commands are looked for, whatever the login shell says. */
export const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Begins every script: C locale, root's PATH, the usual umask, the root directory, where our own files are; `limited SECONDS COMMAND...`,
 * which ends a command that takes too long where the host has `timeout`; and `kvm_play_clock`, which reads the host's uptime into
 * `$kvm_play_now` without a process of its own.
 */
export const prologue: string = `PATH=${rootPath} LC_ALL=C; export PATH LC_ALL; umask 022; cd /
kvm_play_clock() { kvm_play_now=; { read -r kvm_play_now kvm_play_idle </proc/uptime; } 2>/dev/null; }
if command -v timeout >/dev/null 2>&1
then limited() { kvm_play_limit=$1; shift; timeout -k 5 "$kvm_play_limit" "$@"; }
else limited() { shift; "$@"; }
fi
${ownPlaces}`;

/** One command with a time limit in seconds, as script text. */
export function limited(seconds: number, argv: readonly string[]): string {
  return `limited ${seconds} ${quoteAll(argv)}`;
}
