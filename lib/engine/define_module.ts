import { createHash } from 'node:crypto';
import { KvmPlayError, type Location, PlaybookError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { Difference } from '../task/diff.ts';
import { contradictions, differences, expected } from '../task/diff.ts';
import { callerLocation } from '../task/location.ts';
import { checkProvisions } from '../task/provision.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import { refuseMasks, secretsIn } from '../task/secret.ts';
import type { Step } from '../task/step.ts';
import type {
  Answer,
  ExpectedLink,
  ExpectedNetwork,
  InForce,
  Missing,
  Task,
  TaskOptions,
  TaskReading,
  TaskResult,
} from '../task/task.ts';
import { checkTaskOptions } from '../task/task_options.ts';
import { fromUser } from '../task/user_code.ts';
import { refuseNonObject, refuseWrongTypes } from '../validation/option_types.ts';
import { refuseUnwritable } from '../validation/texts.ts';
import { applyTask } from './apply_task.ts';
import { checkTask } from './check_task.ts';
import { noteReflected } from './marker.ts';
import { explainDenied, lackOfRoot } from './need_root.ts';

/** What a module's `read` answers. */
export interface ModuleReading<State, Found> {
  /** The actual state in canonical form, in the same terms as `desired`; keys that do not hold anything are left out. It alone is compared. */
  readonly state: Partial<State>;
  /** Whatever `plan` needs besides (a file's text, a guest's XML). */
  readonly found: Found;
  /** What the task leans on and the host lacks. `state` then says what holds as far as it can be seen. */
  readonly missing?: readonly Missing[];
  /** What the host lacks beside, should anything have to be changed, e.g. a file system that can be written to. */
  readonly missingToChange?: readonly Missing[];
  /** Things that a person should know, changed or not, e.g. a console open to the network. */
  readonly warnings?: readonly string[];
  /** What a person wants to know of it, whether or not anything differs. */
  readonly answer?: Answer;
  /** True while the state is on its way to another (a unit that is starting): the engine reads again, within a bound. */
  readonly settling?: boolean;
  /** True where only root can change what was seen. Default: as the module says of all its tasks. */
  readonly needsRoot?: boolean;
  /** For a module that changes the network: how the task leaves it. */
  readonly network?: ExpectedNetwork;
  /** @deprecated Use `network.links`. */
  readonly links?: readonly ExpectedLink[];
  /** @deprecated Use `network.lockout`. */
  readonly strands?: readonly string[];
}

/** @deprecated The old name of {@link ModuleReading}. */
export type Seen<State, Found> = ModuleReading<State, Found>;

/** What the author of a module writes. The engine derives `check` and `apply` from it. */
export interface ModuleSpec<Args extends object, State extends object, Found> {
  /** The module's name in snake_case. */
  readonly name: string;
  /**
   * Validates the arguments and makes them canonical. Pure. The options that every task takes may stand among them;
   * `parseArguments` passes over those.
   * @throws ArgumentError
   */
  desired(args: Args): State;
  /** Names what the task is about: `br0`, `network`, `gibbon`. It stands in titles, and names the marker of a written but not loaded change. */
  subject(desired: State): string;
  /** Keys of {@link Missing} that exist once this task has been applied. */
  provides?(desired: State): readonly string[];
  /** Looks, and only looks. */
  read(host: ReadonlyHost, desired: State): Promise<ModuleReading<State, Found>>;
  /**
   * Says which steps lead from what was seen to what is wanted. Pure.
   * `due` names what a reflected task has written and the live system does not have; it is empty unless `loads` is true.
   * @throws UnsupportedChangeError when there is no such way
   */
  plan(seen: ModuleReading<State, Found>, desired: State, due: readonly Difference[]): readonly Step[];
  /** For a module that writes what something else must load: says what of it holds on the live system. Only looks. */
  inForce?(host: ReadonlyHost, desired: State): Promise<InForce>;
  /** True for a module whose steps only root can take: to another user that is said at the first look. */
  readonly needsRoot?: true;
  /** True for a module whose tasks can load what others have written, and so take `reflects`. */
  readonly loads?: true;
  /**
   * Tells of a task whose state cannot be known (a bare command): it is applied on every run and not looked at afterwards, and
   * every report says so.
   */
  unknowable?(desired: State): boolean;
  /** True for a module of whose steps nobody knows how to take them back: its tasks have no place in a network change. */
  readonly irreversible?: true;
}

/** A module as sites and programs use it. Called, it makes a task for a play; `check` and `apply` work on one host at once. */
export interface Module<Args extends object, State extends object = object> {
  /** Makes a task. @throws ArgumentError at the caller's line */
  (args: Args & TaskOptions<State>): Task<State>;
  /** Makes a task with a title of its own. @throws ArgumentError at the caller's line */
  (title: string, args: Args & TaskOptions<State>): Task<State>;
  /** The module's name in snake_case. */
  readonly module: string;
  /** Says what `apply` would do to a host, and changes nothing. */
  check(host: Host, args: Args & TaskOptions<State>): Promise<TaskResult<State>>;
  /** Brings a host to the wanted state. @throws KvmPlayError */
  apply(host: Host, args: Args & TaskOptions<State>): Promise<TaskResult<State>>;
}

/**
 * Makes a module from what its author writes.
 *
 * @example
 * ```ts
 * export const hostname = defineModule<{ name: string }, { name: string }, undefined>({
 *   name: 'hostname',
 *   desired: (args) => ({ name: args.name }),
 *   subject: (desired) => desired.name,
 *   read: async (host) => ({ state: { name: (await host.query(['hostname'])).stdout.trim() }, found: undefined }),
 *   plan: (_seen, desired) => [command(['hostnamectl', 'set-hostname', desired.name])],
 * });
 * ```
 */
export function defineModule<Args extends object, State extends object, Found>(
  spec: ModuleSpec<Args, State, Found>,
): Module<Args, State> {
  const parts = { name: 'text', desired: 'function', subject: 'function', read: 'function', plan: 'function' } as const;
  fromUser({ title: 'defineModule', location: callerLocation() }, () => {
    refuseNonObject('defineModule', spec);
    refuseWrongTypes('defineModule', spec, parts, Object.keys(parts));
  });
  function makeTask(first: string | (Args & TaskOptions<State>), second?: Args & TaskOptions<State>): Task<State> {
    const [title, args] = typeof first === 'string' ? [first, second] : [undefined, first];
    const location = callerLocation();
    try {
      refuseNonObject(spec.name, args, 'arguments');
      return newTask(spec, title, args, location);
    } catch (error) {
      if (error instanceof KvmPlayError) error.at({ task: title ?? spec.name, location });
      throw error;
    }
  }
  return Object.assign(makeTask, {
    module: spec.name,
    check: async (host: Host, args: Args & TaskOptions<State>) => checkTask(host, makeTask(args)),
    apply: async (host: Host, args: Args & TaskOptions<State>) => applyTask(host, makeTask(args)),
  });
}

function newTask<Args extends object, State extends object, Found>(
  spec: ModuleSpec<Args, State, Found>,
  title: string | undefined,
  args: Args & TaskOptions<State>,
  location: Location | undefined,
): Task<State> {
  const {
    reflects = [],
    disrupts = [],
    loadedLater = false,
    tags = [],
    when,
    mayFail = false,
    until,
    timeLimit,
    become,
  } = args;
  checkTaskOptions(spec.name, args);
  const { reflects: _others, ...texts } = args;
  refuseUnwritable(spec.name, { ...texts, ...(title !== undefined && { title }) });
  checkProvisions(args.provides ?? []);
  const desired = spec.desired(args);
  refuseMasks(spec.name, desired);
  const secrets = secretsIn(desired);
  const subject = spec.subject(desired);
  if (reflects.length > 0 && spec.loads !== true) {
    throw new PlaybookError(`${spec.name} cannot load what another task has written, so it takes no 'reflects'`);
  }
  noteReflected(reflects);
  const { inForce } = spec;
  const isUnknowable = spec.unknowable?.(desired) ?? false;
  if (isUnknowable && until !== undefined) {
    throw new PlaybookError(
      `${spec.name}: its state cannot be known, so 'until' has nothing to wait for; let the task say how to tell that it is done ('creates', 'removes', 'unless' or 'onlyIf')`,
    );
  }
  const ownTitle = title ?? `${spec.name} ${subject}`;
  const holds = (state: Partial<State>): boolean =>
    until === undefined || fromUser({ title: ownTitle, location }, () => until(state));
  const task: Task<State> = Object.freeze({
    title: ownTitle,
    module: spec.name,
    subject,
    location,
    reflects,
    disrupts,
    loadedLater,
    tags,
    when,
    mayFail,
    retry: args.retry === undefined && until === undefined ? undefined : { attempts: 3, interval: 5, ...args.retry },
    timeLimit,
    become,
    provides: [...(spec.provides?.(desired) ?? []), ...(args.provides ?? [])],
    isUnknowable,
    isIrreversible: spec.irreversible ?? false,
    secrets,
    fingerprint: createHash('sha256')
      .update(JSON.stringify([spec.name, desired]))
      .digest('hex'),
    async read(host: ReadonlyHost): Promise<TaskReading<State>> {
      for (const each of secrets) await each.reveal();
      const [user, seen] = await Promise.all([host.user(), spec.read(host, desired)]).catch(async (error: unknown) => {
        await explainDenied(host, error);
        throw error;
      });
      const needsRoot = seen.needsRoot ?? spec.needsRoot ?? false;
      const foreseen = expected(desired, seen.state);
      return {
        state: seen.state,
        expected: foreseen,
        isAwaited: !holds(seen.state),
        isAwaitedAfter: !holds(foreseen),
        differences: differences(desired, seen.state),
        missing: seen.missing ?? [],
        missingToChange: [...(needsRoot && user !== 'root' ? [lackOfRoot(user)] : []), ...(seen.missingToChange ?? [])],
        warnings: seen.warnings ?? [],
        ...(seen.answer && { answer: seen.answer }),
        settling: seen.settling ?? false,
        network: {
          links: seen.network?.links ?? seen.links ?? [],
          lockout: seen.network?.lockout ?? seen.strands ?? [],
        },
        plan: (due) => spec.plan(seen, desired, due),
      };
    },
    contradicts: (earlier: Task) => {
      const wantedBefore = earlier.module === spec.name && earlier.subject === subject ? wants.get(earlier) : undefined;
      return wantedBefore === undefined ? [] : contradictions(desired, wantedBefore);
    },
    ...(inForce && { inForce: (host: ReadonlyHost) => inForce(host, desired) }),
  });
  wants.set(task, desired);
  return task;
}

/** What each task wants, for those that are about the same thing. */
const wants = new WeakMap<Task, object>();
