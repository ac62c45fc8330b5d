import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';

/**
 * Finds a word in a list.
 * @param what takes the word: an option or a command, for the message
 * @throws PlaybookError that names the nearest word of the list, or all of them
 */
export function oneOf<const Word extends string>(what: string, given: string, words: readonly Word[]): Word {
  const found = words.find((each) => each === given);
  if (found !== undefined) return found;
  const close = nearest(given, words);
  const hint = close === undefined ? words.join(', ') : `did you mean ${close}?`;
  throw new PlaybookError(`${what} does not know '${given}'; ${hint}`);
}
