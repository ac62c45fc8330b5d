import { absenceFunctions, absent } from './absence.ts';
import { limited } from './script.ts';
import type { RawOutput } from './transport.ts';

/** A file that can be read again and again, and whose text, a random UUID, stands in hardly any other. */
const separator = '/proc/sys/kernel/random/boot_id';

/**
 * Script text that reads many files with one process; a `cat` for each would take a millisecond of the host. It says in one line
 * which of them are there, and prints these with the separator's text before, between and behind them.
 */
export function readFilesScript(paths: readonly string[], timeLimit: number): string {
  const script = `${absenceFunctions}
kvm_play_unsure "$@" >&2
for at do
shift
if [ -e "$at" ]; then printf 1; set -- "$@" "$at" ${separator}; else printf 0; fi
done
echo
[ $# -eq 0 ] || cat -- ${separator} "$@"`;
  return limited(timeLimit, ['sh', '-c', script, 'sh', ...paths]);
}

/** @returns what a look at each of so many files would have answered; undefined where that cannot be told */
export function parseFiles({ exitCode, stdout, stderr }: RawOutput, count: number): readonly RawOutput[] | undefined {
  const isThere = [...stdout.toString('latin1', 0, count)].map((flag) => flag === '1');
  const texts = textsOf(stdout.toString('latin1', count + 1));
  if (exitCode !== 0 || stderr.length > 0 || isThere.length !== count) return undefined;
  if (texts.length !== isThere.filter(Boolean).length) return undefined;
  const read = texts.values();
  return isThere.map((there) => ({
    exitCode: there ? 0 : absent,
    stdout: Buffer.from(there ? (read.next().value ?? '') : '', 'latin1'),
    stderr: Buffer.alloc(0),
  }));
}

function textsOf(printed: string): readonly string[] {
  const mark = printed.slice(0, printed.indexOf('\n') + 1);
  return mark === '' ? [] : printed.split(mark).slice(1, -1);
}
