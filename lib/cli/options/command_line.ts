import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';
import { type CommandName, type NetworkAction, namedCommands, networkActions, type Shell, shells } from './commands.ts';
import { oneOf } from './one_of.ts';
import { type OptionValues, options } from './option_table.ts';
import { readValue } from './option_value.ts';
import { checkCombination, type SplitLine, splitLine } from './split_line.ts';

/** When colours are used. */
export type ColorWord = OptionValues['color'];

/** What `network` is to do, and where. */
export interface NetworkCommand {
  readonly action: NetworkAction;
  /** A host, or a pattern in the inventory; undefined if hosts are given as options. */
  readonly host?: string;
  /** With `extend`: seconds from now on. */
  readonly seconds?: number;
}

/** A command line: the command, its operands, and the value of every option. */
export interface CommandLine extends OptionValues {
  readonly command: CommandName;
  /** Present with the command `network`. */
  readonly networkCommand?: NetworkCommand;
  /** Present with the command `inventory`: which of its hosts are shown. */
  readonly pattern?: string;
  /** Present with the command `completion`. */
  readonly shell?: Shell;
  /** Path of the site; undefined only if no site is needed. */
  readonly site: string | undefined;
}

/**
 * Reads a command line.
 * @param args without the program's own name
 * @throws PlaybookError that says what is wrong with it, and names the nearest option where one is mistyped
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { given, operands } = splitLine(args);
  const command = namedCommands.find((each) => each === operands[0]) ?? 'run';
  checkCombination(command, given);
  const values = valuesOf(given);
  const rest = command === 'run' ? operands : operands.slice(1);
  const isComplete = values.help || values.version || values.remove !== undefined;
  return { ...values, command, ...operandsOf(command, rest, values, isComplete) };
}

/** Reads the value of every option. An option that was not given has its default. */
function valuesOf(given: SplitLine['given']): OptionValues {
  const implied = new Set([...options].flatMap(([name, { implies = '' }]) => (given.has(name) ? [implies] : [])));
  const values: OptionValues = Object.assign(
    {},
    ...[...options].map(([name, option]) => ({
      [name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]: readValue(
        option,
        given.get(name) ?? (implied.has(name) ? [''] : []),
        `--${name}`,
      ),
    })),
  );
  return values;
}

/**
 * Reads the words after the command.
 * @param isComplete the options alone say what to do, as `--help` does
 */
function operandsOf(
  command: CommandName,
  words: readonly string[],
  values: OptionValues,
  isComplete: boolean,
): Pick<CommandLine, 'networkCommand' | 'pattern' | 'shell' | 'site'> {
  if (command === 'run' || command === 'rehearse') {
    const site = onlySite(words);
    if (site === undefined && !isComplete) throw new PlaybookError('name a site: npx kvm-play site.ts (see --help)');
    return { site };
  }
  if (isComplete) return { site: undefined };
  switch (command) {
    case 'network':
      return { site: undefined, networkCommand: parseNetwork(words, values.host) };
    case 'inventory':
      return { site: undefined, pattern: parsePattern(words, values.inventory) };
    case 'completion':
      return { site: undefined, shell: parseShell(words) };
  }
}

function onlySite(sites: readonly string[]): string | undefined {
  const [first = '', ...rest] = sites;
  if (rest.length === 0) return sites[0];
  const meant = nearest(first, namedCommands);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new PlaybookError(`one site at a time, and these are ${sites.length}: ${sites.join(', ')}${hint}`);
}

function parseNetwork([action = '', ...places]: readonly string[], hosts: readonly string[]): NetworkCommand {
  const known = oneOf('network', action, networkActions);
  const rest = [...places];
  const host = hosts.length > 0 ? undefined : rest.shift();
  if (hosts.length === 0 && host === undefined)
    throw new PlaybookError(`name a host: npx kvm-play network ${known} HOST`);
  const seconds = known === 'extend' ? rest.shift() : undefined;
  if (known === 'extend' && (seconds === undefined || !/^[1-9]\d{0,4}$/.test(seconds))) {
    const example = `npx kvm-play network extend ${host ?? `--host ${hosts[0]}`} 120`;
    throw new PlaybookError(`network extend takes a host and seconds, 1 to 99999: ${example}`);
  }
  const [surplus] = rest;
  if (surplus !== undefined) {
    const instead =
      hosts.length > 0 ? '; --host names the hosts already' : '; name several with --host, or in an inventory (-i)';
    throw new PlaybookError(`network ${known} takes one host, and was given '${surplus}' too${instead}`);
  }
  return {
    action: known,
    ...(host !== undefined && { host }),
    ...(seconds !== undefined && { seconds: Number(seconds) }),
  };
}

function parsePattern([pattern = 'all', surplus]: readonly string[], inventories: readonly string[]): string {
  if (inventories.length === 0) throw new PlaybookError('name an inventory: npx kvm-play inventory -i FILE [PATTERN]');
  if (surplus === undefined) return pattern;
  throw new PlaybookError(`inventory takes one pattern, and was given '${surplus}' too; write web:db for several`);
}

function parseShell([given = '', surplus]: readonly string[]): Shell {
  const shell = oneOf('completion', given, shells);
  if (surplus !== undefined) throw new PlaybookError(`completion takes one shell, and was given '${surplus}' too`);
  return shell;
}
