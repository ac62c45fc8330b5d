/*
 * Framing: one request runs many scripts, and its output has to be split into theirs. Each script is followed by a mark, a random
 * word, on both streams; on standard output the rest of the mark's line says how the script ended. A frame is the output of one
 * script up to its mark.
 */
import { type Outcome, observed, parseOutcome } from './outcome.ts';
import type { RawOutput } from './transport.ts';

/**
 * Script text that runs a script in a subshell, without standard input, and ends its frame.
 * @param timeLimit seconds after which the script ends itself
 */
export function framed(script: string, mark: string, timeLimit: number): string {
  return framedRun(`( ${script}\n) </dev/null`, mark, timeLimit);
}

/** Like {@link framed}, for script text that has a subshell and a standard input of its own. */
export function framedRun(run: string, mark: string, timeLimit: number): string {
  return `${observed(run)}\n${markLine(mark, `"$kvm_play_outcome ${timeLimit}"`)}`;
}

/** Script text that ends a frame with the exit status of the command before it. */
export function frameEnd(mark: string): string {
  return markLine(mark, '"$?"');
}

function markLine(mark: string, ending: string): string {
  const word = markWord(mark);
  return `printf '%s %s\\n' ${word} ${ending}; printf '%s\\n' ${word} >&2`;
}

/** A mark as a word of a script. The script does not contain the mark itself: `ps` prints scripts, and so would print marks. */
export function markWord(mark: string): string {
  const middle = mark.length / 2;
  return `${mark.slice(0, middle)}""${mark.slice(middle)}`;
}

/** Output that was split into frames. */
export interface Frames {
  /** The complete frames, in the order of their scripts. */
  readonly outputs: readonly RawOutput[];
  /** What the next script had printed by the end of the output. */
  readonly rest: RawOutput;
}

/** Splits the output of a request into frames. */
export function splitFrames({ exitCode, stdout, stderr }: RawOutput, mark: string): Frames {
  const out = split(stdout, mark);
  const err = split(stderr, mark);
  const texts = (parts: readonly Buffer[], index: number): Buffer => body(parts[index], index);
  const outputs = out.slice(1).flatMap((behind, index) => {
    if (err.length <= index + 1) return [];
    return [{ ...outcomeAt(behind), stdout: texts(out, index), stderr: texts(err, index) }];
  });
  const count = outputs.length;
  return { outputs, rest: { exitCode, stdout: texts(out, count), stderr: texts(err, count) } };
}

/** Reads the rest of a mark's line: an exit status alone, or an outcome and its time limit. */
function outcomeAt(behind: Buffer): Outcome {
  const line = behind.toString('latin1', 0, behind.indexOf('\n')).trim();
  const [exitCode, began, ended, limit] = line.split(' ');
  if (limit === undefined) return { exitCode: Number(exitCode), timedOut: false };
  return parseOutcome([exitCode, began, ended].join(' '), Number(limit));
}

/** Takes the rest of the previous mark's line away from all parts but the first. */
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
