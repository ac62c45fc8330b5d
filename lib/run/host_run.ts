import { type Inspection, inspect } from '../engine/inspect.ts';
import { ConnectionError } from '../errors.ts';
import type { PlayEvent } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import { foresee } from '../preview/preview.ts';
import type { ReviewedPlay } from '../review/reviewed_play.ts';
import { asksForKnown, isTaskNode, layOut, type Node, plannedLeaves } from '../site/flatten.ts';
import { networkChangesOf, type PlayItem } from '../site/play_items.ts';
import type { Facts } from '../task/facts.ts';
import type { Task } from '../task/task.ts';
import { HostTurns, type HostTurnsOptions, teller } from './executor.ts';
import { asError, HostReport } from './host_report.ts';
import { readFacts } from './read_facts.ts';

/** How a play is run on one host. */
export interface HostRunOptions {
  /** Allows a step that cuts the links of this very machine. Default false. */
  readonly restartOwnNetwork?: boolean;
  /** Ends the run between two steps, or while something settles. */
  readonly signal?: AbortSignal;
  readonly check?: boolean;
  /** Whether tasks are done as root where neither they nor their blocks say anything: so is the host then reached. Default false. */
  readonly become?: boolean;
  /** The same machine, for tasks that say otherwise. Default: the host itself. */
  readonly otherwise?: Host;
  /** In check mode: tasks of the run's earlier plays that would have changed something here; those of this play are added. */
  readonly changing?: Set<Task>;
  /** What was reviewed: exactly that is done, or nothing. */
  readonly reviewed?: ReviewedPlay | undefined;
}

/**
 * Runs a play on one host, in order, and tells everything through `emit`.
 * All tasks are looked at before the first write: what is missing, and what is refused, is said before anything has changed.
 * @throws ConnectionError when the host is lost
 */
export async function runOnHost(
  host: Host,
  items: readonly PlayItem[],
  options: HostRunOptions,
  emit: (event: PlayEvent) => void,
): Promise<void> {
  const { become = false, otherwise = host } = options;
  const nodes = layOut(items, become);
  const names = plannedLeaves(nodes).map(({ name }) => name);
  const report = new HostReport(host, names, emit);
  const hostFor = (asRoot: boolean): Host => (asRoot === become ? host : otherwise);
  const start: HostTurnsOptions = { host, hostFor, options, report, emit, written: new Set(), unwanted: new Set() };
  try {
    const seen = await inspectAll(start, nodes, items);
    report.begin();
    const changing = options.check === true ? (options.changing ?? new Set<Task>()) : new Set<Task>();
    const forecasts = await foresee(nodes, { ...start, ...seen, changing });
    if (forecasts === undefined) return;
    await options.reviewed?.holdForecast(forecasts);
    const turns = new HostTurns(start, nodes, forecasts, seen.facts);
    if ((await turns.take(nodes)) !== 'done') return;
    await turns.verify();
    options.reviewed?.finish();
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    emit({ type: 'host-failed', host: host.name, error: asError(error) });
  } finally {
    report.skipRest();
  }
}

/** What was seen of a host before anything was written. */
interface FirstLook {
  readonly looks: ReadonlyMap<Task, PromiseSettledResult<Inspection>>;
  /** undefined where nobody asks for them. */
  readonly facts: Facts | undefined;
}

/** Looks at all tasks at once; where an earlier run has left a network change pending, once that is over. */
async function inspectAll(
  start: HostTurnsOptions,
  nodes: readonly Node[],
  items: readonly PlayItem[],
): Promise<FirstLook> {
  const { host, options } = start;
  const changes = networkChangesOf(items);
  if (changes.length === 0) return firstLook(start, nodes);
  const { hasPending, resolvePending } = await import('../network_change/pending.ts');
  const [pending, seen] = await Promise.all([hasPending(host), firstLook(start, nodes)]);
  if (!pending) return seen;
  await resolvePending(host, changes, {
    // To take it up is in no plan: where only what was reviewed may be done, it is left alone as in check mode.
    check: options.check === true || options.reviewed !== undefined,
    tell: (title) => teller(start, title, []),
  });
  return firstLook(start, nodes);
}

async function firstLook({ host, hostFor, options }: HostTurnsOptions, nodes: readonly Node[]): Promise<FirstLook> {
  const tasks = new Map(
    plannedLeaves(nodes).flatMap((node) => (isTaskNode(node) ? [[node.item, hostFor(node.become)] as const] : [])),
  );
  const [facts, settled] = await Promise.all([
    asksForKnown(nodes) ? readFacts(host.reader) : undefined,
    Promise.allSettled([...tasks].map(([task, on]) => inspect(on, task, { signal: options.signal }))),
  ]);
  const looks = [...tasks.keys()].flatMap((task, index) => {
    const own = settled[index];
    return own === undefined ? [] : [[task, own] as const];
  });
  return { looks: new Map(looks), facts };
}
