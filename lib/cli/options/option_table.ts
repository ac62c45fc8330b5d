import { type CommandName, commandNames } from './commands.ts';
import type { ExtraVars } from './extra_vars.ts';
import { keysOf } from './keys.ts';

/** The values that options of each kind have. */
export interface KindValues {
  /** An option without a value. */
  readonly flag: boolean;
  /** A flag that counts how often it is given. */
  readonly counter: number;
  /** One text. */
  readonly text: string | undefined;
  /** A text each time that the option is given. */
  readonly texts: readonly string[];
  /** Texts separated by commas, each time that the option is given. */
  readonly list: readonly string[];
  /** A whole number from 1 on. */
  readonly count: number | undefined;
  /** One of the words that a shell completes; it always has a default. */
  readonly word: string;
  /** Values of variables, each time that the option is given. */
  readonly variables: readonly ExtraVars[];
}

/** An option: how it is written and read, what the help says of it, and what it goes together with. */
export interface Option {
  readonly kind: keyof KindValues;
  /** The heading under which the help lists it. */
  readonly section: 'Hosts' | 'What to do' | 'Which tasks' | 'What to show' | 'Rehearsal' | 'About the command';
  /** Its one-letter form. */
  readonly short?: string;
  /** What the help calls its value. Absent for flags and counters. */
  readonly value?: string;
  /** The value where it is not given. */
  readonly default?: string | number;
  /**
   * What it does, for the help, the shells and `docs/command.md`: a sentence without a full stop. It does not name the default or
   * the options that are implied; they are added.
   */
  readonly help: string;
  /** Commands that take it; any other command would ignore it, and refuses it. Default: all. */
  readonly commands?: readonly CommandName[];
  /** What a shell completes its value with: files, or these words. Default: nothing. */
  readonly completes?: 'files' | readonly string[];
  /** What to do instead of giving it an empty text, which is refused. Default: an empty text is taken. */
  readonly insteadOfEmpty?: string;
  /** Options that cannot be given together with it, and why. */
  readonly conflicts?: Readonly<Record<string, string>>;
  /** A flag that is set too when this option is given. */
  readonly implies?: string;
  /** The names of Ansible's options that do the same and are not understood here. */
  readonly ansible?: readonly string[];
}

/** Every option, in the order of the help. Parsing, checks, help, completion, and a test of `docs/command.md` are made from this table. */
export const optionTable = {
  host: {
    kind: 'texts',
    value: '[USER@]NAME[:PORT]',
    section: 'Hosts',
    help: "A host in place of the site's own hosts, for every play; repeatable; localhost is this machine, without SSH",
    commands: ['run', 'network'],
    conflicts: {
      inventory: 'choose hosts of an inventory with a pattern: --limit PATTERN, or network ACTION PATTERN',
    },
  },
  inventory: {
    kind: 'texts',
    value: 'FILE',
    completes: 'files',
    short: 'i',
    section: 'Hosts',
    help: "An inventory as in Ansible, whose names and patterns are the site's hosts; repeatable",
    commands: ['run', 'network', 'inventory'],
  },
  limit: {
    kind: 'text',
    value: 'PATTERN',
    insteadOfEmpty: 'leave it out to take all hosts',
    short: 'l',
    section: 'Hosts',
    help: 'Only some of the hosts, e.g. web:&dc1:!old; @failed stands for those that failed in the last run',
    commands: ['run'],
  },
  serial: {
    kind: 'count',
    value: 'N',
    section: 'Hosts',
    help: 'Run on batches of N hosts, and begin no further batch after a failure',
    commands: ['run'],
  },
  forks: {
    kind: 'count',
    value: 'N',
    default: 32,
    section: 'Hosts',
    help: 'Open at most N connections at a time; once they are open, all hosts run in parallel',
    commands: ['run'],
    ansible: ['-f'],
  },
  'private-key': {
    kind: 'text',
    value: 'FILE',
    completes: 'files',
    section: 'Hosts',
    help: 'The key that ssh tries first, before those that ssh_config names',
    commands: ['run', 'network'],
    ansible: ['--key-file'],
  },
  'ssh-config': {
    kind: 'text',
    value: 'FILE',
    completes: 'files',
    section: 'Hosts',
    help: 'An ssh_config in place of your own',
    commands: ['run', 'network'],
  },
  become: {
    kind: 'flag',
    section: 'Hosts',
    help: 'Become root by sudo on every host',
    commands: ['run', 'network'],
    ansible: ['-b', '-s'],
  },
  'ask-become-pass': {
    kind: 'flag',
    short: 'K',
    section: 'Hosts',
    help: 'Ask for the sudo password once, before connecting to any host',
    commands: ['run', 'network'],
  },
  check: {
    kind: 'flag',
    section: 'What to do',
    help: 'Report what would change, with commands and diffs, and change nothing',
    commands: ['run'],
    ansible: ['-C'],
  },
  'plan-out': {
    kind: 'text',
    value: 'FILE',
    completes: 'files',
    section: 'What to do',
    help: 'Write the predicted changes to a file, to be reviewed and applied',
    commands: ['run'],
    implies: 'check',
  },
  'apply-plan': {
    kind: 'text',
    value: 'FILE',
    completes: 'files',
    section: 'What to do',
    help: 'Apply exactly what such a file holds; write nothing on a host that has changed since',
    commands: ['run'],
    conflicts: {
      check: 'a plan is made in check mode, and applied without it',
      'plan-out': 'a plan is made in one run, and applied in another',
    },
  },
  'expect-no-change': {
    kind: 'flag',
    section: 'What to do',
    help: 'Exit with 3 if anything changes, or in check mode would change',
    commands: ['run'],
  },
  'restart-own-network': {
    kind: 'flag',
    section: 'What to do',
    help: 'On localhost, allow steps that cut the links of this machine itself, also outside a network change',
    commands: ['run'],
  },
  'extra-vars': {
    kind: 'variables',
    value: 'NAME=VALUE',
    short: 'e',
    section: 'What to do',
    help: 'Give variables of the site other values; repeatable; @FILE reads them from JSON or YAML',
    commands: ['run', 'rehearse'],
  },
  tags: {
    kind: 'list',
    value: 'TAGS',
    short: 't',
    section: 'Which tasks',
    help: 'Only tasks with one of these tags (separated by commas), and tasks tagged always; repeatable',
    commands: ['run'],
  },
  'skip-tags': {
    kind: 'list',
    value: 'TAGS',
    section: 'Which tasks',
    help: 'No tasks with one of these tags; repeatable',
    commands: ['run'],
  },
  'start-at-task': {
    kind: 'text',
    value: 'TITLE',
    section: 'Which tasks',
    help: 'Begin at the first task with this title',
    commands: ['run'],
  },
  'list-tasks': {
    kind: 'flag',
    section: 'Which tasks',
    help: 'List the plays and their tasks; connect to nothing',
    commands: ['run', 'rehearse'],
  },
  'list-tags': {
    kind: 'flag',
    section: 'Which tasks',
    help: 'List the tags of the tasks; connect to nothing',
    commands: ['run'],
  },
  'list-hosts': {
    kind: 'flag',
    section: 'Which tasks',
    help: 'List the hosts of the plays; connect to nothing',
    commands: ['run'],
  },
  diff: {
    kind: 'flag',
    section: 'What to show',
    help: 'Show changes of files as diffs and all other changes as before and after, also outside check mode',
    commands: ['run', 'rehearse'],
    ansible: ['-D'],
  },
  verbose: {
    kind: 'counter',
    short: 'v',
    section: 'What to show',
    help: 'Also show the commands and the skipped tasks; -vv also shows how long each task took',
    commands: ['run', 'rehearse'],
  },
  quiet: {
    kind: 'flag',
    short: 'q',
    section: 'What to show',
    help: 'Show only what changed, failed, was unreachable or warned, and the recap',
    commands: ['run', 'rehearse'],
    conflicts: {
      verbose: 'the one shows less, the other more',
      json: 'the JSON stream has every event',
    },
  },
  color: {
    kind: 'word',
    value: 'WHEN',
    default: 'auto',
    completes: ['auto', 'always', 'never'],
    section: 'What to show',
    help: 'Use colours: always, never, or auto, which means on a terminal and respects NO_COLOR and FORCE_COLOR',
    commands: ['run', 'rehearse'],
  },
  json: {
    kind: 'flag',
    section: 'What to show',
    help: 'Print one JSON object per event, one per line, and nothing else on standard output',
    commands: ['run', 'rehearse'],
  },
  junit: {
    kind: 'text',
    value: 'FILE',
    completes: 'files',
    section: 'What to show',
    help: 'Also write a JUnit report at the end',
    commands: ['run', 'rehearse'],
  },
  yes: {
    kind: 'flag',
    section: 'Rehearsal',
    help: 'Install the required Debian packages without asking',
    commands: ['rehearse'],
  },
  keep: {
    kind: 'flag',
    section: 'Rehearsal',
    help: 'Leave the throwaway host running, and print how to log in',
    commands: ['rehearse'],
  },
  network: {
    kind: 'word',
    value: 'KIND',
    default: 'auto',
    completes: ['auto', 'network-scripts', 'networkmanager', 'networkd', 'netplan', 'netplan-nm', 'ifupdown'],
    section: 'Rehearsal',
    help: "The network stack that owns the host's interface: auto (what the site's tasks need), network-scripts, networkmanager, networkd, netplan, netplan-nm or ifupdown",
    commands: ['rehearse'],
  },
  debian: {
    kind: 'word',
    value: 'RELEASE',
    default: '12',
    completes: ['12', '13'],
    section: 'Rehearsal',
    help: "The Debian release that the host's programs come from, 12 or 13; network-scripts come with 12 alone",
    commands: ['rehearse'],
  },
  'no-reboot': {
    kind: 'flag',
    section: 'Rehearsal',
    help: 'Do not reboot the host after the second run',
    commands: ['rehearse'],
  },
  remove: {
    kind: 'text',
    value: 'ID',
    section: 'Rehearsal',
    help: 'Remove a throwaway host that was kept',
    commands: ['rehearse'],
  },
  help: {
    kind: 'flag',
    short: 'h',
    section: 'About the command',
    help: 'Show this help',
  },
  version: {
    kind: 'flag',
    section: 'About the command',
    help: 'Show the version',
  },
} as const;

/** The name of an option, without dashes. */
export type OptionName = keyof typeof optionTable;

/** `list-tasks` as `listTasks`. */
type CamelCase<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** The value of an option: one of its words, what options of its kind have, or that without undefined where there is a default. */
type ValueOf<Described> = Described extends { kind: 'word'; completes: readonly (infer Word)[] }
  ? Word
  : Described extends { kind: infer Kind extends keyof KindValues }
    ? Described extends { default: unknown }
      ? NonNullable<KindValues[Kind]>
      : KindValues[Kind]
    : never;

/** The value of each option, under its name in camel case. */
export type OptionValues = {
  readonly [Name in OptionName as CamelCase<Name>]: ValueOf<(typeof optionTable)[Name]>;
};

/** The options by name, in the order of the help. */
export const options: ReadonlyMap<string, Option> = new Map(
  keysOf(optionTable).map((name) => [name, optionTable[name]]),
);

/** Gives the commands that take an option. */
export function takersOf({ commands = commandNames }: Option): readonly CommandName[] {
  return commands;
}

/** Tells whether an option may be given several times. */
export function isRepeatable({ kind }: Option): boolean {
  return kind !== 'text' && kind !== 'count' && kind !== 'word';
}

/** Spells an option as it is typed: `-i` and `--inventory`. */
export function spellingsOf(name: string, { short }: Pick<Option, 'short'>): readonly string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

/** The help of an option as it is shown: with its default and what it implies. */
export function fullHelp({ help, default: standard, implies }: Option): string {
  const remarks = [
    ...(standard === undefined ? [] : [`default: ${standard}`]),
    ...(implies === undefined ? [] : [`implies --${implies}`]),
  ];
  return remarks.length === 0 ? help : `${help} (${remarks.join('; ')})`;
}
