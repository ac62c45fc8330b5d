import { applyInspected } from '../engine/apply_task.ts';
import type { Inspection, InspectOptions } from '../engine/inspect.ts';
import { type Permissions, planSteps, refuseMissing } from '../engine/plan_steps.ts';
import { resultOf } from '../engine/result.ts';
import {
  ConnectionError,
  ConvergenceError,
  InterruptedError,
  PlanMismatchError,
  RollBackUnverifiedError,
} from '../errors.ts';
import type { PlayEvent, TaskStatus } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import type { ChangeOptions, PlannedTask } from '../network_change/change_run.ts';
import type { TellPhase } from '../network_change/open_change.ts';
import { KeptTasks } from '../preview/kept_tasks.ts';
import { type Forecast, type TaskForecast, withDue } from '../preview/preview.ts';
import { Results } from '../preview/results.ts';
import { type End, hold, inTurn, madeNow, noTask, reasonToSkip, type Taker, takeBlock } from '../preview/turn.ts';
import type { ReviewedPlay } from '../review/reviewed_play.ts';
import {
  type ChangeNode,
  isAssertionNode,
  isLaterNode,
  isTaskNode,
  type LeafNode,
  type Node,
  plannedLeaves,
} from '../site/flatten.ts';
import type { Later } from '../site/play_items.ts';
import { describeDifferences } from '../task/diff.ts';
import type { Facts } from '../task/facts.ts';
import type { Step } from '../task/step.ts';
import type { Task, TaskResult } from '../task/task.ts';
import type { HostReport } from './host_report.ts';
import { ReadAhead } from './prefetch.ts';

/** What turns are taken with. */
export interface HostTurnsOptions {
  readonly host: Host;
  /** The same machine, as root or as the user who logs in. */
  readonly hostFor: (become: boolean) => Host;
  readonly options: InspectOptions &
    Permissions & { readonly check?: boolean; readonly reviewed?: ReviewedPlay | undefined };
  readonly report: HostReport;
  readonly emit: (event: PlayEvent) => void;
  /** Gets the tasks that have changed something. */
  readonly written: Set<Task>;
  /** Gets the tasks that are not wanted on this host: nothing of them is loaded. */
  readonly unwanted: Set<Task>;
}

/** Takes the nodes of a play in turn on one host: check mode says what was foreseen, apply mode looks again and acts. */
export class HostTurns implements Taker {
  readonly results: Results;
  readonly kept: KeptTasks = new KeptTasks();
  readonly #from: HostTurnsOptions;
  readonly #forecasts: ReadonlyMap<LeafNode, Forecast>;
  readonly #ahead: ReadAhead;

  constructor(
    from: HostTurnsOptions,
    nodes: readonly Node[],
    forecasts: ReadonlyMap<LeafNode, Forecast>,
    facts: Facts | undefined,
  ) {
    this.#from = from;
    this.#forecasts = forecasts;
    this.results = new Results(from.host.name, facts);
    const known = plannedLeaves(nodes).flatMap((node) =>
      this.#foreseen(node).map(({ task, inspection, steps }) => {
        return { task, host: from.hostFor(node.become), inspection, isExpected: steps.length > 0 };
      }),
    );
    this.#ahead = new ReadAhead(known, this.#engineOptions());
  }

  /** Takes nodes one after the other. @throws ConnectionError when the host is lost */
  async take(nodes: readonly Node[]): Promise<End> {
    return inTurn(nodes, async (node) => {
      switch (node.kind) {
        case 'leaf':
          return this.#leaf(node);
        case 'change':
          return this.#change(node);
        case 'block':
          return takeBlock(node, this);
      }
    });
  }

  /**
   * Law 7: after a play that changed something, every task must still hold.
   * @throws ConvergenceError that names what a later task has undone
   */
  async verify(): Promise<void> {
    const { host, written, emit } = this.#from;
    if (written.size === 0) return;
    emit({ type: 'host-phase', host: host.name, phase: 'verifying' });
    const undone = await this.#lookForUndone(this.kept.all());
    if (undone.length === 0) return;
    const lines = undone.map(
      ({ task, inspection }) => `'${task.title}' no longer holds: ${describeDifferences(inspection.differences)}`,
    );
    throw new ConvergenceError(`${lines.join('\n')}\na later task of the play has undone it`).at({
      host: host.name,
      location: undone[0]?.task.location,
    });
  }

  /** What was seen of tasks that load this one took it for wanted. */
  leaveOut(task: Task): void {
    const { unwanted } = this.#from;
    if (!unwanted.has(task)) this.#ahead.forget();
    unwanted.add(task);
  }

  async undone(tasks: readonly Task[]): Promise<readonly Task[]> {
    const kept = [...this.kept.all()].filter(([task]) => tasks.includes(task));
    return (await this.#lookForUndone(new Map(kept))).map(({ task }) => task);
  }

  async #lookForUndone(tasks: ReadonlyMap<Task, Host>): Promise<readonly { task: Task; inspection: Inspection }[]> {
    return (await this.#ahead.all(tasks)).filter(({ inspection }) => inspection.differences.length > 0);
  }

  async #leaf(node: LeafNode): Promise<End> {
    if (this.#from.options.check) return this.#tell(node);
    try {
      const reason = reasonToSkip(node.conditions, this.results);
      if (reason !== undefined) return await this.#skip(node, reason);
      if (isTaskNode(node)) return await this.#task(node);
      if (isLaterNode(node)) return await this.#made(node);
      if (isAssertionNode(node)) hold(node.item, this.results);
      return this.#from.report.hold(node.name);
    } catch (error) {
      return this.#endOf(node, error);
    }
  }

  /** Check mode: what was foreseen is what it comes to. */
  async #tell(node: LeafNode): Promise<End> {
    const { report } = this.#from;
    const forecast = this.#forecasts.get(node);
    switch (forecast?.kind) {
      case 'task':
        return report.end(node.name, statusOf(forecast.steps), {
          result: resultOf(forecast.inspection, forecast.steps),
          after: forecast.after,
        });
      case 'made':
        return this.take(forecast.nodes);
      case 'holds':
        return report.hold(node.name);
      case 'skipped':
        return report.skip(node.name, forecast.reason);
      case 'failed':
        return report.fail(node.name, forecast.error, node.handling);
      default:
        return 'ended';
    }
  }

  async #skip(node: LeafNode, reason: string): Promise<End> {
    if (isTaskNode(node)) {
      this.results.addWithout(node.item, 'skipped');
      this.leaveOut(node.item);
      await this.#review(node, []);
    }
    return this.#from.report.skip(node.name, reason);
  }

  async #made(node: LeafNode<Later>): Promise<End> {
    const nodes = madeNow(node, this.results);
    return nodes.length === 0 ? this.#from.report.skip(node.name, noTask) : this.take(nodes);
  }

  async #task(node: LeafNode<Task>): Promise<End> {
    const { item: task, name, become } = node;
    const { options, report, unwanted } = this.#from;
    const host = this.#from.hostFor(become);
    report.start(name);
    if (options.signal?.aborted) throw new InterruptedError('interrupted');
    // What was foreseen not to be wanted is wanted after all.
    if (unwanted.delete(task)) this.#ahead.forget();
    const ahead = { start: () => this.#ahead.startBehind(task), discard: () => this.#ahead.forget() };
    const review = (steps: readonly Step[]): Promise<void> => this.#review(node, steps);
    const first = (): Promise<Inspection> => this.#ahead.look(task, host);
    const outcome = await applyInspected(host, task, first, {
      ...this.#engineOptions(),
      permissions: options,
      prefetch: ahead,
      review,
    });
    return this.#end(host, { task, name }, outcome);
  }

  #end(host: Host, { task, name }: Pick<TaskForecast, 'task' | 'name'>, outcome: TaskResult): End {
    const status = statusOf(outcome.steps);
    if (outcome.changed) this.#from.written.add(task);
    this.results.add({ task, status, before: outcome.before, after: outcome.after });
    if (!task.isUnknowable) this.kept.add(task, host);
    return this.#from.report.end(name, status, { result: outcome });
  }

  /** Deals with what ended a leaf. @throws ConnectionError when the host is lost */
  #endOf(node: LeafNode, error: unknown): End {
    const { report } = this.#from;
    const { name } = node;
    if (error instanceof ConnectionError) {
      report.lose(name);
      throw error.at({ task: name.title, location: name.location });
    }
    if (isTaskNode(node)) this.results.addWithout(node.item, 'failed');
    if (error instanceof InterruptedError) {
      if (error.taken > 0) report.fail(name, error);
      return 'ended';
    }
    // On a host of which nobody knows what became, or on which something else would be done than was reviewed, nothing may follow.
    if (error instanceof RollBackUnverifiedError || error instanceof PlanMismatchError) {
      report.fail(name, error);
      return 'ended';
    }
    if (isTaskNode(node) && node.handling !== undefined) this.leaveOut(node.item);
    return report.fail(name, error, node.handling);
  }

  /** Takes the tasks of a network change as one. */
  async #change(node: ChangeNode): Promise<End> {
    const { change, nodes } = node;
    if (this.#from.options.check) return this.#planChange(node);
    let [current] = nodes;
    try {
      const reason = reasonToSkip(node.conditions, this.results);
      if (reason !== undefined) {
        for (const each of nodes) await this.#skip(each, reason);
        return 'done';
      }
      const tell = teller(this.#from, change.title, nodes, (each) => {
        current = each;
      });
      const host = this.#from.hostFor(node.become);
      for (const [{ item: task, name }, outcome] of await this.#applyChange(node, tell))
        this.#end(host, { task, name }, outcome);
      return 'done';
    } catch (error) {
      if (current === undefined) throw error;
      return this.#endOf(current, error);
    }
  }

  /** Check mode: says what the change is about to do, where all of it is foreseen. */
  async #planChange({ change, nodes, become }: ChangeNode): Promise<End> {
    const forecasts = nodes.flatMap((node) => this.#foreseen(node));
    if (forecasts.length === nodes.length && forecasts.some(({ steps }) => steps.length > 0)) {
      try {
        const { planChange } = await import('../network_change/change_run.ts');
        const plan = await planChange(this.#from.hostFor(become), change, forecasts);
        teller(this.#from, change.title, nodes)('planned', { plan });
      } catch (error) {
        const [first] = nodes;
        if (first === undefined) throw error;
        return this.#endOf(first, error);
      }
    }
    return this.take(nodes);
  }

  /** @returns what became of each task, in order */
  async #applyChange(
    { change, nodes, become }: ChangeNode,
    tell: TellPhase,
  ): Promise<readonly (readonly [LeafNode<Task>, TaskResult])[]> {
    const host = this.#from.hostFor(become);
    const planned = await this.#planAgain(host, nodes);
    for (const [index, node] of nodes.entries()) await this.#review(node, planned[index]?.steps ?? []);
    const hasSteps = planned.some(({ steps }) => steps.length > 0);
    const { applyChange } = await import('../network_change/change_run.ts');
    const options: ChangeOptions = {
      ...this.#engineOptions(),
      prefetch: { start: () => {}, discard: () => this.#ahead.forget() },
      reviewPlan: (plan) => this.#from.options.reviewed?.holdChange(change.title, plan),
    };
    const results = hasSteps
      ? await applyChange(host, change, planned, options, tell)
      : planned.map(({ inspection, steps }) => resultOf(inspection, steps));
    return nodes.flatMap((node, index) => {
      const own = results[index];
      return own === undefined ? [] : [[node, own] as const];
    });
  }

  /** Plans a group of tasks as a whole, from what is seen of them now that it is their turn. */
  async #planAgain(host: Host, nodes: readonly LeafNode<Task>[]): Promise<readonly PlannedTask[]> {
    const tasks = nodes.map(({ item }) => item);
    const looks = await Promise.all(tasks.map(async (task) => ({ task, seen: await this.#ahead.look(task, host) })));
    const changing = new Set<Task>();
    return looks.map(({ task, seen }) => {
      const inspection = withDue(task, seen, changing);
      refuseMissing(inspection.missing);
      const steps = planSteps(host, task, inspection, { ...this.#from.options, inNetworkChange: true });
      if (steps.length > 0) changing.add(task);
      return { task, inspection, steps };
    });
  }

  /** Exactly what was reviewed is done, if anything was. @throws PlanMismatchError */
  async #review(node: LeafNode, steps: readonly Step[]): Promise<void> {
    await this.#from.options.reviewed?.holdSteps(node, steps);
  }

  #foreseen(node: LeafNode): readonly TaskForecast[] {
    const forecast = this.#forecasts.get(node);
    return forecast?.kind === 'task' ? [forecast] : [];
  }

  #engineOptions(): InspectOptions {
    const { options, written, unwanted } = this.#from;
    return { signal: options.signal, written, leftOut: unwanted };
  }
}

/** Makes events of the steps of a network change; a task of it that is applied has begun. */
export function teller(
  { host, report, emit }: Pick<HostTurnsOptions, 'host' | 'report' | 'emit'>,
  title: string,
  nodes: readonly LeafNode<Task>[],
  onTask: (node: LeafNode<Task>) => void = () => {},
): TellPhase {
  return (phase, { task, ...details } = {}) => {
    const node = nodes.find(({ item }) => item === task);
    if (node !== undefined) {
      onTask(node);
      report.start(node.name);
    }
    emit({
      type: 'network-change',
      host: host.name,
      title,
      phase,
      ...details,
      ...(task !== undefined && { reason: task.title }),
    });
  };
}

function statusOf(steps: readonly Step[]): TaskStatus {
  return steps.length > 0 ? 'changed' : 'ok';
}
