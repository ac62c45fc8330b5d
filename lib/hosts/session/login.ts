/*
 * Script text for what a login's start-up files may have set, and what reaches everything that the login starts: limits, ignored
 * signals, a home that is none. It stands between the quotes of `clean_shell.ts`: one line, no `!`, no single quote, no backslash.
 */
import { shellProgram } from '../../process/package_files.ts';

/** A program of the folder `login`: what it does stands in its first lines. */
export type LoginProgram =
  | 'find_home'
  | 'lift_limits'
  | 'raise_limits'
  | 'refuse_files'
  | 'refuse_processes'
  | 'reset_signals';

/** Gives programs as one line, one after the other: a line break ends a command, unless the line's last word goes on. */
export function loginLines(...programs: readonly LoginProgram[]): string {
  return programs
    .map((program) => shellProgram(`lib/hosts/session/login/${program}.sh`))
    .join('\n')
    .replaceAll(/(\b(?:do|then|else|in)|[)&|;{])?\n/g, (_, goesOn?: string) =>
      goesOn === undefined ? '; ' : `${goesOn} `,
    );
}
