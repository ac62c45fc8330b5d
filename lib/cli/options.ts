import { type ParseArgsConfig, parseArgs, types } from 'node:util';
import { PlaybookError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { Values } from '../play.ts';

/** What can be done by hand about a network change that is pending on a host. */
export const networkActions = ['status', 'confirm', 'rollback', 'extend'] as const;

/** What is to be done about a network change, and where. */
export interface NetworkCommand {
  readonly action: (typeof networkActions)[number];
  readonly host: string;
  /** With `extend`: seconds from now on. */
  readonly seconds?: number;
}

/** What the command line asks for. */
export interface CommandLine {
  readonly command: 'run' | 'rehearse' | 'network';
  /** Present with the command `network`. */
  readonly network?: NetworkCommand;
  /** Path of the site; undefined only where no site is needed. */
  readonly site: string | undefined;
  readonly hosts: readonly string[];
  /** Path of an inventory. */
  readonly inventory: string | undefined;
  /** A pattern of hosts; `@failed` is those that failed last time. */
  readonly limit: string | undefined;
  /** Hosts at a time. */
  readonly serial: number | undefined;
  readonly privateKey: string | undefined;
  readonly sshConfig: string | undefined;
  readonly check: boolean;
  readonly diff: boolean;
  readonly listTasks: boolean;
  readonly listTags: boolean;
  readonly listHosts: boolean;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly startAtTask: string | undefined;
  readonly vars: Values;
  /** JSON files with values for variables; `vars` win over them. */
  readonly varFiles: readonly string[];
  readonly become: boolean;
  /** Connections that are being opened at a time. */
  readonly forks: number | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly expectNoChange: boolean;
  readonly restartOwnNetwork: boolean;
  readonly yes: boolean;
  readonly keep: boolean;
  /** Id of a kept host to take away. */
  readonly remove: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
}

const known = {
  host: { type: 'string', multiple: true, default: [] },
  inventory: { type: 'string', short: 'i' },
  limit: { type: 'string', short: 'l' },
  serial: { type: 'string' },
  'private-key': { type: 'string' },
  'ssh-config': { type: 'string' },
  check: { type: 'boolean', default: false },
  diff: { type: 'boolean', default: false },
  'list-tasks': { type: 'boolean', default: false },
  'list-tags': { type: 'boolean', default: false },
  'list-hosts': { type: 'boolean', default: false },
  tags: { type: 'string', short: 't', multiple: true, default: [] },
  'skip-tags': { type: 'string', multiple: true, default: [] },
  'start-at-task': { type: 'string' },
  'extra-vars': { type: 'string', short: 'e', multiple: true, default: [] },
  become: { type: 'boolean', default: false },
  forks: { type: 'string' },
  verbose: { type: 'boolean', short: 'v', default: false },
  json: { type: 'boolean', default: false },
  'expect-no-change': { type: 'boolean', default: false },
  'restart-own-network': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  remove: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const satisfies ParseArgsConfig['options'];

/** Options that only a rehearsal takes. */
const ofRehearse = ['yes', 'keep', 'remove'] as const;
/** Options that a rehearsal does not take: its host is its own, and it always applies, twice. */
const foreignToRehearse = [
  'host',
  'inventory',
  'limit',
  'serial',
  'private-key',
  'ssh-config',
  'become',
  'forks',
  'check',
  'expect-no-change',
  'restart-own-network',
  'tags',
  'skip-tags',
  'start-at-task',
] as const;

/** Options that say nothing about a network change: it is named by its host alone. */
const foreignToNetwork = [
  ...['host', 'inventory', 'limit', 'serial', 'check', 'diff', 'extra-vars', 'verbose', 'json'],
  ...['list-tasks', 'list-tags', 'list-hosts', 'tags', 'skip-tags', 'start-at-task', 'forks'],
  ...['expect-no-change', 'restart-own-network', 'yes', 'keep', 'remove'],
] as const;

/** The help text. */
export const usage = `Usage: kvm-play [options] SITE.ts
       kvm-play rehearse [--yes] [--keep] [-e NAME=VALUE] SITE.ts
       kvm-play rehearse --remove ID
       kvm-play network status|confirm|rollback HOST
       kvm-play network extend HOST SECONDS

Brings every host of a site to the described state, and reports what changed.

Hosts
  --host [USER@]NAME[:PORT]   in place of the site's own hosts; repeatable; localhost is this machine, without SSH
  -i, --inventory FILE        an inventory as Ansible's: INI, JSON or a program; the site's hosts are patterns in it
  -l, --limit PATTERN         only these hosts, e.g. web:&dc1:!old; @failed are those that failed last time
  --serial N                  so many hosts at a time, and no further ones after a failure
  --private-key FILE          the key to try first, before those of ssh_config
  --ssh-config FILE           an ssh_config in place of your own
  --become                    become root by sudo -n on every host
  --forks N                   open so many connections at a time (default 32); once open, all hosts go side by side

What to do
  --check                     say what would change, with commands and diffs; change nothing
  --expect-no-change          exit with 3 when anything changes, or in check mode would change
  --restart-own-network       allow steps that cut the links of this very machine, outside of a network change too
  -e, --extra-vars NAME=VALUE give a variable of the site another value; repeatable; @FILE reads them from JSON
  -t, --tags TAG[,TAG]        only tasks with one of these tags, and those tagged always
  --skip-tags TAG[,TAG]       no tasks with one of these tags
  --start-at-task TITLE       no tasks before this one
  --list-tasks                list the tasks, and connect to nothing
  --list-tags                 list their tags
  --list-hosts                list the hosts

What to show
  --diff                      show changes of files as diffs, and everything else as before and after
  -v, --verbose               show the commands as well, and skipped tasks
  --json                      one JSON object a line for each event
  -h, --help                  this
  --version                   the version

Rehearse: run a site against a throwaway host on this machine, twice, and show what came out
  --yes                       install the Debian packages that this takes, without asking
  --keep                      leave the host running, and say how to log in
  --remove ID                 take a kept host away

Network: a network change that is pending on a host, by hand
  status                      what is pending, since when, and when it rolls back; or what became of the last one
  confirm                     make it stay
  rollback                    take it back now, and wait for that
  extend                      give it so many seconds from now on

Exit codes
  0 every task is ok or changed      1 usage or playbook error, nothing was attempted
  2 a task failed                    3 --expect-no-change, and something changed
  4 a host could not be reached      5 a network change was rolled back, the host is as it was before
  6 a network change was not confirmed, and its roll-back could not be verified
  130 interrupted
`;

/** Reads the command line. @param args without the command's own name @throws PlaybookError that names the nearest right option */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const [first = ''] = positionals;
  const command = first === 'rehearse' || first === 'network' ? first : 'run';
  const rest = command === 'run' ? positionals : positionals.slice(1);
  refuseOptionsOfOther(command, values);
  if (values.inventory !== undefined && values.host.length > 0) {
    throw new PlaybookError('--host is in place of an inventory; choose among its hosts with --limit');
  }
  if (values.limit?.trim() === '') throw new PlaybookError('--limit is empty; leave it out to take all hosts');
  const needsMore = !values.help && !values.version && values.remove === undefined;
  const network = command === 'network' && needsMore ? parseNetwork(rest) : undefined;
  const site = command === 'network' ? undefined : onlySite(rest);
  if (site === undefined && network === undefined && needsMore) {
    throw new PlaybookError('name a site: kvm-play site.ts (see --help)');
  }
  return {
    command,
    ...(network && { network }),
    site,
    hosts: values.host,
    inventory: values.inventory,
    limit: values.limit,
    serial: values.serial === undefined ? undefined : readCount('--serial', values.serial),
    privateKey: values['private-key'],
    sshConfig: values['ssh-config'],
    check: values.check,
    diff: values.diff,
    listTasks: values['list-tasks'],
    listTags: values['list-tags'],
    listHosts: values['list-hosts'],
    tags: listed(values.tags),
    skipTags: listed(values['skip-tags']),
    startAtTask: values['start-at-task'],
    vars: Object.fromEntries(values['extra-vars'].filter((text) => !text.startsWith('@')).map(parseVariable)),
    varFiles: values['extra-vars'].filter((text) => text.startsWith('@')).map((text) => text.slice(1)),
    become: values.become,
    forks: values.forks === undefined ? undefined : readCount('--forks', values.forks),
    verbose: values.verbose,
    json: values.json,
    expectNoChange: values['expect-no-change'],
    restartOwnNetwork: values['restart-own-network'],
    yes: values.yes,
    keep: values.keep,
    remove: values.remove,
    help: values.help,
    version: values.version,
  };
}

type Parsed = ReturnType<typeof parseArgs<{ options: typeof known; allowPositionals: true }>>;

function parse(args: readonly string[]): Parsed {
  try {
    return parseArgs({ args: [...args], options: known, allowPositionals: true });
  } catch (error) {
    if (!types.isNativeError(error)) throw error;
    const option = /^Unknown option '(-[^']*)'/.exec(error.message)?.[1];
    if (option === undefined) throw new PlaybookError(error.message);
    const close = nearest(
      option,
      Object.keys(known).map((name) => `--${name}`),
    );
    throw new PlaybookError(
      `there is no option ${option}; ${close === undefined ? 'see --help' : `did you mean ${close}?`}`,
    );
  }
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

function onlySite(sites: readonly string[]): string | undefined {
  const [first = '', ...rest] = sites;
  if (rest.length === 0) return sites[0];
  const meant = nearest(first, ['rehearse', 'network']);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new PlaybookError(`one site at a time, and these are ${sites.length}: ${sites.join(', ')}${hint}`);
}

function parseNetwork([action = '', host, seconds, ...rest]: readonly string[]): NetworkCommand {
  const known = networkActions.find((each) => each === action);
  if (known === undefined) {
    const close = nearest(action, networkActions);
    const hint = close === undefined ? networkActions.join(', ') : `did you mean ${close}?`;
    throw new PlaybookError(`network does not know '${action}'; ${hint}`);
  }
  if (host === undefined) throw new PlaybookError(`name a host: kvm-play network ${known} HOST`);
  const surplus = known === 'extend' ? rest[0] : seconds;
  if (surplus !== undefined) throw new PlaybookError(`network ${known} takes one host, and was given '${surplus}' too`);
  if (known !== 'extend') return { action: known, host };
  if (seconds === undefined || !/^[1-9]\d{0,4}$/.test(seconds)) {
    throw new PlaybookError(`network extend takes a host and seconds, 1 to 99999: kvm-play network extend ${host} 120`);
  }
  return { action: known, host, seconds: Number(seconds) };
}

/** An option that would have no effect is a mistake: who says `rehearse --check` does not expect a run. */
function refuseOptionsOfOther(command: CommandLine['command'], values: Parsed['values']): void {
  const foreign = { run: ofRehearse, rehearse: foreignToRehearse, network: foreignToNetwork }[command];
  const given = foreign.find((name) => {
    const value = values[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  });
  if (given === undefined) return;
  throw new PlaybookError(
    {
      run: `--${given} goes with rehearse only: kvm-play rehearse --${given} ...`,
      rehearse: `rehearse takes no --${given}: it runs the site against a throwaway host of its own, twice`,
      network: `network takes no --${given}: it is about the change that is pending on one host`,
    }[command],
  );
}

function parseVariable(text: string): readonly [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new PlaybookError(`-e takes NAME=VALUE, and was given '${text}'`);
  }
  return [name, value];
}
