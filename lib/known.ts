import { BugError, PlaybookError } from './errors.ts';
import type { Facts } from './facts.ts';
import type { Task } from './module.ts';

/** Says whether something is so on a host. Pure: check mode asks with what is foreseen, apply mode with what has happened. */
export type Condition = (known: Known) => boolean;

/**
 * What is known of a host when it is an item's turn: the host itself, and what became of earlier tasks. A result is reached through
 * the task, never through a name. In check mode results are those that apply would have.
 */
export interface Known {
  /** The host's name, as the user wrote it. */
  readonly host: string;
  readonly facts: Facts;
  /** True when the task changed something. @throws PlaybookError when it has not had its turn */
  changed(task: Task): boolean;
  /** True when the task failed, and the run went on. @throws PlaybookError when it has not had its turn */
  failed(task: Task): boolean;
  /** True when the task was not wanted. @throws PlaybookError when it has not had its turn */
  skipped(task: Task): boolean;
  /** The task's state before it changed anything; empty where it was skipped or failed. @throws PlaybookError when it has not had its turn */
  before<State>(task: Task<State>): Partial<State>;
  /** The task's state now; empty where it was skipped or failed. @throws PlaybookError when it has not had its turn */
  after<State>(task: Task<State>): Partial<State>;
}

/** What became of a task. */
export interface Outcome<State = unknown> {
  readonly task: Task<State>;
  readonly status: 'ok' | 'changed' | 'failed' | 'skipped';
  readonly before: Partial<State>;
  readonly after: Partial<State>;
}

/** Whoever asks for a result: a task, or another item of a play. */
export type Asking = Pick<Task, 'title' | 'location'>;

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
