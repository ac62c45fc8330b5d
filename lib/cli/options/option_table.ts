import type { ParseArgsConfig } from 'node:util';
import type { NamedCommand } from './commands.ts';

type ParseArgsOption = NonNullable<ParseArgsConfig['options']>[string];

/** An option: how it is read, what the help says of it, and which commands take it. */
export interface Option extends ParseArgsOption {
  /** Heading in the help. */
  readonly section: 'Hosts' | 'What to do' | 'What to show' | 'Rehearse';
  /** What its value is called. Present with the type `string`. */
  readonly value?: string;
  readonly help: string;
  /** Commands that take it. Where another one would pass over it, it is refused. */
  readonly commands: readonly NamedCommand[];
  /** What a shell completes its value with: files, or these words. Default: nothing. */
  readonly completes?: 'files' | readonly string[];
}

/** Every option. The parser, the help and the shells' completion are made from this table. */
export const optionTable = {
  host: {
    type: 'string',
    multiple: true,
    section: 'Hosts',
    value: '[USER@]NAME[:PORT]',
    help: "in place of the site's own hosts; repeatable; localhost is this machine, without SSH",
    commands: ['run', 'network'],
  },
  inventory: {
    type: 'string',
    short: 'i',
    multiple: true,
    section: 'Hosts',
    value: 'FILE',
    help: "an inventory as Ansible's, repeatable; the site's hosts are patterns in it",
    commands: ['run', 'network', 'inventory'],
    completes: 'files',
  },
  limit: {
    type: 'string',
    short: 'l',
    section: 'Hosts',
    value: 'PATTERN',
    help: 'only these hosts, e.g. web:&dc1:!old; @failed: those that failed or were not begun before',
    commands: ['run'],
  },
  serial: {
    type: 'string',
    section: 'Hosts',
    value: 'N',
    help: 'so many hosts at a time, and no further ones after a failure',
    commands: ['run'],
  },
  'private-key': {
    type: 'string',
    section: 'Hosts',
    value: 'FILE',
    help: 'the key to try first, before those of ssh_config',
    commands: ['run', 'network'],
    completes: 'files',
  },
  'ssh-config': {
    type: 'string',
    section: 'Hosts',
    value: 'FILE',
    help: 'an ssh_config in place of your own',
    commands: ['run', 'network'],
    completes: 'files',
  },
  become: {
    type: 'boolean',
    section: 'Hosts',
    help: 'become root by sudo on every host',
    commands: ['run', 'network'],
  },
  'ask-become-pass': {
    type: 'boolean',
    short: 'K',
    section: 'Hosts',
    help: 'ask for the password that sudo wants, once, for all hosts',
    commands: ['run', 'network'],
  },
  forks: {
    type: 'string',
    section: 'Hosts',
    value: 'N',
    help: 'open so many connections at a time (default 32); once open, all hosts go side by side',
    commands: ['run'],
  },
  check: {
    type: 'boolean',
    section: 'What to do',
    help: 'say what would change, with commands and diffs; change nothing',
    commands: ['run'],
  },
  'plan-out': {
    type: 'string',
    section: 'What to do',
    value: 'FILE',
    help: 'check, and write what was foreseen to a file, to be reviewed and applied; implies --check',
    commands: ['run'],
    completes: 'files',
  },
  'apply-plan': {
    type: 'string',
    section: 'What to do',
    value: 'FILE',
    help: 'apply exactly what such a file holds; on a host that has moved since, write nothing',
    commands: ['run'],
    completes: 'files',
  },
  'expect-no-change': {
    type: 'boolean',
    section: 'What to do',
    help: 'exit with 3 when anything changes, or in check mode would change',
    commands: ['run'],
  },
  'restart-own-network': {
    type: 'boolean',
    section: 'What to do',
    help: 'allow steps that cut the links of this very machine, outside of a network change too',
    commands: ['run'],
  },
  'list-tasks': {
    type: 'boolean',
    section: 'What to do',
    help: 'list the tasks, and connect to nothing',
    commands: ['run', 'rehearse'],
  },
  'list-tags': {
    type: 'boolean',
    section: 'What to do',
    help: 'list their tags',
    commands: ['run'],
  },
  'list-hosts': {
    type: 'boolean',
    section: 'What to do',
    help: 'list the hosts',
    commands: ['run'],
  },
  tags: {
    type: 'string',
    short: 't',
    multiple: true,
    section: 'What to do',
    value: 'TAG[,TAG]',
    help: 'only tasks with one of these tags, and those tagged always',
    commands: ['run'],
  },
  'skip-tags': {
    type: 'string',
    multiple: true,
    section: 'What to do',
    value: 'TAG[,TAG]',
    help: 'no tasks with one of these tags',
    commands: ['run'],
  },
  'start-at-task': {
    type: 'string',
    section: 'What to do',
    value: 'TITLE',
    help: 'no tasks before this one',
    commands: ['run'],
  },
  'extra-vars': {
    type: 'string',
    short: 'e',
    multiple: true,
    section: 'What to do',
    value: 'NAME=VALUE',
    help: 'give variables of the site other values; repeatable; @FILE reads them from JSON or YAML',
    commands: ['run', 'rehearse'],
  },
  diff: {
    type: 'boolean',
    section: 'What to show',
    help: 'show changes of files as diffs, and everything else as before and after',
    commands: ['run', 'rehearse'],
  },
  verbose: {
    type: 'boolean',
    short: 'v',
    multiple: true,
    section: 'What to show',
    help: 'show the commands as well, and skipped tasks; -vv: how long each task took, too',
    commands: ['run', 'rehearse'],
  },
  quiet: {
    type: 'boolean',
    short: 'q',
    section: 'What to show',
    help: 'show only what changed, failed, was unreachable or warned, and the recap',
    commands: ['run', 'rehearse'],
  },
  color: {
    type: 'string',
    section: 'What to show',
    value: 'WHEN',
    help: 'auto (the default: on a terminal; NO_COLOR and FORCE_COLOR are respected), always or never',
    commands: ['run', 'rehearse'],
    completes: ['auto', 'always', 'never'],
  },
  json: {
    type: 'boolean',
    section: 'What to show',
    help: 'one JSON object a line for each event',
    commands: ['run', 'rehearse'],
  },
  junit: {
    type: 'string',
    section: 'What to show',
    value: 'FILE',
    help: 'write a JUnit report at the end as well',
    commands: ['run', 'rehearse'],
    completes: 'files',
  },
  help: {
    type: 'boolean',
    short: 'h',
    section: 'What to show',
    help: 'this',
    commands: ['run', 'rehearse', 'network', 'inventory', 'completion'],
  },
  version: {
    type: 'boolean',
    section: 'What to show',
    help: 'the version',
    commands: ['run', 'rehearse', 'network', 'inventory', 'completion'],
  },
  yes: {
    type: 'boolean',
    section: 'Rehearse',
    help: 'install the Debian packages that this takes, without asking',
    commands: ['rehearse'],
  },
  keep: {
    type: 'boolean',
    section: 'Rehearse',
    help: 'leave the host running, and say how to log in',
    commands: ['rehearse'],
  },
  remove: {
    type: 'string',
    section: 'Rehearse',
    value: 'ID',
    help: 'take a kept host away',
    commands: ['rehearse'],
  },
} as const;

/** The options by name, for whoever goes through all of them. */
export const options: readonly (readonly [name: string, option: Option])[] = Object.entries(optionTable);
