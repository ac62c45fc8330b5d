import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { ConnectionError, PlaybookError, RollBackUnverifiedError, RolledBackError } from '../errors.ts';
import {
  type HostSummary,
  nothingCounted,
  type PlayEvent,
  type Selection,
  type Summary,
  taskName,
} from '../events/events.ts';
import type { ConnectOptions } from '../hosts/connect.ts';
import { Connections } from '../hosts/connections.ts';
import { hostName } from '../hosts/ssh/host_spec.ts';
import type { HostReference, InventoryHost } from '../inventory/inventory.ts';
import { refuseProblems } from '../inventory/refuse_problems.ts';
import { limited, type TargetOptions, targetsOf } from '../inventory/targets.ts';
import type { Values } from '../inventory/values.ts';
import type { Plan } from '../review/plan.ts';
import type { ReviewedRun } from '../review/reviewed_run.ts';
import { checkNames, isPlay, type Play, valuesFor } from '../site/play.ts';
import { leavesOf, type PlayItem } from '../site/play_items.ts';
import { checkSelection, selectionByPlay, selectTasks, type TaskSelection } from '../site/select_tasks.ts';
import type { Task } from '../task/task.ts';
import { shown } from '../validation/option_types.ts';
import { asError } from './host_report.ts';
import { type HostRunOptions, runOnHost } from './host_run.ts';

/** How to run plays. */
export interface RunOptions extends ConnectOptions, TargetOptions, TaskSelection {
  /** Check mode: report what would change, and change nothing. Default false. */
  readonly check?: boolean;
  /**
   * Do exactly what was reviewed: a plan that `planOf` has made from a run in check mode of the same plays with the same hosts,
   * values and tasks. Nothing is written on a host that has changed since. `limit` may leave out hosts of the plan.
   */
  readonly plan?: Plan;
  /** Values for the plays' variables. */
  readonly vars?: Values;
  /** Become root by sudo on every host, not only in plays with `become: true`. Default false. */
  readonly become?: boolean;
  /** Allow steps that cut the links of this machine itself. Default false. */
  readonly restartOwnNetwork?: boolean;
  /**
   * Size of a batch of hosts. After a batch with a failure no further batch begins, and hosts that were not begun are left out of
   * later plays. Default: all hosts at once.
   */
  readonly serial?: number;
  /** How many connections are opened at a time; once they are open, all hosts run in parallel. Default 32. */
  readonly forks?: number;
  /** Connections that are already being opened; the other options about connections are then ignored. */
  readonly connections?: Connections;
  /** Ends the run: the current step is finished, and no other begins. */
  readonly signal?: AbortSignal;
  /** Receives every event as it happens. It must not throw. */
  readonly onEvent?: (event: PlayEvent) => void;
}

/**
 * Runs plays, one after the other, each on all its hosts in parallel. A failure ends the run on its own host only.
 * It prints nothing and never ends the process: `onEvent` and the summary report everything.
 * @throws PlaybookError, ArgumentError, PlanMismatchError before anything was attempted; failures of tasks and hosts are in the summary
 *
 * @example
 * ```ts
 * const summary = await run(site, { hosts: ['root@kvm1'], check: true, onEvent: (event) => console.log(event.type) });
 * ```
 */
export async function run(plays: Play | readonly Play[], options: RunOptions = {}): Promise<Summary> {
  const list = playsOf(plays);
  checkNames(list, options.vars ?? {});
  const built = buildAll(list, options);
  const reviewed = options.plan && (await review(options.plan, built, options));

  const connections = options.connections ?? new Connections(options);
  // The session and the tasks of every host listen to it, and Node warns of more than ten listeners on one signal.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);

  const tally = new Tally();
  const emit = (event: PlayEvent): void => {
    tally.count(event);
    options.onEvent?.(event);
  };
  const { check = false, signal } = options;
  /** In check mode, what earlier plays would have changed on a host is there for later ones. */
  const changing = new Map<string, ReadonlySet<Task>>();
  const selection = selectionOf(options);
  emit({ type: 'run-start', check, ...(selection && { selection }) });
  for (const [index, { play, targets }] of built.entries()) {
    if (signal?.aborted) break;
    const going = targets.filter(({ spec }) => tally.isGoing(hostName(spec)));
    const [first] = going.length > 0 ? going : targets;
    const tasks = leavesOf(first?.items ?? []).map(taskName);
    emit({ type: 'play-start', play: play.name, hosts: going.map(({ spec }) => hostName(spec)), tasks });
    let isStopped = false;
    for (const batch of batches(going, options.serial ?? going.length)) {
      isStopped ||= signal?.aborted ?? false;
      if (isStopped) {
        for (const { spec } of batch) emit({ type: 'host-phase', host: hostName(spec), phase: 'not-begun' });
        continue;
      }
      await Promise.all(
        batch.map(async (target) => {
          const name = hostName(target.spec);
          const own = { reviewed: reviewed?.of(index, name), changing: changing.get(name) };
          changing.set(name, await playOnHost(connections, play, target, { ...options, ...own }, emit));
        }),
      );
      isStopped = !batch.every(({ spec }) => tally.isGoing(hostName(spec)));
    }
  }
  const summary: Summary = { check, hosts: tally.hosts(), interrupted: signal?.aborted ?? false };
  emit({ type: 'run-end', summary });
  return summary;
}

/** Programs may be JavaScript. @throws PlaybookError for what is no play */
function playsOf(plays: Play | readonly Play[]): readonly Play[] {
  const list = Array.isArray(plays) ? plays : [plays];
  const other = list.findIndex((each) => !isPlay(each));
  if (other === -1) return list;
  throw new PlaybookError(
    `run takes a play or a list of plays, as play({ … }) makes them, and number ${other + 1} of them is ${shown(list[other])}`,
  );
}

/** Compares a plan with what would be run. @throws PlanMismatchError; PlaybookError in check mode, which is how a plan is made */
async function review(plan: Plan, built: readonly BuiltPlay[], options: RunOptions): Promise<ReviewedRun> {
  const { check, limit } = options;
  if (check === true) throw new PlaybookError('in check mode there is no plan to be applied; leave one of them out');
  const { ReviewedRun } = await import('../review/reviewed_run.ts');
  const plays = built.map(({ play, targets }) => ({
    name: play.name,
    hosts: targets.map(({ spec, items }) => ({ name: hostName(spec), items })),
  }));
  return new ReviewedRun(plan, plays, { isLimited: limit !== undefined, selection: selectionOf(options) ?? {} });
}

/** What was chosen of the site; undefined where nothing was. */
function selectionOf({ tags = [], skipTags = [], startAtTask, limit }: RunOptions): Selection | undefined {
  const selection: Selection = {
    ...(tags.length > 0 && { tags }),
    ...(skipTags.length > 0 && { skipTags }),
    ...(startAtTask !== undefined && { startAtTask }),
    ...(limit !== undefined && { limit }),
  };
  return Object.keys(selection).length > 0 ? selection : undefined;
}

/** A play with its hosts. */
interface BuiltPlay {
  readonly play: Play;
  readonly targets: readonly Target[];
}

/** A host of a play, with the tasks that its values make. */
interface Target extends InventoryHost {
  readonly items: readonly PlayItem[];
}

/** Builds every play for every host: a value that is wrong for one of them is an error before anything is attempted. */
function buildAll(plays: readonly Play[], options: RunOptions): readonly BuiltPlay[] {
  const { limit, serial } = options;
  if (serial !== undefined && !(Number.isInteger(serial) && serial > 0)) {
    throw new PlaybookError(`serial is a whole number from 1 on, and was ${serial}`);
  }
  const built = plays.map((play) => ({
    play,
    targets: targetsOf(play, options).map((host): Target => {
      const items = play.build({ ...valuesFor(play, host.values), ...options.vars });
      return { ...host, items };
    }),
  }));
  const everything = built.flatMap(({ targets }) => targets);
  if (everything.length === 0 && built.length > 0) {
    const patterns = plays.map(({ name, hosts = ['all'] }) => `'${name}' (${hosts.map(referenceWords).join(', ')})`);
    throw new PlaybookError(
      `no host of the inventory is one of a play's, so that nothing would be done: ${patterns.join(', ')}`,
    );
  }
  checkSelection(
    everything.flatMap(({ items }) => items),
    options,
  );
  const left = limit === undefined ? undefined : limited(everything, limit, options);
  const selections = selectionByPlay(
    built.map(({ targets }) => targets.flatMap(({ items }) => items)),
    options,
  );
  return built.map(({ play, targets }, index) => {
    const chosen = targets.filter(({ spec }) => left?.has(hostName(spec)) ?? true);
    refuseProblems(chosen, play);
    const selection = selections[index] ?? {};
    return { play, targets: chosen.map((target) => ({ ...target, items: selectTasks(target.items, selection) })) };
  });
}

function referenceWords(reference: HostReference): string {
  if (typeof reference === 'string') return reference;
  return 'spec' in reference ? reference.name : hostName(reference);
}

function batches<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(all.length / Math.max(1, size));
  return Array.from({ length: count }, (_, index) => all.slice(index * size, (index + 1) * size));
}

async function playOnHost(
  connections: Connections,
  play: Play,
  { spec, become: own, items }: Target,
  options: RunOptions & Pick<HostRunOptions, 'reviewed' | 'changing'>,
  emit: (event: PlayEvent) => void,
): Promise<ReadonlySet<Task>> {
  const name = hostName(spec);
  const become = own ?? (play.become || (options.become ?? false));
  try {
    const lockId = randomUUID();
    const host = await connections.prepare(spec, become, lockId, (progress) =>
      emit({ type: 'host-phase', host: name, phase: progress === 'open' ? 'looking' : progress }),
    );
    const otherwise = await connections.prepare(spec, !become, lockId);
    try {
      return await runOnHost(host, items, { ...options, become, otherwise }, emit);
    } finally {
      await Promise.all([host.close(), otherwise.close()]);
    }
  } catch (error) {
    // Only a ConnectionError makes a host unreachable.
    const type = error instanceof ConnectionError ? 'host-unreachable' : 'host-failed';
    emit({ type, host: name, error: asError(error) });
    return new Set();
  } finally {
    emit({ type: 'host-phase', host: name, phase: 'ended' });
  }
}

/** What became of a network change, by the error that ended it. */
function outcomeOf(error: Error): Partial<HostSummary> {
  if (error instanceof RolledBackError) return { rolledBack: 1 };
  return error instanceof RollBackUnverifiedError ? { unverified: 1 } : {};
}

/** Counts events by host. */
class Tally {
  readonly #hosts = new Map<string, HostSummary>();

  count(event: PlayEvent): void {
    switch (event.type) {
      case 'play-start':
        for (const host of event.hosts) this.#add(host, {});
        break;
      case 'task-end':
        this.#add(event.host, {
          [event.handling ?? event.status]: 1,
          warnings: event.result?.warnings.length ?? 0,
          ...(event.error && outcomeOf(event.error)),
        });
        break;
      case 'host-phase':
        if (event.phase === 'not-begun') this.#add(event.host, { notBegun: 1 });
        break;
      case 'host-unreachable':
        this.#add(event.host, { unreachable: 1 });
        break;
      case 'host-failed':
        this.#add(event.host, { failed: 1, ...outcomeOf(event.error) });
        break;
      default:
    }
  }

  /** A host that failed, was lost, or was not begun in a play takes no part in later ones. */
  isGoing(host: string): boolean {
    const counts = this.#hosts.get(host);
    return counts === undefined || counts.failed + counts.unreachable + counts.notBegun === 0;
  }

  hosts(): Readonly<Record<string, HostSummary>> {
    return Object.fromEntries(this.#hosts);
  }

  #add(host: string, more: Partial<HostSummary>): void {
    const counts = this.#hosts.get(host) ?? nothingCounted;
    this.#hosts.set(host, {
      ok: counts.ok + (more.ok ?? 0),
      changed: counts.changed + (more.changed ?? 0),
      failed: counts.failed + (more.failed ?? 0),
      skipped: counts.skipped + (more.skipped ?? 0),
      unreachable: counts.unreachable + (more.unreachable ?? 0),
      notBegun: counts.notBegun + (more.notBegun ?? 0),
      warnings: counts.warnings + (more.warnings ?? 0),
      rolledBack: counts.rolledBack + (more.rolledBack ?? 0),
      unverified: counts.unverified + (more.unverified ?? 0),
      ignored: counts.ignored + (more.ignored ?? 0),
      rescued: counts.rescued + (more.rescued ?? 0),
    });
  }
}
