import { relative } from 'node:path';
import { KvmPlayError, type Location } from '../errors.ts';
import { masked } from '../process/masking.ts';

/** Shows an error: its message, the line of the site, and the task or host that it concerns. */
export function errorLines(error: Error): readonly string[] {
  const { location, task }: { location?: Location | undefined; task?: string | undefined } =
    error instanceof KvmPlayError ? error.context : {};
  const place = location === undefined ? [] : [`at ${placeOf(location)}`];
  const about = task === undefined ? [] : [`task: ${task}`];
  const said = error instanceof KvmPlayError ? error.message : (error.stack ?? error.message);
  return shownLines([said, ...about, ...place].join('\n'));
}

/**
 * Makes a text of foreign origin, such as a host's output, safe to show: masks secrets, and escapes what would control a terminal
 * or a CI system's runner.
 */
export function shownLines(text: string): readonly string[] {
  return linesOf(masked(text));
}

/**
 * Makes a text safe to show in which secrets are masked already. Everything that is printed for a person goes through this
 * function.
 */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').map(withoutControls);
}

/** Shows a place in a file, with a path relative to the working directory. */
export function placeOf({ file, line }: Location): string {
  return `${nearPath(file)}:${line}`;
}

/** Shows a path relative to a directory if it lies in or near it. @param from default: the working directory */
export function nearPath(file: string, from: string = process.cwd()): string {
  const near = relative(from, file);
  return near.startsWith('../../') ? file : near;
}

/**
 * Escapes what must not reach a terminal or the log of a CI system: control characters except tabs, characters that are invisible
 * or change the reading direction, and what a runner would execute as a command.
 *
 * GitHub's runner executes `##[name]` anywhere in a line, and `::name::` at the beginning of a line, also after blanks; Azure's
 * and TeamCity's execute `##vso[…]` and `##teamcity[…]`. GitLab's markers of sections need control characters.
 */
export function withoutControls(text: string): string {
  return text
    .replaceAll(/(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, spelledOut)
    .replaceAll(/##(?=\w*\[)/g, '#\\x23')
    .replace(/^(\s*):(?=:.*::)/, '$1\\x3a');
}

/** Escapes a character as JavaScript does: `\x1b`, `\u202e`, `\u{e0001}`. */
function spelledOut(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code > 0xffff) return `\\u{${digits}}`;
  return code > 0xff ? `\\u${digits.padStart(4, '0')}` : `\\x${digits.padStart(2, '0')}`;
}
