import { type Inspection, inspect } from '../engine/inspect.ts';
import { ConnectionError, InterruptedError } from '../errors.ts';
import type { PlayEvent } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import type { NetworkChange } from '../network_change/network_change.ts';
import { type PlanChange, type PreviewOptions, previewPlay } from '../preview/preview.ts';
import type { ReviewedPlay } from '../review/reviewed_play.ts';
import { flatten, isTaskNode, type Node, needsFacts, plannedLeaves } from '../site/flatten.ts';
import { networkChangesOf, type PlayItem } from '../site/play_items.ts';
import type { Facts } from '../task/facts.ts';
import type { Task } from '../task/task.ts';
import { Executor } from './executor.ts';
import { HostReport } from './host_report.ts';
import { readFacts } from './read_facts.ts';
import { reportPreview } from './report_preview.ts';

/** How a play is run on one host. */
export interface HostRunOptions {
  readonly check?: boolean;
  /** Allows a step that cuts the links of this very machine. Default false. */
  readonly restartOwnNetwork?: boolean;
  /** Ends the run between two steps, or while a state settles. */
  readonly signal?: AbortSignal;
  /** Whether tasks are done as root where neither they nor their blocks say anything: so is the host then reached. Default false. */
  readonly become?: boolean;
  /** The same machine, for tasks that say otherwise. Default: the host itself. */
  readonly otherwise?: Host;
  /** In check mode: tasks of the run's earlier plays that would have changed something here. */
  readonly changing?: ReadonlySet<Task> | undefined;
  /** What was reviewed: exactly that is done, or nothing. */
  readonly reviewed?: ReviewedPlay | undefined;
}

/**
 * Runs a play on one host, in order, and emits everything that happens. What the play comes to is worked out once, before the first
 * write: check mode reports that preview, and apply mode carries it out.
 * @returns the tasks that would change something, those of earlier plays included
 * @throws ConnectionError when the host is lost
 */
export async function runOnHost(
  host: Host,
  items: readonly PlayItem[],
  options: HostRunOptions,
  emit: (event: PlayEvent) => void,
): Promise<ReadonlySet<Task>> {
  const { become = false, otherwise = host, check = false, restartOwnNetwork, signal, changing, reviewed } = options;
  const nodes = flatten(items, become);
  const names = plannedLeaves(nodes).map(({ name }) => name);
  const report = new HostReport(host.name, names, emit);
  const hostFor = (asRoot: boolean): Host => (asRoot === become ? host : otherwise);
  try {
    const start: Start = { host, hostFor, signal, report, nodes, changes: networkChangesOf(items) };
    // No plan contains resolving a pending network change, so a reviewed run leaves it alone, as check mode does.
    const { facts, ...found } = await inspectAll(start, check || reviewed !== undefined);
    report.inspected();
    const common = { host, hostFor, permissions: { restartOwnNetwork }, signal, facts };
    const preview = await previewPlay(nodes, {
      ...common,
      ...found,
      ...(check && { changing, planChange }),
    });
    if (preview.refusal !== undefined) report.fail(preview.refusal.name, preview.refusal.error);
    else if (check) reportPreview(preview, report);
    else {
      await reviewed?.comparePreview(preview.entries);
      await new Executor({ ...common, report, reviewed }, nodes, preview).execute();
    }
    return preview.changing;
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    if (!(error instanceof InterruptedError)) report.failHost(error);
    return new Set();
  } finally {
    report.skipRest();
  }
}

const planChange: PlanChange = async (...all) => {
  const { planChange } = await import('../network_change/change_run.ts');
  return planChange(...all);
};

/** What the first inspections are made with. */
interface Start {
  readonly host: Host;
  readonly hostFor: (become: boolean) => Host;
  readonly signal: AbortSignal | undefined;
  readonly report: HostReport;
  readonly nodes: readonly Node[];
  readonly changes: readonly NetworkChange[];
}

/** A host as it was found before anything was written. */
interface Found {
  readonly inspections: ReadonlyMap<Task, PromiseSettledResult<Inspection>>;
  /** undefined where no item of the play needs them. */
  readonly facts: Facts | undefined;
}

/** Inspects all tasks at once; where an earlier run has left a network change pending, again once that is over. */
async function inspectAll(start: Start, leavesPending: boolean): Promise<Found & Pick<PreviewOptions, 'refuseChange'>> {
  const { host, changes, report } = start;
  if (changes.length === 0) return { ...(await inspectOnce(start)), refuseChange: () => {} };
  const { hasPending, resolvePending } = await import('../network_change/pending.ts');
  const { refuseLockout } = await import('../network_change/lockout.ts');
  const { readNetworkState } = await import('../network_change/network_state.ts');
  const inspectWithNetwork = async (): Promise<Found & Pick<PreviewOptions, 'refuseChange'>> => {
    const [found, state] = await Promise.all([inspectOnce(start), readNetworkState(host.reader)]);
    return { ...found, refuseChange: (change, planned) => refuseLockout(change, planned, state) };
  };
  const [pending, found] = await Promise.all([hasPending(host), inspectWithNetwork()]);
  if (!pending) return found;
  await resolvePending(host, changes, {
    check: leavesPending,
    tell: (title) => (phase, details) => report.changePhase(title, phase, details),
  });
  return inspectWithNetwork();
}

async function inspectOnce({ host, hostFor, signal, nodes }: Start): Promise<Found> {
  const tasks = new Map(
    plannedLeaves(nodes).flatMap((node) => (isTaskNode(node) ? [[node.item, hostFor(node.become)] as const] : [])),
  );
  const [facts, settled] = await Promise.all([
    needsFacts(nodes) ? readFacts(host.reader) : undefined,
    Promise.allSettled([...tasks].map(([task, on]) => inspect(on, task, { signal }))),
  ]);
  const inspections = [...tasks.keys()].flatMap((task, index) => {
    const own = settled[index];
    return own === undefined ? [] : [[task, own] as const];
  });
  return { inspections: new Map(inspections), facts };
}
