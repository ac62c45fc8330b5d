import { type ParseArgsConfig, parseArgs, types } from 'node:util';
import { PlaybookError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { Values } from '../play.ts';

/** What the command line asks for. */
export interface CommandLine {
  readonly command: 'run' | 'rehearse';
  /** Path of the site; undefined only where no site is needed. */
  readonly site: string | undefined;
  readonly hosts: readonly string[];
  readonly privateKey: string | undefined;
  readonly sshConfig: string | undefined;
  readonly check: boolean;
  readonly diff: boolean;
  readonly listTasks: boolean;
  readonly vars: Values;
  readonly become: boolean;
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
  'private-key': { type: 'string' },
  'ssh-config': { type: 'string' },
  check: { type: 'boolean', default: false },
  diff: { type: 'boolean', default: false },
  'list-tasks': { type: 'boolean', default: false },
  'extra-vars': { type: 'string', short: 'e', multiple: true, default: [] },
  become: { type: 'boolean', default: false },
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
const notOfRehearse = [
  'host',
  'private-key',
  'ssh-config',
  'become',
  'check',
  'expect-no-change',
  'restart-own-network',
] as const;

/** The help text. */
export const usage = `Usage: kvm-play [options] SITE.ts
       kvm-play rehearse [--yes] [--keep] [-e NAME=VALUE] SITE.ts
       kvm-play rehearse --remove ID

Brings every host of a site to the described state, and reports what changed.

Hosts
  --host [USER@]NAME[:PORT]   in place of the site's own hosts; repeatable; localhost is this machine, without SSH
  --private-key FILE          the key to try first, before those of ssh_config
  --ssh-config FILE           an ssh_config in place of your own
  --become                    become root by sudo -n on every host

What to do
  --check                     say what would change, with commands and diffs; change nothing
  --expect-no-change          exit with 3 when anything changes, or in check mode would change
  --restart-own-network       allow steps that cut the links of this very machine
  --list-tasks                list the tasks, and connect to nothing
  -e, --extra-vars NAME=VALUE give a variable of the site another value; repeatable

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

Exit codes
  0 every task is ok or changed      1 usage or playbook error, nothing was attempted
  2 a task failed                    3 --expect-no-change, and something changed
  4 a host could not be reached      130 interrupted
`;

/** Reads the command line. @param args without the command's own name @throws PlaybookError that names the nearest right option */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const command = positionals[0] === 'rehearse' ? 'rehearse' : 'run';
  const site = onlySite(command === 'rehearse' ? positionals.slice(1) : positionals);
  refuseOptionsOfOther(command, values);
  const needsSite = !values.help && !values.version && values.remove === undefined;
  if (site === undefined && needsSite) throw new PlaybookError('name a site: kvm-play site.ts (see --help)');
  return {
    command,
    site,
    hosts: values.host,
    privateKey: values['private-key'],
    sshConfig: values['ssh-config'],
    check: values.check,
    diff: values.diff,
    listTasks: values['list-tasks'],
    vars: Object.fromEntries(values['extra-vars'].map(parseVariable)),
    become: values.become,
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

function onlySite(sites: readonly string[]): string | undefined {
  const [first = '', ...rest] = sites;
  if (rest.length === 0) return sites[0];
  const meant = nearest(first, ['rehearse']);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new PlaybookError(`one site at a time, and these are ${sites.length}: ${sites.join(', ')}${hint}`);
}

/** An option that would have no effect is a mistake: who says `rehearse --check` does not expect a run. */
function refuseOptionsOfOther(command: CommandLine['command'], values: Parsed['values']): void {
  const foreign = command === 'rehearse' ? notOfRehearse : ofRehearse;
  const given = foreign.find((name) => {
    const value = values[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  });
  if (given === undefined) return;
  throw new PlaybookError(
    command === 'rehearse'
      ? `rehearse takes no --${given}: it runs the site against a throwaway host of its own, twice`
      : `--${given} goes with rehearse only: kvm-play rehearse --${given} ...`,
  );
}

function parseVariable(text: string): readonly [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new PlaybookError(`-e takes NAME=VALUE, and was given '${text}'`);
  }
  return [name, value];
}
