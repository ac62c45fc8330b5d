import { shownLines } from '../../reporters/words.ts';

/** A stream of this process. */
type Stream = Pick<NodeJS.WriteStream, 'write'>;

/**
 * Prints text for a person: control characters are escaped, and secrets are masked. Everything that the command prints goes through
 * this function, except the output of reporters, which do the same themselves.
 * @param text one or more lines, without the last line break
 */
export function print(stream: Stream, text: string): void {
  stream.write(`${shownLines(text).join('\n')}\n`);
}
