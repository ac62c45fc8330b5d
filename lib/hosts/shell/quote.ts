/**
 * Quotes one argument for a POSIX shell: single quotes, and each single quote inside as `'\''`.
 * The result holds exactly the argument for sh, dash, bash, busybox sh and mksh.
 * @throws RangeError for a NUL, which no argument can hold
 */
export function quote(argument: string): string {
  if (argument.includes('\0')) throw new RangeError('an argument cannot hold a NUL');
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** Quotes an argument vector for a POSIX shell. */
export function quoteAll(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}

/** Shows an argument vector as a command line that can be pasted into a shell: only what needs quotes has them. */
export function pasteable(argv: readonly string[]): string {
  return argv.map((argument) => (/^[\w@%+=:,./-]+$/.test(argument) ? argument : quote(argument))).join(' ');
}
