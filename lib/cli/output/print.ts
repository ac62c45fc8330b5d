import { shownLines } from '../../reporters/words.ts';

/** A stream of this process. */
type Stream = Pick<NodeJS.WriteStream, 'write'>;

/**
 * Prints text for a person: what a host has said is made harmless, and secrets are masked. Everything that the command prints goes
 * through this function, but for what the reporters write, who see to it themselves.
 * @param text one or more lines, without the last one's end
 */
export function print(stream: Stream, text: string): void {
  stream.write(`${shownLines(text).join('\n')}\n`);
}
