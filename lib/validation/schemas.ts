import * as v from 'valibot';

/**
 * Schema of a text of one line: not empty, without line breaks and other control characters.
 * @param what names the value in messages, e.g. `a bridge's name`
 */
export function line(what: string): v.GenericSchema<string> {
  return v.pipe(
    v.string(),
    v.nonEmpty(`${what} is empty`),
    v.check((text) => !hasControlCharacter(text), found(`${what} must be one line without control characters`)),
  );
}

/** Most bytes of a file's name and of a path on Linux (limits.h; a path ends with a NUL). */
const [longestName, longestPath] = [255, 4095];

/**
 * Schema of an absolute path. It refuses `.`, `..`, doubled slashes, a slash at the end, and what is too long for Linux.
 * @param what names the value in messages, e.g. `a file's path`
 */
export function absolutePath(what: string): v.GenericSchema<string> {
  return v.pipe(
    line(what),
    v.regex(
      /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/,
      found(`${what} must be an absolute path without '.', '..' or doubled slashes`),
    ),
    v.check(
      (path) => Math.max(...path.split('/').map(bytesOf)) <= longestName && bytesOf(path) <= longestPath,
      ({ input }) =>
        `${what} has names of at most ${longestName} bytes, and at most ${longestPath} in all; ${String(input).slice(0, 40)}… is too long`,
    ),
  );
}

/**
 * Makes a message for a schema's check, which shows the value that was given. Don't use it for secrets.
 * @param rule the rule that the value breaks, e.g. `the MTU is a whole number`
 */
export function found(rule: string): (issue: { readonly input: unknown }) => string {
  return ({ input }) => `${rule}, and is ${JSON.stringify(input)}`;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}
