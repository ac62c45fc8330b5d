import { type ParseArgsConfig, parseArgs } from 'node:util';
import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';
import { insteadOf } from './ansible_options.ts';
import { type CommandName, commandTable } from './commands.ts';
import { isRepeatable, type Option, options, takersOf } from './option_table.ts';

/** A command line, split by the rules of the option table. */
export interface SplitLine {
  /** The texts that were given for each option, by its name: for a flag an empty one per occurrence. Options that were not given are absent. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** All other words, in order. */
  readonly operands: readonly string[];
}

/** The option table as Node's parser takes it. */
const parserOptions: ParseArgsConfig['options'] = Object.fromEntries(
  [...options].map(([name, { short, value }]) => [
    name,
    { type: value === undefined ? 'boolean' : 'string', ...(short !== undefined && { short }) },
  ]),
);

/**
 * Splits a command line into options and operands.
 * @throws PlaybookError for an option that does not exist, one without its value or with a value that it does not take, and one that
 *   is given twice though only the last would count
 */
export function splitLine(args: readonly string[]): SplitLine {
  // The parser's own messages are written for programmers, so that the tokens are checked here.
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options: parserOptions,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const option = options.get(name);
    if (option === undefined) throw unknownOption(rawName);
    checkValue(rawName, option, value, inlineValue === true);
    const before = given.get(name) ?? [];
    if (before.length > 0 && !isRepeatable(option)) {
      throw new PlaybookError(`${rawName} is given twice, and only one can count; leave one out`);
    }
    given.set(name, [...before, value ?? '']);
  }
  return { given, operands: positionals };
}

/**
 * Refuses options that the command does not take, because it would ignore them (who writes `rehearse --check` does not expect a
 * run), and options that exclude each other.
 * @throws PlaybookError
 */
export function checkCombination(command: CommandName, given: SplitLine['given']): void {
  for (const [name, option] of options) {
    if (!given.has(name)) continue;
    const takers = takersOf(option);
    if (!takers.includes(command)) throw refusal(command, name, takers);
    for (const [other, reason] of Object.entries(option.conflicts ?? {})) {
      if (given.has(other)) throw new PlaybookError(`--${name} and --${other} exclude each other: ${reason}`);
    }
  }
}

function refusal(command: CommandName, name: string, takers: readonly CommandName[]): PlaybookError {
  const described = commandTable[command];
  return new PlaybookError(
    'refusal' in described
      ? `${command} takes no --${name}: ${described.refusal}`
      : `--${name} is an option of ${takers.join(', ')}: npx kvm-play ${takers[0]} --${name} ...`,
  );
}

function checkValue(spelling: string, option: Option, value: string | undefined, isInline: boolean): void {
  if (option.value === undefined) {
    if (value === undefined) return;
    throw new PlaybookError(`${spelling} takes no value, and was given '${value}'`);
  }
  if (value === undefined) throw new PlaybookError(`${spelling} takes a value: ${spelling} ${option.value}`);
  if (isInline || value.length < 2 || !value.startsWith('-')) return;
  const glued = spelling.startsWith('--') ? `${spelling}=${value}` : `${spelling}${value}`;
  throw new PlaybookError(
    `${spelling} takes a value (${option.value}), and is followed by the option '${value}'; if that is the value, write ${glued}`,
  );
}

function unknownOption(spelling: string): PlaybookError {
  const positive = spelling.replace(/^--no-/, '');
  const close = spelling.startsWith('--')
    ? nearest(
        spelling,
        [...options.keys()].map((name) => `--${name}`),
      )
    : undefined;
  const hint =
    insteadOf(spelling) ??
    (positive !== spelling && options.has(positive) ? `leave --${positive} out` : undefined) ??
    (close === undefined ? 'see --help' : `did you mean ${close}?`);
  return new PlaybookError(`there is no option ${spelling}; ${hint}`);
}
