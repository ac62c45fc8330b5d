import { type Outcome, observed, parseOutcome } from './outcome.ts';
import type { RawOutput } from './transport.ts';

/**
 * Script text that runs one piece of a batch, which can neither end nor change another one, and marks where its output ends.
 * @param timeLimit seconds that it limits itself to
 */
export function piece(script: string, mark: string, timeLimit: number): string {
  return observedPiece(`( ${script}\n) </dev/null`, mark, timeLimit);
}

/** Like {@link piece}, for script text that has a standard input and a shell of its own. */
export function observedPiece(run: string, mark: string, timeLimit: number): string {
  return `${observed(run)}\n${markOf(mark, `"$kvm_play_outcome ${timeLimit}"`)}`;
}

/** Script text that marks the end of a piece on both streams, with its exit status on standard output. */
export function endMark(mark: string): string {
  return markOf(mark, '"$?"');
}

function markOf(mark: string, ending: string): string {
  const word = markWord(mark);
  return `printf '%s %s\\n' ${word} ${ending}; printf '%s\\n' ${word} >&2`;
}

/** A mark as a word of a script, in which the mark itself does not stand: `ps` prints scripts, and so would print marks. */
export function markWord(mark: string): string {
  const middle = mark.length / 2;
  return `${mark.slice(0, middle)}""${mark.slice(middle)}`;
}

/** What the pieces of a batch left behind, as far as they came to an end; and what an unfinished one had printed. */
export interface Pieces {
  readonly outputs: readonly RawOutput[];
  readonly rest: RawOutput;
}

/** Cuts the output of a batch into those of its pieces. */
export function cut({ exitCode, stdout, stderr }: RawOutput, mark: string): Pieces {
  const out = split(stdout, mark);
  const err = split(stderr, mark);
  const texts = (parts: readonly Buffer[], index: number): Buffer => body(parts[index], index);
  const outputs = out.slice(1).flatMap((behind, index) => {
    if (err.length <= index + 1) return [];
    return [{ ...ending(behind), stdout: texts(out, index), stderr: texts(err, index) }];
  });
  const count = outputs.length;
  return { outputs, rest: { exitCode, stdout: texts(out, count), stderr: texts(err, count) } };
}

/** Reads how a piece ended; one whose time nobody has observed has none. */
function ending(behind: Buffer): Outcome {
  const line = behind.toString('latin1', 0, behind.indexOf('\n')).trim();
  const [exitCode, began, ended, limit] = line.split(' ');
  if (limit === undefined) return { exitCode: Number(exitCode), timedOut: false };
  return parseOutcome([exitCode, began, ended].join(' '), Number(limit));
}

/** Behind the mark stands the exit status of the piece before it, up to the line's end. */
function body(part: Buffer | undefined, index: number): Buffer {
  if (part === undefined) return Buffer.alloc(0);
  return index === 0 ? part : part.subarray(part.indexOf('\n') + 1);
}

function split(output: Buffer, mark: string): readonly Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = output.indexOf(mark); at !== -1; at = output.indexOf(mark, start)) {
    parts.push(output.subarray(start, at));
    start = at + mark.length;
  }
  parts.push(output.subarray(start));
  return parts;
}
