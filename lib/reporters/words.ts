import { relative } from 'node:path';
import { KvmPlayError, type Location } from '../errors.ts';
import { masked } from '../process/masking.ts';

/** Shows an error: its words, the line of the site, and what it is about. */
export function errorLines(error: Error): readonly string[] {
  const { location, task }: { location?: Location | undefined; task?: string | undefined } =
    error instanceof KvmPlayError ? error.context : {};
  const place = location === undefined ? [] : [`at ${placeOf(location)}`];
  const about = task === undefined ? [] : [`task: ${task}`];
  const said = error instanceof KvmPlayError ? error.message : (error.stack ?? error.message);
  return shownLines([said, ...about, ...place].join('\n'));
}

/**
 * Makes lines that may be shown of a text that is somebody else's, as a host's is: secrets are masked, and what would steer a
 * terminal or a CI system's runner is spelled out.
 */
export function shownLines(text: string): readonly string[] {
  return linesOf(masked(text));
}

/**
 * Makes lines that may be shown of a text in which secrets are masked already. Whatever is printed for a person goes through this
 * function.
 */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').map(withoutControls);
}

/** Shows a place as the user would name it: relative to where they are. */
export function placeOf({ file, line }: Location): string {
  return `${nearPath(file)}:${line}`;
}

/** Shows a path relative to a directory, where it is not far from it. @param from default: where the user is */
export function nearPath(file: string, from: string = process.cwd()): string {
  const near = relative(from, file);
  return near.startsWith('../../') ? file : near;
}

/**
 * Spells out what a line must not hold when it reaches a terminal or the log of a CI system: control characters (tabs excepted),
 * characters that are not to be seen or that turn the reading direction, and what a runner would take for a command.
 *
 * GitHub's runner obeys `##[name]` anywhere in a line, Azure's and TeamCity's `##vso[…]` and `##teamcity[…]`, and GitHub's
 * `::name::` behind blanks at the beginning of a line. GitLab's markers of sections need control characters.
 */
export function withoutControls(text: string): string {
  return text
    .replaceAll(/(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, spelledOut)
    .replaceAll(/##(?=\w*\[)/g, '#\\x23')
    .replace(/^(\s*):(?=:.*::)/, '$1\\x3a');
}

/** Spells out a character as JavaScript does: `\x1b`, `\u202e`, `\u{e0001}`. */
function spelledOut(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code > 0xffff) return `\\u{${digits}}`;
  return code > 0xff ? `\\u${digits.padStart(4, '0')}` : `\\x${digits.padStart(2, '0')}`;
}
