import type { Location } from '../errors.ts';
import type { Difference } from './diff.ts';
import type { Facts } from './facts.ts';
import type { Provision } from './provision.ts';
import type { ReadonlyHost } from './readonly_host.ts';
import type { Secret } from './secret.ts';
import type { CommandStep, Disruption, Step } from './step.ts';

/** A condition on a host. Pure: check mode evaluates it with predicted results, apply mode with actual ones. */
export type Condition = (known: Known) => boolean;

/**
 * The results and facts of a host, as known when an item is about to run. Results are addressed by the task, never by a name. In check
 * mode a result is the one that apply would have.
 */
export interface Known {
  /** The host's name, as the user wrote it. */
  readonly host: string;
  readonly facts: Facts;
  /** True when the task changed something. @throws PlaybookError if it has not run yet */
  changed(task: Task): boolean;
  /** True when the task failed, and the run went on. @throws PlaybookError if it has not run yet */
  failed(task: Task): boolean;
  /** True when the task was not wanted. @throws PlaybookError if it has not run yet */
  skipped(task: Task): boolean;
  /** The task's state before it changed anything; empty if it was skipped or failed. @throws PlaybookError if it has not run yet */
  before<State>(task: Task<State>): Partial<State>;
  /** The task's state now; empty if it was skipped or failed. @throws PlaybookError if it has not run yet */
  after<State>(task: Task<State>): Partial<State>;
}

/** The item that asks for a result: a task, or another item of a play. */
export type Asking = Pick<Task, 'title' | 'location'>;

/** Something that a task depends on and that the host does not have. */
export interface Missing {
  /**
   * What would provide it, e.g. `tool:virsh`, `unit:libvirtd`, `pool:default`, `volume:disk.img`, `file:/x.iso`, `link:ens33`.
   * It is no error if an earlier task whose `provides` holds the same key is about to change something.
   */
  readonly key: string;
  /** What was wanted and what was found, e.g. `there is no storage pool 'default'`. */
  readonly what: string;
  /** What to do next, e.g. `apt-get install virtinst`. */
  readonly remedy: string;
}

/** The output of a read-only command. Reports show it, because it is the purpose of its task. */
export interface Answer {
  readonly exitCode: number;
  /** Its standard output, unchanged. */
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
  /** False where nothing brings it up at boot. Default true. */
  readonly isUpAtBoot?: boolean;
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

/** Which parts of what a module has written do not hold on the live system. Empty lists mean that everything holds. */
export interface InForce {
  /** What loading would bring about and does not hold. */
  readonly loaded: readonly Difference[];
  /** What also depends on others (a lease) and does not hold yet: awaited for a limited time, never a reason to load again. */
  readonly settled: readonly Difference[];
  /**
   * Commands to run immediately before loading: they remove what loading itself would leave behind, such as a bridge whose file is
   * gone. They are derived from the live system, so that it makes no difference whether the task has already written its files. All
   * of them cut the link, and run together with the command that loads.
   */
  readonly clearing?: readonly CommandStep[];
  /** What loading removes from the live system and no file holds, one sentence each. It is reported if loading is due. */
  readonly lost?: readonly string[];
}

/** How often a task is attempted before it counts as failed. */
export interface Retry {
  /** Default 3. */
  readonly attempts?: number;
  /** Seconds between the end of one attempt and the next read. Default 5. */
  readonly interval?: number;
}

/** Options that every task takes besides its module's arguments. `State` is what its module compares. */
export interface TaskOptions<State = unknown> {
  /** Earlier tasks of any module whose output this task loads. Only a module that can load takes it, such as `service`. */
  readonly reflects?: readonly Task[];
  /** What this task may disturb. A change that would disturb anything else is refused. */
  readonly disrupts?: readonly Disruption[];
  /**
   * What the host has once this task has been applied, besides what its module states itself. Later tasks may depend on it, and check
   * mode counts it as present if this task would change something. For a command that makes a pool: `['pool:default']`.
   */
  readonly provides?: readonly Provision[];
  /** True if what this task writes is loaded outside this play (an image that is being built). Default false. */
  readonly loadedLater?: boolean;
  /** Words by which tasks are chosen: `--tags`, `--skip-tags`. `always` is chosen unless it is skipped, `never` only when it is named. */
  readonly tags?: readonly string[];
  /** A condition, evaluated on each host immediately before the task would run: whether it is wanted there. Default: it is. */
  readonly when?: Condition;
  /** True if the run goes on although the task fails. Default false. */
  readonly mayFail?: boolean;
  /** How often a task that fails is attempted. Default: once; with `until`, three times every 5 s. */
  readonly retry?: Retry;
  /** A condition on the task's state. A task whose state does not meet it yet is attempted again. */
  readonly until?: (state: Partial<State>) => boolean;
  /** The most seconds that each command of the task may take. */
  readonly timeLimit?: number;
  /** Whether the task runs as root, by `sudo`, or as the user who logs in. Default: as the block or the play that it is in. */
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
  /** What else is missing if something has to change. */
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
  /** The desired state, as the module made it of the arguments. */
  readonly desired: State;
  readonly reflects: readonly Task[];
  readonly disrupts: readonly Disruption[];
  readonly loadedLater: boolean;
  readonly tags: readonly string[];
  readonly when: Condition | undefined;
  readonly mayFail: boolean;
  /** undefined for a task that is attempted once. */
  readonly retry: Required<Retry> | undefined;
  readonly timeLimit: number | undefined;
  readonly become: boolean | undefined;
  readonly provides: readonly string[];
  /** True if it cannot be known whether the task changes anything. */
  readonly isUnknowable: boolean;
  /** True if a network change could not roll it back. */
  readonly isIrreversible: boolean;
  /** The secrets that it holds. */
  readonly secrets: readonly Secret[];
  /** Equal for every task that wants the same, in this run and in another. Secrets are no part of it: a hash can be guessed. */
  readonly fingerprint: string;
  /** Looks at a host. */
  read(host: ReadonlyHost): Promise<TaskReading<State>>;
  /** Values that this task and an earlier one set differently on the same object; `actual` is the earlier one's. */
  contradicts(earlier: Task): readonly Difference[];
  /** Looks at what is in force; present when something else must load what the task writes. */
  readonly inForce?: (host: ReadonlyHost) => Promise<InForce>;
}

/** The result of one task on one host. */
export interface TaskResult<State = unknown> {
  /** True if the task changed something, or in check mode would. */
  readonly changed: boolean;
  /** What was not as wanted. */
  readonly differences: readonly Difference[];
  /** The steps that were, or would be, executed. */
  readonly steps: readonly Step[];
  /** What a person should know, whether or not anything changed. */
  readonly warnings: readonly string[];
  /** The answer of a task whose purpose is to read something. */
  readonly answer?: Answer;
  /** The task's state before. */
  readonly before: Partial<State>;
  /** The task's state afterwards; in check mode the predicted one. */
  readonly after: Partial<State>;
}
