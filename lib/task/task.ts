import type { Location } from '../errors.ts';
import type { Difference } from './diff.ts';
import type { Facts } from './facts.ts';
import type { Provision } from './provision.ts';
import type { ReadonlyHost } from './readonly_host.ts';
import type { Secret } from './secret.ts';
import type { CommandStep, Disruption, Step } from './step.ts';

/** Says whether something is so on a host. Pure: check mode asks with what is foreseen, apply mode with what has happened. */
export type Condition = (known: Known) => boolean;

/**
 * What is known of a host when it is an item's turn: the host itself, and what became of earlier tasks. A result is reached through
 * the task, never through a name. In check mode results are those that apply would have.
 */
export interface Known {
  /** The host's name, as the user wrote it. */
  readonly host: string;
  readonly facts: Facts;
  /** True when the task changed something. @throws PlaybookError when it has not had its turn */
  changed(task: Task): boolean;
  /** True when the task failed, and the run went on. @throws PlaybookError when it has not had its turn */
  failed(task: Task): boolean;
  /** True when the task was not wanted. @throws PlaybookError when it has not had its turn */
  skipped(task: Task): boolean;
  /** The task's state before it changed anything; empty where it was skipped or failed. @throws PlaybookError when it has not had its turn */
  before<State>(task: Task<State>): Partial<State>;
  /** The task's state now; empty where it was skipped or failed. @throws PlaybookError when it has not had its turn */
  after<State>(task: Task<State>): Partial<State>;
}

/** Whoever asks for a result: a task, or another item of a play. */
export type Asking = Pick<Task, 'title' | 'location'>;

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

/** How a task leaves the host's network once everything that it wants is in force. */
export interface ExpectedNetwork {
  /** The links that the task changes. */
  readonly links?: readonly ExpectedLink[];
  /** Lockout reasons, one sentence each: why the host would lose its network, now or after the next boot. They refuse a network change. */
  readonly lockout?: readonly string[];
}

/** The state of one network link once a task is in force. */
export interface ExpectedLink {
  /** The link's name. */
  readonly link: string;
  /** The bridge that it is plugged into, and that has its address. */
  readonly bridge?: string;
  /** Where its IPv4 address comes from: a DHCP server, an address such as `192.168.221.150/24`, or nowhere. */
  readonly ipv4: 'dhcp' | 'none' | (string & {});
  /** The gateway that is configured together with it. */
  readonly gateway?: string;
  /** Where its IPv6 addresses come from. Left out where the module does not say. */
  readonly ipv6?: ExpectedIpv6;
  /** Its MAC. Left out where it cannot be foreseen. */
  readonly mac?: string;
  /** Destinations of the routes that files bring with it, of whatever table: `default`, `10.0.0.0/8`, `fd00:1::/64`. */
  readonly routes?: readonly string[];
  /** The link that takes its addresses over once it is gone. */
  readonly heir?: string;
  /** Seconds that it takes to forward packets once it is up: spanning tree listens and learns first. Default 0. */
  readonly delay?: number;
}

/** The IPv6 configuration of a link once a task is in force. */
export interface ExpectedIpv6 {
  /** Addresses with their prefix that are configured: `fd00::150/64`. */
  readonly addresses: readonly string[];
  /** True where it also takes addresses and routes from router advertisements. */
  readonly isAutomatic: boolean;
  /** The gateway that is configured together with them. */
  readonly gateway?: string;
}

/** @deprecated The old name of {@link ExpectedLink}. */
export type LinkOutlook = ExpectedLink;
/** @deprecated The old name of {@link ExpectedIpv6}. */
export type Ipv6Outlook = ExpectedIpv6;

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
export interface TaskReading<State = unknown> {
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
  /** How the task leaves the network. */
  readonly network: Required<ExpectedNetwork>;
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
  read(host: ReadonlyHost): Promise<TaskReading<State>>;
  /** What this task wants otherwise than an earlier one wants it of the very same thing: `actual` is what the earlier one wants. */
  contradicts(earlier: Task): readonly Difference[];
  /** Looks at what is in force; present when something else must load what the task writes. */
  readonly inForce?: (host: ReadonlyHost) => Promise<InForce>;
}

/** What became of one task on one host. */
export interface TaskResult<State = unknown> {
  /** True when the task did, or in check mode would do, something. */
  readonly changed: boolean;
  /** What was not as wanted. */
  readonly differences: readonly Difference[];
  /** The steps that were, or would be, executed. */
  readonly steps: readonly Step[];
  /** What a person should know, changed or not. */
  readonly warnings: readonly string[];
  /** What the task has found out, where that is what it is for. */
  readonly answer?: Answer;
  /** The task's state before. */
  readonly before: Partial<State>;
  /** The task's state afterwards, which in check mode is foreseen. */
  readonly after: Partial<State>;
}
