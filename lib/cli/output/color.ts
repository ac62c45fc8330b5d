import type { ColorWord } from '../options/command_line.ts';

/**
 * Tells whether to use colours. With `auto`, `FORCE_COLOR` and `NO_COLOR` decide, in this order as for Node itself; without them,
 * colours are used on a terminal that is not dumb.
 */
export function wantsColor(
  word: ColorWord,
  { NO_COLOR = '', FORCE_COLOR, TERM }: NodeJS.ProcessEnv,
  isTerminal: boolean,
): boolean {
  if (word !== 'auto') return word === 'always';
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR);
  return NO_COLOR === '' && isTerminal && TERM !== 'dumb';
}
