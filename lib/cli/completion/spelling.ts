import { commands, type NamedCommand, type OtherCommand } from '../options/commands.ts';
import { type Option, options } from '../options/option_table.ts';

/** Commands that have to be named. */
export const otherCommands: readonly OtherCommand[] = commands.filter((command) => command !== 'run');

/** What of an option a shell has to know. */
export interface SpelledOption extends Option {
  readonly name: string;
  /** As it is typed: `-i` and `--inventory`. */
  readonly spellings: readonly string[];
}

/** Every option, in the order of the help. */
export const spelledOptions: readonly SpelledOption[] = options.map(([name, option]) => ({
  ...option,
  name,
  spellings: [...(option.short === undefined ? [] : [`-${option.short}`]), `--${name}`],
}));

/** The spellings of all options that take a value: the word behind one of them is no site and no command. */
export const valueSpellings: readonly string[] = spelledOptions
  .filter(({ value }) => value !== undefined)
  .flatMap(({ spellings }) => spellings);

/** The options that a command takes. */
export function optionsOf(command: NamedCommand): readonly SpelledOption[] {
  return spelledOptions.filter(({ commands }) => commands.includes(command));
}
