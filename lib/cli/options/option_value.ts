import { PlaybookError } from '../../errors.ts';
import { parseExtraVars } from './extra_vars.ts';
import { oneOf } from './one_of.ts';
import type { KindValues, Option } from './option_table.ts';

/** Reads the texts that were given for an option of each kind. */
const readers: {
  readonly [Kind in keyof KindValues]: (given: readonly string[], option: Option, spelling: string) => KindValues[Kind];
} = {
  flag: (given) => given.length > 0,
  counter: (given) => given.length,
  text: ([given]) => given,
  texts: (given) => given,
  list: (given) =>
    given
      .flatMap((text) => text.split(','))
      .map((text) => text.trim())
      .filter((text) => text !== ''),
  count: ([given], _option, spelling) => {
    if (given === undefined || /^[1-9]\d{0,5}$/.test(given)) return given === undefined ? undefined : Number(given);
    throw new PlaybookError(`${spelling} takes a whole number from 1 to 999999, and was given '${given}'`);
  },
  word: ([given = ''], { completes = [] }, spelling) => oneOf(spelling, given, completes === 'files' ? [] : completes),
  variables: parseExtraVars,
};

/**
 * Reads the value of an option.
 * @param given the texts on the command line, in order; for a flag one per occurrence; empty where the option is not given
 * @param spelling the option with its dashes, for the message
 * @throws PlaybookError that says what the option takes
 */
export function readValue(option: Option, given: readonly string[], spelling: string): KindValues[Option['kind']] {
  const { kind, default: standard, insteadOfEmpty } = option;
  if (insteadOfEmpty !== undefined && given.some((text) => text.trim() === '')) {
    throw new PlaybookError(`${spelling} is empty; ${insteadOfEmpty}`);
  }
  return readers[kind](given.length === 0 && standard !== undefined ? [String(standard)] : given, option, spelling);
}
