import { checkInspected } from '../engine/check_task.ts';
import { type Inspection, inspect } from '../engine/inspect.ts';
import { type Permissions, type PlannedTask, refuseMissing } from '../engine/plan_steps.ts';
import { ConnectionError, InterruptedError, PlaybookError } from '../errors.ts';
import type { ChangePlan, TaskName } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import type { NetworkChange } from '../network_change/network_change.ts';
import { type ChangeNode, isTaskNode, type LeafNode, type Node } from '../site/flatten.ts';
import { differences, inWords } from '../task/diff.ts';
import type { Facts } from '../task/facts.ts';
import type { Missing, Task } from '../task/task.ts';
import { Outcomes, withLine } from './outcomes.ts';
import { planTask, type TaskPlan } from './plan_task.ts';
import { type End, endOf, type Walker, walk } from './walk.ts';

/** What one item of a play would come to. */
export type PreviewEntry =
  | ({ readonly kind: 'task'; readonly node: LeafNode<Task> } & TaskPlan)
  /** An assertion that holds. */
  | { readonly kind: 'assertion'; readonly node: LeafNode }
  | { readonly kind: 'skipped'; readonly node: LeafNode; readonly reason: string }
  /** An item whose failure is ignored or rescued, or with which apply fails only in the item's turn. */
  | { readonly kind: 'failed'; readonly node: LeafNode; readonly error: unknown }
  /** A network change with something to do; its tasks follow. In check mode alone. */
  | { readonly kind: 'change'; readonly change: NetworkChange; readonly plan: ChangePlan };

/** What a play would come to on one host, worked out before anything is written. It is plain data. */
export interface Preview {
  /** In the order in which it would happen. */
  readonly entries: readonly PreviewEntry[];
  /** Why the play cannot work: then nothing of it is done. */
  readonly refusal: Refusal | undefined;
  /** Tasks that would change something, those that counted so from the start included. */
  readonly changing: ReadonlySet<Task>;
  /** Tasks that would be left out: nothing of them would be loaded. */
  readonly leftOut: ReadonlySet<Task>;
}

/** Why a play cannot work. */
export interface Refusal {
  /** The item that cannot work. */
  readonly name: TaskName;
  readonly error: unknown;
}

/** What a preview is worked out from. */
export interface PreviewOptions {
  readonly host: Host;
  /** The same machine, as root or as the user who logs in. */
  readonly hostFor: (become: boolean) => Host;
  readonly permissions: Permissions;
  readonly signal: AbortSignal | undefined;
  /** undefined where no item of the play needs them. */
  readonly facts: Facts | undefined;
  /** The tasks as they were found before anything was written. */
  readonly inspections: ReadonlyMap<Task, PromiseSettledResult<Inspection>>;
  /** In check mode: tasks of the run's earlier plays that would change something. */
  readonly changing?: ReadonlySet<Task> | undefined;
  /** Refuses a network change, from the network's state before anything is written. @throws UnsupportedChangeError */
  readonly refuseChange: (change: NetworkChange, planned: readonly PlannedTask[]) => void;
  /**
   * In check mode: plans a network change. Apply plans it in its turn, from a state that is then known, so that a preview for apply
   * costs no round trip.
   */
  readonly planChange?: PlanChange | undefined;
}

/** Plans a network change, as apply does before its first write. */
export type PlanChange = (host: Host, change: NetworkChange, planned: readonly PlannedTask[]) => Promise<ChangePlan>;

/**
 * Works out what a play would come to on a host.
 * @throws ConnectionError when the host is lost; InterruptedError
 */
export async function previewPlay(nodes: readonly Node[], options: PreviewOptions): Promise<Preview> {
  return new Previewer(options).preview(nodes);
}

class Previewer implements Walker {
  readonly outcomes: Outcomes;
  readonly #options: PreviewOptions;
  readonly #entries: PreviewEntry[] = [];
  readonly #lacking: { readonly name: TaskName; readonly missing: readonly Missing[] }[] = [];
  readonly #states = new Map<Task, object>();
  /** Inspections that were made at the start; none of them counts any more once something was waited for. */
  #inspections: ReadonlyMap<Task, PromiseSettledResult<Inspection>>;
  #refusal: Refusal | undefined;
  /** An error with which apply fails in the item's turn, and not before its first write. */
  #lateError: unknown;
  /** Two tasks contradict each other. That is a mistake of the site, which `mayFail` and `rescue` do not handle: apply would not notice. */
  #contradiction: unknown;

  constructor(options: PreviewOptions) {
    this.#options = options;
    this.#inspections = options.inspections;
    const { facts, changing } = options;
    this.outcomes = new Outcomes(options.host.name, { facts, ...(changing && { changed: changing }) });
  }

  async preview(nodes: readonly Node[]): Promise<Preview> {
    await walk(nodes, this);
    const { changed, leftOut } = this.outcomes;
    return { entries: this.#entries, refusal: this.#refusal ?? this.#whatIsMissing(), changing: changed, leftOut };
  }

  async task(node: LeafNode<Task>): Promise<void> {
    const { item: task, become } = node;
    const host = this.#options.hostFor(become);
    const inspection = await this.#inspect(host, task);
    this.#refuseContradiction(task, inspection, this.outcomes.mustHold().keys());
    const plan = planTask(host, task, inspection, this.outcomes.changed, this.#options.permissions);
    this.#noteLacking(node, plan);
    this.#noteTask(host, node, plan);
  }

  async change({ change, nodes, become }: ChangeNode, onTask: (node: LeafNode<Task>) => void): Promise<void> {
    const host = this.#options.hostFor(become);
    const permissions = { ...this.#options.permissions, inNetworkChange: true };
    const plans: { node: LeafNode<Task>; plan: TaskPlan }[] = [];
    const changing = new Set(this.outcomes.changed);
    for (const node of nodes) {
      onTask(node);
      const { item: task } = node;
      const inspection = await this.#inspect(host, task);
      this.#refuseContradiction(task, inspection, [
        ...this.outcomes.mustHold().keys(),
        ...plans.map(({ plan }) => plan.task),
      ]);
      const plan = planTask(host, task, inspection, changing, permissions);
      this.#noteLacking(node, plan);
      if (plan.steps.length > 0) changing.add(task);
      plans.push({ node, plan });
    }
    const [first] = nodes;
    if (first !== undefined) onTask(first);
    if (plans.some(({ plan }) => plan.steps.length > 0)) {
      await this.#planChange(
        host,
        change,
        plans.map(({ plan }) => plan),
      );
    }
    for (const { node, plan } of plans) this.#noteTask(host, node, plan);
  }

  held(node: LeafNode): void {
    this.#entries.push({ kind: 'assertion', node });
  }

  async skipped(node: LeafNode, reason: string): Promise<void> {
    this.#entries.push({ kind: 'skipped', node, reason });
  }

  failed(node: LeafNode, error: unknown): End {
    if (error instanceof ConnectionError || error instanceof InterruptedError) throw error;
    const { name, handling } = node;
    const isHandled = handling !== undefined || error === this.#lateError;
    if (!isHandled || error === this.#contradiction) {
      this.#refusal = { name, error };
      return 'ended';
    }
    if (isTaskNode(node)) this.outcomes.failed(node.item, handling !== undefined);
    this.#entries.push({ kind: 'failed', node, error });
    return endOf(handling);
  }

  async undone(tasks: readonly Task[]): Promise<readonly Task[]> {
    return tasks;
  }

  /** A task that lacks something is noted, and the others are planned nevertheless. @throws MissingError where that is handled */
  #noteLacking({ name, handling }: LeafNode, { lacking }: TaskPlan): void {
    if (lacking.length === 0) return;
    if (handling !== undefined) refuseMissing(lacking);
    this.#lacking.push({ name, missing: lacking });
  }

  #noteTask(host: Host, node: LeafNode<Task>, plan: TaskPlan): void {
    const { task, inspection, steps, lacking } = plan;
    const { state, expected } = inspection.reading;
    const changed = lacking.length > 0 ? inspection.differences.length > 0 : steps.length > 0;
    this.#states.set(task, state);
    this.outcomes.done(task, host, { changed, before: state, after: changed ? expected : state });
    if (lacking.length === 0) this.#entries.push({ kind: 'task', node, ...plan });
  }

  /** Lists all that is missing at once, on the first task that lacks something. */
  #whatIsMissing(): Refusal | undefined {
    const [first] = this.#lacking;
    if (first === undefined) return undefined;
    try {
      refuseMissing(this.#lacking.flatMap(({ missing }) => missing));
    } catch (error) {
      return { name: first.name, error };
    }
    return undefined;
  }

  async #planChange(host: Host, change: NetworkChange, plans: readonly TaskPlan[]): Promise<void> {
    if (this.#lacking.length > 0) return;
    const { planChange, refuseChange } = this.#options;
    refuseChange(change, plans);
    if (planChange === undefined) return;
    try {
      this.#entries.push({ kind: 'change', change, plan: await planChange(host, change, plans) });
    } catch (error) {
      this.#lateError = error;
      throw error;
    }
  }

  /**
   * Two tasks that want different things of the same subject, and read it in the same way, can never both hold.
   * @throws PlaybookError that names both
   */
  #refuseContradiction(task: Task, { reading: { state } }: Inspection, earlier: Iterable<Task>): void {
    for (const other of earlier) {
      const before = this.#states.get(other);
      const readOtherwise = [...differences(before, state), ...differences(state, before)].map(({ path }) => path);
      const clash = task.contradicts(other).find(({ path }) => !readOtherwise.includes(path));
      if (clash === undefined) continue;
      const { path, wanted, actual } = clash;
      this.#contradiction = new PlaybookError(
        `it wants ${path} to be ${inWords(wanted)}, and ${withLine(other)} wants it to be ${inWords(actual)}, both of ${task.module} ${task.subject}: each takes back what the other does; leave one of them out`,
      );
      throw this.#contradiction;
    }
    this.#states.set(task, state);
  }

  /**
   * The inspection from the start, unless the task loads another that turned out to be left out, or was not known then. As long as
   * nothing would have changed by then, the task is waited for as apply does.
   */
  async #inspect(host: Host, task: Task): Promise<Inspection> {
    const { permissions, signal } = this.#options;
    const { leftOut, changed } = this.outcomes;
    const known = this.#inspections.get(task);
    const isCurrent = known !== undefined && !task.reflects.some((other) => leftOut.has(other));
    const [found] = await Promise.allSettled([isCurrent ? resolved(known) : inspect(host, task, { leftOut, signal })]);
    if (task.retry === undefined || changed.size > 0 || !this.#needsAnother(found)) return resolved(found);
    this.#inspections = new Map();
    try {
      const checked = await checkInspected(host, task, () => resolved(found), { leftOut, signal, permissions });
      return checked.inspection;
    } catch (error) {
      if (found.status === 'fulfilled') this.#lateError = error;
      throw error;
    }
  }

  /** Whether to wait: for an inspection that succeeds; in check mode also for what `until` waits for, which apply does in the task's turn. */
  #needsAnother(found: PromiseSettledResult<Inspection>): boolean {
    if (found.status === 'rejected') return !(found.reason instanceof ConnectionError);
    const { differences, missing, reading } = found.value;
    const isCheck = this.#options.planChange !== undefined;
    return isCheck && reading.isAwaited && differences.length === 0 && missing.length === 0;
  }
}

async function resolved<T>(settled: PromiseSettledResult<T>): Promise<T> {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
