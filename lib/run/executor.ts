import { applyInspected } from '../engine/apply_task.ts';
import type { Inspection, InspectOptions } from '../engine/inspect.ts';
import { type Permissions, type PlannedTask, refuseMissing } from '../engine/plan_steps.ts';
import { resultOf } from '../engine/result.ts';
import {
  ConnectionError,
  ConvergenceError,
  InterruptedError,
  PlanMismatchError,
  RollBackUnverifiedError,
} from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { TellPhase } from '../network_change/open_change.ts';
import { Outcomes } from '../preview/outcomes.ts';
import { planTask } from '../preview/plan_task.ts';
import type { Preview } from '../preview/preview.ts';
import { type End, endOf, type Walker, walk } from '../preview/walk.ts';
import type { ReviewedPlay } from '../review/reviewed_play.ts';
import { type ChangeNode, isTaskNode, type LeafNode, type Node, plannedLeaves } from '../site/flatten.ts';
import { describeDifferences } from '../task/diff.ts';
import type { Facts } from '../task/facts.ts';
import type { Task, TaskResult } from '../task/task.ts';
import type { HostReport } from './host_report.ts';
import { Prefetcher } from './prefetch.ts';

/** What the executor needs. */
export interface ExecutorOptions {
  readonly host: Host;
  /** The same machine, as root or as the user who logs in. */
  readonly hostFor: (become: boolean) => Host;
  readonly permissions: Permissions;
  readonly signal: AbortSignal | undefined;
  /** undefined where no item of the play needs them. */
  readonly facts: Facts | undefined;
  readonly report: HostReport;
  /** What was reviewed: exactly that is done, or nothing. */
  readonly reviewed: ReviewedPlay | undefined;
}

/**
 * Apply mode: carries out on one host what the preview expects. Each task is inspected again in its turn; ahead of that only where
 * nothing can have changed in between.
 */
export class Executor implements Walker {
  readonly outcomes: Outcomes;
  readonly #options: ExecutorOptions;
  readonly #nodes: readonly Node[];
  readonly #prefetcher: Prefetcher;
  readonly #inspectOptions: InspectOptions;

  constructor(options: ExecutorOptions, nodes: readonly Node[], { entries, leftOut }: Preview) {
    const { host, hostFor, facts, signal } = options;
    this.#options = options;
    this.#nodes = nodes;
    // Tasks that load another one were inspected as if it were wanted, or left out: once that changes, they are inspected again.
    this.outcomes = new Outcomes(host.name, { facts, leftOut, onLeftOut: () => this.#prefetcher.discard() });
    this.#inspectOptions = { signal, written: this.outcomes.changed, leftOut: this.outcomes.leftOut };
    const known = new Set<LeafNode>(plannedLeaves(nodes));
    const expected = entries.flatMap((entry) => {
      if (entry.kind !== 'task' || !known.has(entry.node)) return [];
      const { node, task, inspection, steps } = entry;
      return [{ task, host: hostFor(node.become), inspection, isExpected: steps.length > 0 }];
    });
    this.#prefetcher = new Prefetcher(expected, this.#inspectOptions);
  }

  /**
   * Carries out the play, and verifies at its end that every task still holds.
   * @throws ConvergenceError that names what a later task has undone; PlanMismatchError; ConnectionError when the host is lost
   */
  async execute(): Promise<void> {
    if ((await walk(this.#nodes, this)) !== 'done') return;
    await this.#verify();
    this.#options.reviewed?.compareEnd();
  }

  async task(node: LeafNode<Task>): Promise<void> {
    const { item: task, name, become } = node;
    const { report, permissions, signal, reviewed } = this.#options;
    const host = this.#options.hostFor(become);
    report.start(name);
    if (signal?.aborted) throw new InterruptedError('interrupted');
    this.outcomes.attempted(task);
    const result = await applyInspected(host, task, () => this.#prefetcher.inspect(task, host), {
      ...this.#inspectOptions,
      permissions,
      prefetch: { start: () => this.#prefetcher.startBehind(task), discard: () => this.#prefetcher.discard() },
      review: async (steps) => reviewed?.compareSteps(node, steps),
    });
    this.#end(host, node, result);
  }

  async change(node: ChangeNode, onTask: (node: LeafNode<Task>) => void): Promise<void> {
    const { change, nodes, become } = node;
    const { report, reviewed, signal } = this.#options;
    const host = this.#options.hostFor(become);
    const planned = await this.#planAgain(host, nodes, onTask);
    for (const [index, each] of nodes.entries()) await reviewed?.compareSteps(each, planned[index]?.steps ?? []);
    const onPhase: TellPhase = (phase, details) => {
      const begun = nodes.find(({ item }) => item === details?.task);
      if (begun !== undefined) {
        onTask(begun);
        report.start(begun.name);
      }
      report.changePhase(change.title, phase, details);
    };
    const { applyChange } = await import('../network_change/change_run.ts');
    const results = planned.some(({ steps }) => steps.length > 0)
      ? await applyChange(
          host,
          change,
          planned,
          {
            signal,
            prefetch: { start: () => {}, discard: () => this.#prefetcher.discard() },
            reviewPlan: (plan) => reviewed?.compareChange(change.title, plan),
          },
          onPhase,
        )
      : planned.map(({ inspection, steps }) => resultOf(inspection, steps));
    for (const [index, each] of nodes.entries()) {
      const result = results[index];
      if (result !== undefined) this.#end(host, each, result);
    }
  }

  held({ name }: LeafNode): void {
    this.#options.report.held(name);
  }

  async skipped(node: LeafNode, reason: string): Promise<void> {
    if (isTaskNode(node)) await this.#options.reviewed?.compareSteps(node, []);
    this.#options.report.skip(node.name, reason);
  }

  failed(node: LeafNode, error: unknown): End {
    const { report } = this.#options;
    const { name } = node;
    if (error instanceof ConnectionError) {
      report.lose(name);
      throw error.at({ task: name.title, location: name.location });
    }
    const isInterrupted = error instanceof InterruptedError;
    // After an unverified roll-back or a plan mismatch, `mayFail` and `rescue` do not apply.
    const isFinal = isInterrupted || error instanceof RollBackUnverifiedError || error instanceof PlanMismatchError;
    const handling = isFinal ? undefined : node.handling;
    if (isTaskNode(node)) this.outcomes.failed(node.item, handling !== undefined);
    if (!isInterrupted || error.taken > 0) report.fail(name, error, handling);
    return isFinal ? 'ended' : endOf(handling);
  }

  async undone(tasks: readonly Task[]): Promise<readonly Task[]> {
    const mustHold = [...this.outcomes.mustHold()].filter(([task]) => tasks.includes(task));
    return (await this.#whatIsUndone(new Map(mustHold))).map(({ task }) => task);
  }

  #end(host: Host, { item: task, name }: LeafNode<Task>, result: TaskResult): void {
    this.outcomes.done(task, host, result);
    this.#options.report.end(name, { result });
  }

  /** Plans the tasks of a network change as a whole, from one set of inspections that are made in its turn. */
  async #planAgain(
    host: Host,
    nodes: readonly LeafNode<Task>[],
    onTask: (node: LeafNode<Task>) => void,
  ): Promise<readonly PlannedTask[]> {
    const inspections = await Promise.all(nodes.map(({ item }) => this.#prefetcher.inspect(item, host)));
    const permissions = { ...this.#options.permissions, inNetworkChange: true };
    const changing = new Set<Task>();
    const planned = inspections.flatMap((inspection, index) => {
      const node = nodes[index];
      if (node === undefined) return [];
      onTask(node);
      const plan = planTask(host, node.item, inspection, changing, permissions);
      refuseMissing(plan.lacking);
      if (plan.steps.length > 0) changing.add(node.item);
      return [plan];
    });
    const [first] = nodes;
    if (first !== undefined) onTask(first);
    return planned;
  }

  /** Law 7: after a play that changed something, every task must still hold. @throws ConvergenceError */
  async #verify(): Promise<void> {
    if (this.outcomes.changed.size === 0) return;
    const { host, report } = this.#options;
    report.verify();
    const undone = await this.#whatIsUndone(this.outcomes.mustHold());
    if (undone.length === 0) return;
    const lines = undone.map(
      ({ task, inspection }) => `'${task.title}' no longer holds: ${describeDifferences(inspection.differences)}`,
    );
    throw new ConvergenceError(`${lines.join('\n')}\na later task of the play has undone it`).at({
      host: host.name,
      location: undone[0]?.task.location,
    });
  }

  async #whatIsUndone(
    tasks: ReadonlyMap<Task, Host>,
  ): Promise<readonly { readonly task: Task; readonly inspection: Inspection }[]> {
    return (await this.#prefetcher.atTheEnd(tasks)).filter(({ inspection }) => inspection.differences.length > 0);
  }
}
