import { type CommandName, commands } from '../options/commands.ts';
import { fullHelp, type Option, options, spellingsOf, takersOf } from '../options/option_table.ts';

/** An option with what a shell has to know of it. */
export interface SpelledOption extends Option {
  readonly name: string;
  /** As it is typed: `-i` and `--inventory`. */
  readonly spellings: readonly string[];
}

/** Every option, in the order of the help; its help names its default. */
export const spelledOptions: readonly SpelledOption[] = [...options].map(([name, option]) => ({
  ...option,
  name,
  help: fullHelp(option),
  spellings: spellingsOf(name, option),
}));

/** The spellings of all options that take a value: the word after one of them is no operand. */
export const valueSpellings: readonly string[] = spelledOptions
  .filter(({ value }) => value !== undefined)
  .flatMap(({ spellings }) => spellings);

/** The options that a command takes. */
export function optionsOf(command: CommandName): readonly SpelledOption[] {
  return spelledOptions.filter((option) => takersOf(option).includes(command));
}

/** Words that can be completed after a command. */
export interface CompletedOperand {
  readonly command: CommandName;
  /** Which word after the command it is, counted from 0. */
  readonly place: number;
  readonly completes: 'sites' | Readonly<Record<string, string>>;
}

/** The operands of all commands that a shell can complete. */
export const completedOperands: readonly CompletedOperand[] = commands.flatMap(([command, { operands }]) =>
  operands.flatMap(({ completes }, place) => (completes === undefined ? [] : [{ command, place, completes }])),
);
