import { KvmPlayError } from '../errors.ts';
import type { NetworkChangePhase, PlayEvent, TaskName, TaskStatus } from '../events/events.ts';
import type { PhaseDetails } from '../network_change/open_change.ts';
import type { Handling } from '../site/flatten.ts';
import type { TaskResult } from '../task/task.ts';

/** Makes an error of whatever was thrown. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Emits the events of a play on one host. Each task has one end, or was skipped. */
export class HostReport {
  readonly #host: string;
  readonly #emit: (event: PlayEvent) => void;
  readonly #open: Map<number, TaskName>;
  /** When the last task ended, or the one under way began: what is waited for twice would be counted twice. */
  #since = performance.now();

  /**
   * @param host its name
   * @param names the items that will have an end
   * @param emit gets every event
   */
  constructor(host: string, names: readonly TaskName[], emit: (event: PlayEvent) => void) {
    this.#host = host;
    this.#emit = emit;
    this.#open = new Map(names.map((name) => [name.index, name]));
  }

  /** All tasks have been inspected at once: that is no part of any task's time. */
  inspected(): void {
    this.#since = performance.now();
  }

  /** A task is about to be inspected once more, and applied. */
  start(task: TaskName): void {
    this.#since = performance.now();
    this.#emit({ type: 'task-start', host: this.#host, task });
  }

  /** A task is as wanted; in check mode, it is known what it comes to. */
  end(task: TaskName, more: { readonly result: TaskResult; readonly after?: readonly string[] }): void {
    this.#close(task, more.result.steps.length > 0 ? 'changed' : 'ok', more);
  }

  /** An assertion holds. */
  held(name: TaskName): void {
    this.end(name, { result: { changed: false, differences: [], steps: [], warnings: [], before: {}, after: {} } });
  }

  /** An item is not wanted on this host. */
  skip(name: TaskName, reason: string): void {
    this.#close(name, 'skipped', { reason });
  }

  /** An item has failed. Unless that is handled, the play ends on this host. */
  fail(name: TaskName, cause: unknown, handling?: Handling): void {
    const error = asError(cause);
    const { title, location } = name;
    if (error instanceof KvmPlayError) error.at({ host: this.#host, task: title, location });
    this.#close(name, 'failed', { error, ...(handling && { handling }) });
  }

  /** The host was lost in the midst of a task: nobody knows what became of it, so it has no end. */
  lose(task: TaskName): void {
    this.#open.delete(task.index);
  }

  /** A network change enters a phase. */
  changePhase(title: string, phase: NetworkChangePhase, { task, ...details }: PhaseDetails = {}): void {
    const reason = task && { reason: task.title };
    this.#emit({ type: 'network-change', host: this.#host, title, phase, ...details, ...reason });
  }

  /** Something has changed, and all tasks are inspected once more. */
  verify(): void {
    this.#emit({ type: 'host-phase', host: this.#host, phase: 'verifying' });
  }

  /** Something failed that is no task's failure. */
  failHost(error: unknown): void {
    this.#emit({ type: 'host-failed', host: this.#host, error: asError(error) });
  }

  /** Whatever has no end yet was not attempted. */
  skipRest(): void {
    for (const task of this.#open.values()) {
      this.#emit({ type: 'task-end', host: this.#host, task, status: 'skipped', seconds: 0 });
    }
    this.#open.clear();
  }

  #close(
    task: TaskName,
    status: TaskStatus,
    more: Pick<Extract<PlayEvent, { type: 'task-end' }>, 'result' | 'after' | 'reason' | 'error' | 'handling'>,
  ): void {
    this.#open.delete(task.index);
    const now = performance.now();
    const seconds = status === 'skipped' ? 0 : (now - this.#since) / 1000;
    this.#since = now;
    this.#emit({ type: 'task-end', host: this.#host, task, status, ...more, seconds });
  }
}
