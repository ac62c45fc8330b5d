import { BugError, PlaybookError } from '../errors.ts';
import type { Facts } from '../task/facts.ts';
import type { Asking, Known, Task } from '../task/task.ts';

/** What became of a task. */
export interface Outcome<State = unknown> {
  readonly task: Task<State>;
  readonly status: 'ok' | 'changed' | 'failed' | 'skipped';
  readonly before: Partial<State>;
  readonly after: Partial<State>;
}

/** Results of tasks on one host, as they come. */
export class Results {
  readonly #host: string;
  readonly #facts: Facts | undefined;
  readonly #outcomes = new Map<Task, Outcome>();

  /** @param facts undefined where nobody asks for them */
  constructor(host: string, facts: Facts | undefined) {
    this.#host = host;
    this.#facts = facts;
  }

  /** Notes what became of a task. */
  add(outcome: Outcome): void {
    this.#outcomes.set(outcome.task, outcome);
  }

  /** Notes that a task has no state: it was skipped, or failed. */
  addWithout(task: Task, status: 'failed' | 'skipped'): void {
    this.add({ task, status, before: {}, after: {} });
  }

  /** What became of a task; undefined while it has no outcome. */
  statusOf(task: Task): Outcome['status'] | undefined {
    return this.#outcomes.get(task)?.status;
  }

  /** What is known when it is this item's turn. */
  knownTo(asking: Asking): Known {
    const facts = this.#facts;
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

  #of<State>(task: Task<State>, asking: Asking): Outcome<State> {
    const found = this.#outcomes.get(task);
    if (found !== undefined && isOf(task, found)) return found;
    throw new PlaybookError(
      `it uses the result of ${placed(task)}, which has not had its turn by then, or is no task of this play`,
    ).at({ task: asking.title, location: asking.location });
  }
}

function isOf<State>(task: Task<State>, outcome: Outcome): outcome is Outcome<State> {
  return outcome.task === task;
}

/** Names an item with its line. */
export function placed({ title, location }: Asking): string {
  return location === undefined ? `'${title}'` : `'${title}' (${location.file}:${location.line})`;
}
