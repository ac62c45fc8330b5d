import { checkInspected } from '../engine/check_task.ts';
import { type Inspection, type InspectOptions, inspect } from '../engine/inspect.ts';
import { type Permissions, planSteps, refuseMissing } from '../engine/plan_steps.ts';
import { ConnectionError, InterruptedError, PlaybookError } from '../errors.ts';
import type { TaskName } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import type { HostReport } from '../run/host_report.ts';
import { isAssertionNode, isLaterNode, isTaskNode, type LeafNode, type Node } from '../site/flatten.ts';
import type { Later } from '../site/play_items.ts';
import { differences, inWords } from '../task/diff.ts';
import type { Facts } from '../task/facts.ts';
import type { Step } from '../task/step.ts';
import type { Missing, Task } from '../task/task.ts';
import { KeptTasks } from './kept_tasks.ts';
import { placed, Results } from './results.ts';
import { type End, hold, inTurn, madeNow, noTask, reasonToSkip, type Taker, takeBlock } from './turn.ts';

/** A task with what was seen of it before anything was written, and what it would come to. */
export interface TaskForecast {
  readonly task: Task;
  readonly name: TaskName;
  readonly inspection: Inspection;
  readonly steps: readonly Step[];
  /** Titles of earlier tasks that provide what this one leans on. */
  readonly after: readonly string[];
}

/** What a leaf comes to, given what the earlier ones change. */
export type Forecast =
  | ({ readonly kind: 'task' } & TaskForecast)
  /** Of an item that makes its tasks in its turn. */
  | { readonly kind: 'made'; readonly nodes: readonly LeafNode<Task>[] }
  /** An assertion's. */
  | { readonly kind: 'holds' }
  | { readonly kind: 'skipped'; readonly reason: string }
  /** Of a task whose failure somebody deals with. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** What a forecast is made from. */
export interface ForecastOptions {
  readonly host: Host;
  /** The same machine, as root or as the user who logs in. */
  readonly hostFor: (become: boolean) => Host;
  readonly options: InspectOptions & Permissions & { readonly check?: boolean };
  readonly report: HostReport;
  /** What was seen of the tasks before anything was written. */
  readonly looks: ReadonlyMap<Task, PromiseSettledResult<Inspection>>;
  /** Gets the tasks that are not wanted on this host. */
  readonly unwanted: Set<Task>;
  /** Gets the tasks that would change something. In check mode it holds those of the run's earlier plays already. */
  readonly changing: Set<Task>;
  /** undefined where nobody asks for them. */
  readonly facts: Facts | undefined;
}

/**
 * Says what each leaf of a play would come to, given what the earlier ones change.
 * @returns undefined when one of them cannot work: that has been reported, and nothing was written
 * @throws ConnectionError when the host is lost
 */
export async function foresee(
  nodes: readonly Node[],
  options: ForecastOptions,
): Promise<ReadonlyMap<LeafNode, Forecast> | undefined> {
  const forecaster = new Forecaster(options);
  return (await forecaster.foresee(nodes)) ? forecaster.forecasts : undefined;
}

class Forecaster implements Taker {
  readonly forecasts = new Map<LeafNode, Forecast>();
  readonly results: Results;
  readonly kept = new KeptTasks();
  readonly #from: ForecastOptions;
  readonly #changing: Set<Task>;
  /** What was seen at the start; nothing of it counts any more once something was waited for. */
  #looks: ReadonlyMap<Task, PromiseSettledResult<Inspection>>;
  /** What ended a wait that apply takes in the task's turn, and not before the first write. */
  #inVain: unknown;
  readonly #states = new Map<Task, object>();
  readonly #lacking: { name: TaskName; missing: readonly Missing[] }[] = [];

  constructor(from: ForecastOptions) {
    this.#from = from;
    this.#changing = from.changing;
    this.#looks = from.looks;
    this.results = new Results(from.host.name, from.facts);
  }

  async foresee(nodes: readonly Node[]): Promise<boolean> {
    const end = await this.take(nodes);
    if (end === 'ended') return false;
    const [first] = this.#lacking;
    if (first === undefined) return true;
    // All that is missing is said at once, on the first task that lacks something.
    try {
      refuseMissing(this.#lacking.flatMap(({ missing }) => missing));
    } catch (error) {
      this.#from.report.fail(first.name, error);
    }
    return false;
  }

  async take(nodes: readonly Node[], inNetworkChange = false): Promise<End> {
    return inTurn(nodes, async (node) => {
      switch (node.kind) {
        case 'leaf':
          return this.#leaf(node, inNetworkChange);
        case 'change':
          return this.take(node.nodes, true);
        case 'block':
          return takeBlock(node, this);
      }
    });
  }

  leaveOut(task: Task): void {
    this.#from.unwanted.add(task);
  }

  async undone(tasks: readonly Task[]): Promise<readonly Task[]> {
    return tasks;
  }

  async #leaf(node: LeafNode, inNetworkChange: boolean): Promise<End> {
    try {
      const reason = reasonToSkip(node.conditions, this.results);
      if (reason !== undefined) return this.#skip(node, reason);
      if (isTaskNode(node)) return await this.#task(node, inNetworkChange);
      if (isLaterNode(node)) return await this.#made(node);
      if (isAssertionNode(node)) hold(node.item, this.results);
      this.forecasts.set(node, { kind: 'holds' });
      return 'done';
    } catch (error) {
      if (error instanceof ConnectionError) throw error;
      if (error instanceof InterruptedError) return 'ended';
      if (node.handling === undefined && error !== this.#inVain) {
        this.#from.report.fail(node.name, error);
        return 'ended';
      }
      if (isTaskNode(node)) {
        this.results.addWithout(node.item, 'failed');
        this.leaveOut(node.item);
      }
      this.forecasts.set(node, { kind: 'failed', error });
      if (node.handling === undefined) return 'broken';
      return node.handling === 'ignored' ? 'done' : 'failed';
    }
  }

  #skip(node: LeafNode, reason: string): End {
    if (isTaskNode(node)) {
      this.results.addWithout(node.item, 'skipped');
      this.leaveOut(node.item);
    }
    this.forecasts.set(node, { kind: 'skipped', reason });
    return 'done';
  }

  async #made(node: LeafNode<Later>): Promise<End> {
    const nodes = madeNow(node, this.results);
    if (nodes.length === 0) return this.#skip(node, noTask);
    this.forecasts.set(node, { kind: 'made', nodes });
    return this.take(nodes);
  }

  /** A task that lacks something is noted, and the others are looked at nevertheless. */
  async #task(node: LeafNode<Task>, inNetworkChange: boolean): Promise<End> {
    const { item: task, name } = node;
    const host = this.#from.hostFor(node.become);
    const options = { ...this.#from.options, inNetworkChange };
    const inspection = withDue(task, await this.#inspect(host, task, options), this.#changing);
    this.#refuseContradiction(task, inspection);
    const unprovided = inspection.missing.filter(({ key }) => providers(key, this.#changing).length === 0);
    if (unprovided.length > 0) {
      if (node.handling !== undefined) refuseMissing(unprovided);
      this.#lacking.push({ name, missing: unprovided });
      this.#note(host, task, inspection, inspection.differences.length > 0);
      return 'done';
    }
    const steps = planSteps(host, task, inspection, options);
    this.#note(host, task, inspection, steps.length > 0);
    const after = inspection.missing.flatMap(({ key }) => providers(key, this.#changing).map(({ title }) => title));
    const told = steps.length > 0 ? [...new Set(after)] : [];
    const shown = this.#from.options.check === true ? withAwaited(inspection, steps) : inspection;
    this.forecasts.set(node, { kind: 'task', task, name, inspection: shown, steps, after: told });
    return 'done';
  }

  #note(host: Host, task: Task, { reading: { state, expected } }: Inspection, changes: boolean): void {
    if (changes) this.#changing.add(task);
    if (!task.isUnknowable) this.kept.add(task, host);
    this.results.add({ task, status: changes ? 'changed' : 'ok', before: state, after: changes ? expected : state });
  }

  /**
   * Two tasks that want one thing otherwise, and see it as it is in the same way, can never both hold.
   * @throws PlaybookError that names both
   */
  #refuseContradiction(task: Task, { reading: { state } }: Inspection): void {
    for (const earlier of this.kept.all().keys()) {
      const before = this.#states.get(earlier);
      const seenOtherwise = [...differences(before, state), ...differences(state, before)].map(({ path }) => path);
      const clash = task.contradicts(earlier).find(({ path }) => !seenOtherwise.includes(path));
      if (clash === undefined) continue;
      const { path, wanted, actual } = clash;
      throw new PlaybookError(
        `it wants ${path} to be ${inWords(wanted)}, and ${placed(earlier)} wants it to be ${inWords(actual)}, both of ${task.module} ${task.subject}: each takes back what the other does; leave one of them out`,
      );
    }
    this.#states.set(task, state);
  }

  /**
   * What was seen at the start, unless it loads what turned out not to be wanted, or was not known then. As long as nothing would
   * have changed by then, the task is waited for as apply does.
   */
  async #inspect(host: Host, task: Task, options: InspectOptions & Permissions): Promise<Inspection> {
    const { unwanted } = this.#from;
    const known = this.#looks.get(task);
    const isKnown = known !== undefined && !task.reflects.some((other) => unwanted.has(other));
    const own = { ...options, leftOut: unwanted };
    const [seen] = await Promise.allSettled([isKnown ? settledInspection(known) : inspect(host, task, own)]);
    if (task.retry === undefined || this.#changing.size > 0 || !this.#needsAnother(seen))
      return settledInspection(seen);
    this.#looks = new Map();
    try {
      return (await checkInspected(host, task, () => settledInspection(seen), { ...own, permissions: options }))
        .inspection;
    } catch (error) {
      if (seen.status === 'fulfilled') this.#inVain = error;
      throw error;
    }
  }

  /** A inspection that failed, in both modes; in check mode also one at what `until` waits for, which apply does in the task's turn. */
  #needsAnother(seen: PromiseSettledResult<Inspection>): boolean {
    if (seen.status === 'rejected') return !(seen.reason instanceof ConnectionError);
    const { differences, missing, reading } = seen.value;
    return this.#from.options.check === true && reading.isAwaited && differences.length === 0 && missing.length === 0;
  }
}

async function settledInspection(seen: PromiseSettledResult<Inspection>): Promise<Inspection> {
  if (seen.status === 'rejected') throw seen.reason;
  return seen.value;
}

/** Warns of what `until` will wait for: nobody can know whether it comes. */
function withAwaited(inspection: Inspection, steps: readonly Step[]): Inspection {
  const { isAwaited, isAwaitedAfter, state } = inspection.reading;
  if (!(steps.length > 0 ? isAwaitedAfter : isAwaited)) return inspection;
  const warning = `what 'until' waits for does not hold yet (${inWords(state)}): apply waits for it, and fails if it does not come`;
  return { ...inspection, warnings: [...inspection.warnings, warning] };
}

/** A task that loads what a changing task writes is due, though nothing has been written yet. */
export function withDue(task: Task, inspection: Inspection, changing: ReadonlySet<Task>): Inspection {
  const due = task.reflects
    .filter((other) => changing.has(other))
    .map(({ subject }) => ({ path: `in force.${subject}`, wanted: 'loaded', actual: 'not written yet' }));
  return { ...inspection, due: [...inspection.due, ...due], differences: [...inspection.differences, ...due] };
}

/** Which of the changing tasks provide a key; what a reflected task writes is provided by the task that loads it. */
function providers(key: string, changing: ReadonlySet<Task>): readonly Task[] {
  return [...changing].filter(
    ({ provides, reflects }) => provides.includes(key) || reflects.some((other) => other.provides.includes(key)),
  );
}
