import { BugError, PlaybookError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { Facts } from '../task/facts.ts';
import type { Asking, Known, Task } from '../task/task.ts';

/** What became of a task. */
export interface Outcome<State = unknown> {
  readonly task: Task<State>;
  readonly status: 'ok' | 'changed' | 'failed' | 'skipped';
  readonly before: Partial<State>;
  readonly after: Partial<State>;
}

/** What outcomes begin with. */
export interface OutcomesOptions {
  /** undefined where no item of the play needs them. */
  readonly facts: Facts | undefined;
  /** Tasks that count as changed from the start. */
  readonly changed?: ReadonlySet<Task>;
  /** Tasks that count as left out from the start. */
  readonly leftOut?: ReadonlySet<Task>;
  /** Called when a task is left out, and when one that was left out is attempted: a task that loads it must be inspected again. */
  readonly onLeftOut?: () => void;
}

/** What has become of the tasks of a play on one host so far; in a preview, what would have become of them. */
export class Outcomes {
  readonly #host: string;
  readonly #options: OutcomesOptions;
  readonly #outcomes = new Map<Task, Outcome>();
  readonly #changed: Set<Task>;
  readonly #leftOut: Set<Task>;
  readonly #mustHold = new Map<Task, Host>();
  readonly #suspended = new Set<Task>();

  /** @param host its name */
  constructor(host: string, options: OutcomesOptions) {
    this.#host = host;
    this.#options = options;
    this.#changed = new Set(options.changed);
    this.#leftOut = new Set(options.leftOut);
  }

  /** Tasks that have changed something. */
  get changed(): ReadonlySet<Task> {
    return this.#changed;
  }

  /** Tasks that were skipped, and those whose failure is ignored or rescued: nothing of them is loaded. */
  get leftOut(): ReadonlySet<Task> {
    return this.#leftOut;
  }

  /** A task is as wanted, and must still be so at the end of the play. @param host where it is inspected then */
  done<State>(
    task: Task<State>,
    host: Host,
    result: Pick<Outcome<State>, 'before' | 'after'> & { changed: boolean },
  ): void {
    const { changed, before, after } = result;
    if (changed) this.#changed.add(task);
    if (!task.isUnknowable) this.#mustHold.set(task, host);
    this.#outcomes.set(task, { task, status: changed ? 'changed' : 'ok', before, after });
  }

  /** A task was not wanted, or not attempted. */
  skipped(task: Task): void {
    this.#outcomes.set(task, { task, status: 'skipped', before: {}, after: {} });
    this.#leaveOut(task);
  }

  /** A task has failed. @param isHandled whether the failure is ignored or rescued, so that the run goes on without the task */
  failed(task: Task, isHandled: boolean): void {
    this.#outcomes.set(task, { task, status: 'failed', before: {}, after: {} });
    if (isHandled) this.#leaveOut(task);
  }

  /** A task is attempted: if the preview left it out, it is wanted after all. */
  attempted(task: Task): void {
    if (this.#leftOut.delete(task)) this.#options.onLeftOut?.();
  }

  /** What became of a task; undefined while it has no outcome. */
  statusOf(task: Task): Outcome['status'] | undefined {
    return this.#outcomes.get(task)?.status;
  }

  /** All tasks that must hold at the end, in order, each with the host on which it is inspected. */
  mustHold(): ReadonlyMap<Task, Host> {
    return new Map([...this.#mustHold].filter(([task]) => !this.#suspended.has(task)));
  }

  /** Tasks that must hold now and did not have to before. @param before what {@link mustHold} was */
  mustHoldSince(before: ReadonlyMap<Task, Host>): readonly Task[] {
    return [...this.mustHold().keys()].filter((task) => !before.has(task));
  }

  /** These tasks need not hold any more. */
  release(tasks: readonly Task[]): void {
    for (const task of tasks) this.#mustHold.delete(task);
  }

  /** These tasks need not hold until they are resumed. */
  suspend(tasks: readonly Task[]): void {
    for (const task of tasks) this.#suspended.add(task);
  }

  /** These tasks must hold again. */
  resume(tasks: readonly Task[]): void {
    for (const task of tasks) this.#suspended.delete(task);
  }

  /** The results and facts of the host, for the condition or the function of an item whose turn it is. */
  knownTo(asking: Asking): Known {
    const { facts } = this.#options;
    if (facts === undefined) throw new BugError(`'${asking.title}' asks for facts that were not read`);
    const of = <State>(task: Task<State>): Outcome<State> => this.#of(task, asking);
    return {
      host: this.#host,
      facts,
      changed: (task) => of(task).status === 'changed',
      failed: (task) => of(task).status === 'failed',
      skipped: (task) => of(task).status === 'skipped',
      before: (task) => of(task).before,
      after: (task) => of(task).after,
    };
  }

  #leaveOut(task: Task): void {
    if (!this.#leftOut.has(task)) this.#options.onLeftOut?.();
    this.#leftOut.add(task);
  }

  #of<State>(task: Task<State>, asking: Asking): Outcome<State> {
    const found = this.#outcomes.get(task);
    if (found !== undefined && isOf(task, found)) return found;
    throw new PlaybookError(
      `it uses the result of ${withLine(task)}, which has not had its turn by then, or is no task of this play`,
    ).at({ task: asking.title, location: asking.location });
  }
}

function isOf<State>(task: Task<State>, outcome: Outcome): outcome is Outcome<State> {
  return outcome.task === task;
}

/** Names an item with its line. */
export function withLine({ title, location }: Asking): string {
  return location === undefined ? `'${title}'` : `'${title}' (${location.file}:${location.line})`;
}
