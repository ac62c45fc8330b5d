import { createHash } from 'node:crypto';
import { applyTask } from './apply_task.ts';
import { checkTask } from './check_task.ts';
import type { Difference } from './diff.ts';
import { contradictions, differences, expected } from './diff.ts';
import type { TaskResult } from './engine.ts';
import { KvmPlayError, type Location, PlaybookError } from './errors.ts';
import type { Host } from './hosts/host.ts';
import type { ReadonlyHost } from './hosts/readonly_host.ts';
import type { Condition } from './known.ts';
import { callerLocation } from './location.ts';
import { noteReflected } from './marker.ts';
import { explainDenied, lackOfRoot } from './need_root.ts';
import { refuseNonObject, refuseWrongTypes } from './option_types.ts';
import { checkProvisions, type Provision } from './provision.ts';
import { refuseMasks, type Secret, secretsIn } from './secret.ts';
import type { CommandStep, Disruption, Step } from './step.ts';
import { checkTaskOptions } from './task_options.ts';
import { refuseUnwritable } from './texts.ts';
import { fromUser } from './user_code.ts';

/** Something that a task leans on and that the host does not have. */
export interface Missing {
  /**
   * What would provide it, e.g. `tool:virsh`, `unit:libvirtd`, `pool:default`, `volume:disk.img`, `file:/x.iso`, `link:ens33`.
   * An earlier task whose `provides` holds the same key and that is about to change makes it no error.
   */
  readonly key: string;
  /** What was wanted and what was found, e.g. `there is no storage pool 'default'`. */
  readonly what: string;
  /** What to do next, e.g. `apt-get install virtinst`. */
  readonly remedy: string;
}

/** What a command that only looks has answered: it is why its task is there, so reports show it. */
export interface Answer {
  readonly exitCode: number;
  /** What it printed, as it is. */
  readonly stdout: string;
}

/** What a module's `read` answers. */
export interface Seen<State, Found> {
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
  /** For a module that changes network links: what each of them comes to once everything is loaded. */
  readonly links?: readonly LinkOutlook[];
  /** What would leave the host without its network, now or after the next boot: a network change is refused because of it. */
  readonly strands?: readonly string[];
}

/** What a network link comes to once a task is in force. */
export interface LinkOutlook {
  /** The link's name. */
  readonly link: string;
  /** The bridge that it is plugged into, and that has its address. */
  readonly bridge?: string;
  /** Where its IPv4 address comes from: a DHCP server, an address such as `192.168.221.150/24`, or nowhere. */
  readonly ipv4: 'dhcp' | 'none' | (string & {});
  /** The gateway that is configured together with it. */
  readonly gateway?: string;
  /** Where its IPv6 addresses come from. Left out where the module does not say. */
  readonly ipv6?: Ipv6Outlook;
  /** Its MAC. Left out where it cannot be foreseen. */
  readonly mac?: string;
  /** Destinations of the routes that files bring with it, of whatever table: `default`, `10.0.0.0/8`, `fd00:1::/64`. */
  readonly routes?: readonly string[];
  /** The link that takes its addresses over once it is gone. */
  readonly heir?: string;
  /** Seconds that it takes to forward packets once it is up: spanning tree listens and learns first. Default 0. */
  readonly delay?: number;
}

/** What a link will have of IPv6. */
export interface Ipv6Outlook {
  /** Addresses with their prefix that are configured: `fd00::150/64`. */
  readonly addresses: readonly string[];
  /** True where it also takes addresses and routes from router advertisements. */
  readonly isAutomatic: boolean;
  /** The gateway that is configured together with them. */
  readonly gateway?: string;
}

/** What holds on the live system of what a module has written. An empty list means that all of it holds. */
export interface InForce {
  /** What loading brings about and does not hold. */
  readonly loaded: readonly Difference[];
  /** What others have a part in (a lease) and does not hold yet: awaited within a bound, never a reason to load again. */
  readonly settled: readonly Difference[];
  /**
   * Commands that have to run right before it is loaded: they take away what loading itself would leave behind, such as a
   * bridge whose file is gone. They are read from the live system, so that it makes no difference whether the task has written
   * its files already. All of them cut the link, and run together with the command that loads.
   */
  readonly clearing?: readonly CommandStep[];
  /** What the live system loses once it is loaded and no file knows, one sentence each. It is told where loading is due. */
  readonly lost?: readonly string[];
}

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
  read(host: ReadonlyHost, desired: State): Promise<Seen<State, Found>>;
  /**
   * Says which steps lead from what was seen to what is wanted. Pure.
   * `due` names what a reflected task has written and the live system does not have; it is empty unless `loads` is true.
   * @throws UnsupportedChangeError when there is no such way
   */
  plan(seen: Seen<State, Found>, desired: State, due: readonly Difference[]): readonly Step[];
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

/** How often a task is tried before it counts as failed. */
export interface Retry {
  /** Default 3. */
  readonly attempts?: number;
  /** Seconds between the end of one attempt and the next look. Default 5. */
  readonly interval?: number;
}

/** Options that every task takes beside its module's arguments. `State` is what its module compares. */
export interface TaskOptions<State = unknown> {
  /** Earlier tasks whose written state this task loads (it must be a module that can, such as `service`): bridges, files, whatever changes. */
  readonly reflects?: readonly Task[];
  /** What this task may disturb: `link`, `guest` or `data`. A change that would disturb something else is refused. */
  readonly disrupts?: readonly Disruption[];
  /**
   * What the host has once this task has been applied, besides what its module says by itself: tasks behind it may lean on that,
   * and check mode counts it as there when this task would change something. For a command that makes a pool: `['pool:default']`.
   */
  readonly provides?: readonly Provision[];
  /** True when what this task writes is meant to be loaded later, outside of this play (an image that is being built). Default false. */
  readonly loadedLater?: boolean;
  /** Words by which tasks are chosen: `--tags`, `--skip-tags`. `always` is chosen unless it is skipped, `never` only when it is named. */
  readonly tags?: readonly string[];
  /** Says on each host, in the task's turn, whether it is wanted there at all. Default: it is. */
  readonly when?: Condition;
  /** True when the run goes on though the task fails. Default false. */
  readonly mayFail?: boolean;
  /** A task that fails is tried again. Default: it is not; with `until` it is. */
  readonly retry?: Retry;
  /** Must hold of the task's state in the end. A task of which it does not hold yet is tried again. */
  readonly until?: (state: Partial<State>) => boolean;
  /** Seconds that each command of the task may take at most. */
  readonly timeLimit?: number;
  /** Do it as root, by `sudo`, or as the user who logs in. Default: as the block or the play that it is in. */
  readonly become?: boolean;
}

/** What one look at a host says about a task. */
export interface Reading<State = unknown> {
  /** The actual state, as far as there is one. */
  readonly state: Partial<State>;
  /** What the state is once everything is as wanted. */
  readonly expected: Partial<State>;
  /** True when the task has to wait for its `until`. */
  readonly isAwaited: boolean;
  /** True when its `until` does not hold of what is foreseen either: something else than the task's own steps must bring it about. */
  readonly isAwaitedAfter: boolean;
  readonly differences: readonly Difference[];
  readonly missing: readonly Missing[];
  /** What is missing beside, should anything have to be changed. */
  readonly missingToChange: readonly Missing[];
  readonly warnings: readonly string[];
  readonly answer?: Answer;
  readonly settling: boolean;
  readonly links: readonly LinkOutlook[];
  readonly strands: readonly string[];
  /** Says which steps lead from here to what is wanted. @throws UnsupportedChangeError */
  plan(due: readonly Difference[]): readonly Step[];
}

/**
 * One task of a play: a module with validated arguments. It holds no host and no result, and can be used for many hosts at once.
 * `State` is what its module compares.
 */
export interface Task<State = unknown> {
  readonly title: string;
  /** The module's name. */
  readonly module: string;
  /** What the task is about, e.g. `br0`. */
  readonly subject: string;
  /** The line of the site that made it. */
  readonly location: Location | undefined;
  readonly reflects: readonly Task[];
  readonly disrupts: readonly Disruption[];
  readonly loadedLater: boolean;
  readonly tags: readonly string[];
  readonly when: Condition | undefined;
  readonly mayFail: boolean;
  /** undefined for a task that is tried once. */
  readonly retry: Required<Retry> | undefined;
  readonly timeLimit: number | undefined;
  readonly become: boolean | undefined;
  readonly provides: readonly string[];
  /** True when nobody can know whether it changes anything. */
  readonly isUnknowable: boolean;
  /** True when a network change could not take it back. */
  readonly isIrreversible: boolean;
  /** What nobody may see of it. */
  readonly secrets: readonly Secret[];
  /** The same for every task that wants the same, in this run and in another. It says nothing of secrets: a hash can be guessed. */
  readonly fingerprint: string;
  /** Looks at a host. */
  read(host: ReadonlyHost): Promise<Reading<State>>;
  /** What this task wants otherwise than an earlier one wants it of the very same thing: `actual` is what the earlier one wants. */
  contradicts(earlier: Task): readonly Difference[];
  /** Looks at what is in force; present when something else must load what the task writes. */
  readonly inForce?: (host: ReadonlyHost) => Promise<InForce>;
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
    async read(host: ReadonlyHost): Promise<Reading<State>> {
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
        links: seen.links ?? [],
        strands: seen.strands ?? [],
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
