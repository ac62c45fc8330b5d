import { type EngineOptions, type Look, lookAt, planSteps, refuseMissing } from './engine.ts';
import { ConnectionError, InterruptedError } from './errors.ts';
import type { TaskName } from './events.ts';
import type { Facts } from './facts.ts';
import type { HostReport } from './host_report.ts';
import type { Host } from './hosts/host.ts';
import { Results } from './known.ts';
import { isAssertionNode, isLaterNode, isTaskNode, type LeafNode, type Node } from './layout.ts';
import type { Missing, Task } from './module.ts';
import type { Later } from './play_items.ts';
import type { Step } from './step.ts';
import { type End, hold, inTurn, madeNow, noTask, reasonToSkip, takeBlock } from './turn.ts';

/** A task with what was seen of it before anything was written, and what it would come to. */
export interface TaskForecast {
  readonly task: Task;
  readonly name: TaskName;
  readonly look: Look;
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
  readonly options: EngineOptions;
  readonly report: HostReport;
  /** What was seen of the tasks before anything was written. */
  readonly looks: ReadonlyMap<Task, PromiseSettledResult<Look>>;
  /** Gets the tasks that are not wanted on this host. */
  readonly unwanted: Set<Task>;
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

class Forecaster {
  readonly forecasts = new Map<LeafNode, Forecast>();
  readonly #from: ForecastOptions;
  readonly #results: Results;
  readonly #changing = new Set<Task>();
  readonly #lacking: { name: TaskName; missing: readonly Missing[] }[] = [];

  constructor(from: ForecastOptions) {
    this.#from = from;
    this.#results = new Results(from.host.name, from.facts);
  }

  async foresee(nodes: readonly Node[]): Promise<boolean> {
    if ((await this.#all(nodes)) !== 'done') return false;
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

  async #all(nodes: readonly Node[], inNetworkChange = false): Promise<End> {
    return inTurn(nodes, async (node) => {
      switch (node.kind) {
        case 'leaf':
          return this.#leaf(node, inNetworkChange);
        case 'change':
          return this.#all(node.nodes, true);
        case 'block':
          return takeBlock(node, (list) => this.#all(list));
      }
    });
  }

  async #leaf(node: LeafNode, inNetworkChange: boolean): Promise<End> {
    try {
      const reason = reasonToSkip(node.conditions, this.#results);
      if (reason !== undefined) return this.#skip(node, reason);
      if (isTaskNode(node)) return await this.#task(node, inNetworkChange);
      if (isLaterNode(node)) return await this.#made(node);
      if (isAssertionNode(node)) hold(node.item, this.#results);
      this.forecasts.set(node, { kind: 'holds' });
      return 'done';
    } catch (error) {
      if (error instanceof ConnectionError) throw error;
      if (error instanceof InterruptedError) return 'ended';
      if (node.handling === undefined) {
        this.#from.report.fail(node.name, error);
        return 'ended';
      }
      if (isTaskNode(node)) this.#results.addWithout(node.item, 'failed');
      this.forecasts.set(node, { kind: 'failed', error });
      return node.handling === 'ignored' ? 'done' : 'failed';
    }
  }

  #skip(node: LeafNode, reason: string): End {
    if (isTaskNode(node)) {
      this.#results.addWithout(node.item, 'skipped');
      this.#from.unwanted.add(node.item);
    }
    this.forecasts.set(node, { kind: 'skipped', reason });
    return 'done';
  }

  async #made(node: LeafNode<Later>): Promise<End> {
    const nodes = madeNow(node, this.#results);
    if (nodes.length === 0) return this.#skip(node, noTask);
    this.forecasts.set(node, { kind: 'made', nodes });
    return this.#all(nodes);
  }

  /** A task that lacks something is noted, and the others are looked at nevertheless. */
  async #task(node: LeafNode<Task>, inNetworkChange: boolean): Promise<End> {
    const { item: task, name } = node;
    const { options } = this.#from;
    const host = this.#from.hostFor(node.become);
    const look = withDue(task, await this.#lookAt(host, task), this.#changing);
    const unprovided = look.missing.filter(({ key }) => providers(key, this.#changing).length === 0);
    if (unprovided.length > 0) {
      if (node.handling !== undefined) refuseMissing(unprovided);
      this.#lacking.push({ name, missing: unprovided });
      this.#note(task, look, look.differences.length > 0);
      return 'done';
    }
    const steps = planSteps(host, task, look, { ...options, inNetworkChange });
    this.#note(task, look, steps.length > 0);
    const after = look.missing.flatMap(({ key }) => providers(key, this.#changing).map(({ title }) => title));
    const told = steps.length > 0 ? [...new Set(after)] : [];
    this.forecasts.set(node, { kind: 'task', task, name, look, steps, after: told });
    return 'done';
  }

  #note(task: Task, { reading: { state, expected } }: Look, changes: boolean): void {
    if (changes) this.#changing.add(task);
    this.#results.add({ task, status: changes ? 'changed' : 'ok', before: state, after: changes ? expected : state });
  }

  /** What was seen at the start, unless it loads what turned out not to be wanted, or was not known then. */
  async #lookAt(host: Host, task: Task): Promise<Look> {
    const { options, looks, unwanted } = this.#from;
    const settled = looks.get(task);
    if (settled === undefined || task.reflects.some((other) => unwanted.has(other))) {
      return lookAt(host, task, { ...options, unwanted });
    }
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  }
}

/** A task that loads what a changing task writes is due, though nothing has been written yet. */
export function withDue(task: Task, look: Look, changing: ReadonlySet<Task>): Look {
  const due = task.reflects
    .filter((other) => changing.has(other))
    .map(({ subject }) => ({ path: `in force.${subject}`, wanted: 'loaded', actual: 'not written yet' }));
  return { ...look, due: [...look.due, ...due], differences: [...look.differences, ...due] };
}

/** Which of the changing tasks provide a key; what a reflected task writes is provided by the task that loads it. */
function providers(key: string, changing: ReadonlySet<Task>): readonly Task[] {
  return [...changing].filter(
    ({ provides, reflects }) => provides.includes(key) || reflects.some((other) => other.provides.includes(key)),
  );
}
