import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError } from '../lib/errors.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import { Secret } from '../lib/task/secret.ts';
import { type CommandStep, command as commandStep, type Disruption } from '../lib/task/step.ts';
import type { Missing, TaskOptions } from '../lib/task/task.ts';
import { absolutePath } from '../lib/validation/schemas.ts';
import { argvSchema, argvSubject, missingCommand, notRun } from './common/argv.ts';

/** Arguments of {@link command}. At most one of `creates`, `removes`, `unless` and `onlyIf` says how it is seen to be done. */
export interface CommandArgs {
  /** The command and its arguments. No shell splits or expands them; for a shell write `['sh', '-c', '…']`. */
  readonly argv: readonly string[];
  /** A path that is there once it is done. */
  readonly creates?: string;
  /** A path that is gone once it is done. */
  readonly removes?: string;
  /** A command that only looks, and exits with 0 when it is done. */
  readonly unless?: readonly string[];
  /** A command that only looks, and exits with 0 while it is due. */
  readonly onlyIf?: readonly string[];
  /** Text for its standard input, or a secret one. */
  readonly stdin?: string | Secret;
  /** The directory in which it is run, and in which `unless` and `onlyIf` look. Default `/`. */
  readonly cwd?: string;
}

/** The state that {@link command} compares. */
export interface CommandState {
  readonly done: boolean | 'cannot be known';
  readonly run: Once<{
    readonly argv: readonly string[];
    readonly cwd?: string;
    readonly stdin?: string | Secret;
    readonly disrupts?: Disruption;
  }>;
  /** How it is seen to be done; undefined where nobody can know. */
  readonly seenBy?: Once<Sign>;
}

/** The sign that the command is done: a path that exists or does not, or the exit code of another command. */
type Sign =
  | { readonly path: string; readonly isThere: boolean }
  | { readonly argv: readonly string[]; readonly succeeds: boolean };

const args = v.strictObject({
  argv: argvSchema("'argv'"),
  creates: v.optional(absolutePath('what it creates')),
  removes: v.optional(absolutePath('what it removes')),
  unless: v.optional(argvSchema("'unless'")),
  onlyIf: v.optional(argvSchema("'onlyIf'")),
  stdin: v.optional(v.union([v.string(), v.instance(Secret)], 'it is a text or a secret')),
  cwd: v.optional(absolutePath('the directory')),
} satisfies SchemaEntries<CommandArgs>);

type Parsed = v.InferOutput<typeof args>;

/**
 * Runs a command, for what no module does. Where it says how it is seen to be done, it is run when it is not, and must be done
 * afterwards. Where it does not, nobody can know whether it changes anything: it is run every time, counts as a change, and
 * every report says so.
 *
 * @example
 * ```ts
 * command({ argv: ['ssh-keygen', '-A'], creates: '/etc/ssh/ssh_host_ed25519_key' });
 * ```
 */
export const command: Module<CommandArgs, CommandState> = defineModule({
  name: 'command',
  args,
  desired,
  subject: ({ run }) => argvSubject(run.value.argv),
  provides: ({ seenBy }) =>
    seenBy !== undefined && 'path' in seenBy.value && seenBy.value.isThere ? [`file:${seenBy.value.path}`] : [],
  unknowable: ({ seenBy }) => seenBy === undefined,
  irreversible: true,
  read,
  plan,
});

function desired(parsed: Parsed, options: TaskOptions): CommandState {
  const { argv, cwd, stdin } = parsed;
  const disrupts = options.disrupts?.includes('link') ? 'link' : options.disrupts?.[0];
  if (disrupts === 'link' && stdin !== undefined) {
    throw new ArgumentError(
      "command: what cuts the link runs outside of the session and has no standard input; leave 'stdin' out, or write a file before",
    );
  }
  const sign = signOf(parsed);
  return {
    done: true,
    run: once({
      argv,
      ...(cwd !== undefined && { cwd }),
      ...(stdin !== undefined && { stdin }),
      ...(disrupts !== undefined && { disrupts }),
    }),
    ...(sign !== undefined && { seenBy: once(sign) }),
  };
}

function signOf({ creates, removes, unless, onlyIf }: Parsed): Sign | undefined {
  const given = Object.entries({ creates, removes, unless, onlyIf }).flatMap(([name, value]) =>
    value === undefined ? [] : [`'${name}'`],
  );
  if (given.length > 1) {
    throw new ArgumentError(
      `command: ${given.join(' and ')} may tell different things; name the one that says whether it is done`,
    );
  }
  if (creates !== undefined) return { path: creates, isThere: true };
  if (removes !== undefined) return { path: removes, isThere: false };
  if (unless !== undefined) return { argv: unless, succeeds: true };
  return onlyIf && { argv: onlyIf, succeeds: false };
}

async function read(
  host: ReadonlyHost,
  { run, seenBy }: CommandState,
): Promise<ModuleReading<CommandState, undefined>> {
  const { argv, cwd } = run.value;
  const [{ done, lacks }, missing, hasDirectory] = await Promise.all([
    seenBy === undefined ? { done: 'cannot be known' as const, lacks: [] } : look(host, seenBy.value, cwd),
    missingCommand(host, argv),
    cwd === undefined ? true : host.exists(cwd),
  ]);
  const lost = hasDirectory ? [] : [missingDirectory(cwd ?? '/')];
  return { state: { done }, found: undefined, missing: done === true ? [] : [...lacks, ...missing, ...lost] };
}

/** Where the command of `unless` is not there, what it looks for is not done; where that of `onlyIf` is not, nobody can tell. */
async function look(
  host: ReadonlyHost,
  sign: Sign,
  cwd: string | undefined,
): Promise<{ done: boolean; lacks: readonly Missing[] }> {
  if ('path' in sign) return { done: (await host.exists(sign.path)) === sign.isThere, lacks: [] };
  const { exitCode } = await host.query(inDirectory(cwd, sign.argv));
  const isBlind = !sign.succeeds && notRun.includes(exitCode);
  const lacks = isBlind ? await missingCommand(host, sign.argv) : [];
  return { done: lacks.length === 0 && (exitCode === 0) === sign.succeeds, lacks };
}

function missingDirectory(path: string): Missing {
  const remedy = `make it, e.g. with a task file({ path: '${path}', state: 'directory' }) before this one`;
  return { key: `file:${path}`, what: `there is no directory ${path}`, remedy };
}

function plan(_seen: ModuleReading<CommandState, undefined>, { run }: CommandState): readonly CommandStep[] {
  const { argv, cwd, ...options } = run.value;
  return [commandStep(inDirectory(cwd, argv), options)];
}

/** env(1) knows `-C` from coreutils 8.28 on only. */
function inDirectory(cwd: string | undefined, argv: readonly string[]): readonly string[] {
  return cwd === undefined ? argv : ['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', cwd, ...argv];
}
