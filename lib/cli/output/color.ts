import type { ColorWord } from '../options/command_line.ts';

/**
 * Says whether there are colours. `auto`: `FORCE_COLOR` and `NO_COLOR` decide, in this order as for Node itself;
 * else colours are for a terminal that is not dumb.
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
