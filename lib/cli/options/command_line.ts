import { parseArgs } from 'node:util';
import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';
import { checkOptions } from './check_options.ts';
import { commands, type NamedCommand, type NetworkAction, networkActions, type Shell, shells } from './commands.ts';
import { type ExtraVars, parseExtraVars } from './extra_vars.ts';
import { options, optionTable } from './option_table.ts';

/** When there are colours. */
export type ColorWord = (typeof optionTable.color.completes)[number];

/** What is to be done about a network change, and where. */
export interface NetworkCommand {
  readonly action: NetworkAction;
  /** A host, or a pattern in the inventory; undefined where hosts are given as options. */
  readonly host?: string;
  /** With `extend`: seconds from now on. */
  readonly seconds?: number;
}

/** What the command line asks for. */
export interface CommandLine {
  readonly command: NamedCommand;
  /** Present with the command `network`. */
  readonly network?: NetworkCommand;
  /** Present with the command `inventory`: which of its hosts are shown. */
  readonly pattern?: string;
  /** Present with the command `completion`. */
  readonly shell?: Shell;
  /** Path of the site; undefined only where no site is needed. */
  readonly site: string | undefined;
  readonly hosts: readonly string[];
  /** Paths of inventories; a later one wins. */
  readonly inventories: readonly string[];
  /** A pattern of hosts; `@failed` is those that failed last time. */
  readonly limit: string | undefined;
  /** Hosts at a time. */
  readonly serial: number | undefined;
  readonly privateKey: string | undefined;
  readonly sshConfig: string | undefined;
  readonly check: boolean;
  /** Where a plan goes; it is made in check mode. */
  readonly planOut: string | undefined;
  /** Path of the plan that is applied. */
  readonly applyPlan: string | undefined;
  readonly diff: boolean;
  readonly listTasks: boolean;
  readonly listTags: boolean;
  readonly listHosts: boolean;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly startAtTask: string | undefined;
  /** Values for variables, in the order of the command line; later ones win. */
  readonly extraVars: readonly ExtraVars[];
  readonly become: boolean;
  /** Ask for the password that sudo wants. */
  readonly askBecomePass: boolean;
  /** Connections that are being opened at a time. */
  readonly forks: number | undefined;
  /** How often `-v` was given. */
  readonly verbosity: number;
  readonly quiet: boolean;
  readonly color: ColorWord;
  readonly json: boolean;
  /** Where the JUnit report goes. */
  readonly junit: string | undefined;
  readonly expectNoChange: boolean;
  readonly restartOwnNetwork: boolean;
  readonly yes: boolean;
  readonly keep: boolean;
  /** Id of a kept host to take away. */
  readonly remove: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
}

/** Reads the command line. @param args without the command's own name @throws PlaybookError that names the nearest right option */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const [first = ''] = positionals;
  const command = commands.find((each) => each === first && each !== 'run') ?? 'run';
  const rest = command === 'run' ? positionals : positionals.slice(1);
  refuseOptionsOfOther(command, values);
  const { quiet = false, json = false, verbose = [], 'extra-vars': given = [] } = values;
  if (quiet && verbose.length > 0) throw new PlaybookError('--quiet and --verbose exclude each other');
  if (quiet && json) throw new PlaybookError('--quiet says nothing about --json, which has every event');
  if (values.inventory !== undefined && (values.host ?? []).length > 0) {
    const instead = command === 'network' ? 'name its hosts behind the action' : 'choose among its hosts with --limit';
    throw new PlaybookError(`--host is in place of an inventory; ${instead}`);
  }
  if (values.limit?.trim() === '') throw new PlaybookError('--limit is empty; leave it out to take all hosts');
  for (const other of ['check', 'plan-out'] as const) {
    if (values['apply-plan'] === undefined || values[other] === undefined) continue;
    throw new PlaybookError(
      `--apply-plan and --${other} exclude each other: a plan is made in check mode, and applied by itself`,
    );
  }
  const needsMore = !values.help && !values.version && values.remove === undefined;
  const network = command === 'network' && needsMore ? parseNetwork(rest, values.host ?? []) : undefined;
  const pattern = command === 'inventory' && needsMore ? parsePattern(rest, values.inventory ?? []) : undefined;
  const shell = command === 'completion' && needsMore ? parseShell(rest) : undefined;
  const takesSite = command === 'run' || command === 'rehearse';
  const site = takesSite ? onlySite(rest) : undefined;
  if (site === undefined && takesSite && needsMore) {
    throw new PlaybookError('name a site: kvm-play site.ts (see --help)');
  }
  return {
    command,
    ...(network && { network }),
    ...(pattern !== undefined && { pattern }),
    ...(shell && { shell }),
    site,
    hosts: values.host ?? [],
    inventories: values.inventory ?? [],
    limit: values.limit,
    serial: values.serial === undefined ? undefined : readCount('--serial', values.serial),
    privateKey: values['private-key'],
    sshConfig: values['ssh-config'],
    check: values.check === true || values['plan-out'] !== undefined,
    planOut: values['plan-out'],
    applyPlan: values['apply-plan'],
    diff: values.diff ?? false,
    listTasks: values['list-tasks'] ?? false,
    listTags: values['list-tags'] ?? false,
    listHosts: values['list-hosts'] ?? false,
    tags: listed(values.tags ?? []),
    skipTags: listed(values['skip-tags'] ?? []),
    startAtTask: values['start-at-task'],
    extraVars: parseExtraVars(given),
    become: values.become ?? false,
    askBecomePass: values['ask-become-pass'] ?? false,
    forks: values.forks === undefined ? undefined : readCount('--forks', values.forks),
    verbosity: verbose.length,
    quiet,
    color: values.color === undefined ? 'auto' : oneOf('--color', values.color, optionTable.color.completes),
    json,
    junit: values.junit,
    expectNoChange: values['expect-no-change'] ?? false,
    restartOwnNetwork: values['restart-own-network'] ?? false,
    yes: values.yes ?? false,
    keep: values.keep ?? false,
    remove: values.remove,
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

type Parsed = ReturnType<typeof parseArgs<{ options: typeof optionTable; allowPositionals: true }>>;

/** The parser's own words for what is wrong are not for everybody, so that it is only given what is right. */
function parse(args: readonly string[]): Parsed {
  checkOptions(args);
  return parseArgs({ args: [...args], options: optionTable, allowPositionals: true });
}

function readCount(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new PlaybookError(`${option} takes a whole number from 1 on, and was given '${text}'`);
}

/** Options that take several, with a comma between or again and again. */
function listed(texts: readonly string[]): readonly string[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

/** Finds a word of a list. @throws PlaybookError that names the nearest right one */
function oneOf<const Word extends string>(what: string, given: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  const close = nearest(given, words);
  const hint = close === undefined ? words.join(', ') : `did you mean ${close}?`;
  throw new PlaybookError(`${what} does not know '${given}'; ${hint}`);
}

function parseShell([given = '', surplus]: readonly string[]): Shell {
  const shell = oneOf('completion', given, shells);
  if (surplus !== undefined) throw new PlaybookError(`completion takes one shell, and was given '${surplus}' too`);
  return shell;
}

function onlySite(sites: readonly string[]): string | undefined {
  const [first = '', ...rest] = sites;
  if (rest.length === 0) return sites[0];
  const meant = nearest(
    first,
    commands.filter((command) => command !== 'run'),
  );
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new PlaybookError(`one site at a time, and these are ${sites.length}: ${sites.join(', ')}${hint}`);
}

function parseNetwork([action = '', ...places]: readonly string[], hosts: readonly string[]): NetworkCommand {
  const known = oneOf('network', action, networkActions);
  const rest = [...places];
  const host = hosts.length > 0 ? undefined : rest.shift();
  if (hosts.length === 0 && host === undefined) throw new PlaybookError(`name a host: kvm-play network ${known} HOST`);
  const seconds = known === 'extend' ? rest.shift() : undefined;
  if (known === 'extend' && (seconds === undefined || !/^[1-9]\d{0,4}$/.test(seconds))) {
    const example = `kvm-play network extend ${host ?? `--host ${hosts[0]}`} 120`;
    throw new PlaybookError(`network extend takes a host and seconds, 1 to 99999: ${example}`);
  }
  const [surplus] = rest;
  if (surplus !== undefined) {
    const instead = hosts.length > 0 ? '; hosts are given by --host already' : '; several stand in an inventory (-i)';
    throw new PlaybookError(`network ${known} takes one host, and was given '${surplus}' too${instead}`);
  }
  return {
    action: known,
    ...(host !== undefined && { host }),
    ...(seconds !== undefined && { seconds: Number(seconds) }),
  };
}

function parsePattern([pattern = 'all', surplus]: readonly string[], inventories: readonly string[]): string {
  if (inventories.length === 0) throw new PlaybookError('name an inventory: kvm-play inventory -i FILE [PATTERN]');
  if (surplus === undefined) return pattern;
  throw new PlaybookError(`inventory takes one pattern, and was given '${surplus}' too; write web:db for several`);
}

/** An option that would have no effect is a mistake: who says `rehearse --check` does not expect a run. */
function refuseOptionsOfOther(command: NamedCommand, values: Parsed['values']): void {
  for (const [name, { commands: takers }] of options) {
    if (!(name in values) || takers.includes(command)) continue;
    throw new PlaybookError(
      {
        run: `--${name} goes with ${takers[0]} only: kvm-play ${takers[0]} --${name} ...`,
        rehearse: `rehearse takes no --${name}: it runs the site against a throwaway host of its own, twice`,
        network: `network takes no --${name}: it acts on the change that is pending on a host`,
        inventory: `inventory takes no --${name}: it only shows what is read of inventories`,
        completion: `completion takes no --${name}: it prints a script for a shell`,
      }[command],
    );
  }
}
