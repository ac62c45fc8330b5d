import { KvmPlayError } from '../errors.ts';
import type { PlayEvent, TaskName, TaskStatus } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import type { End } from '../preview/turn.ts';
import type { Handling } from '../site/flatten.ts';
import type { TaskResult } from '../task/task.ts';

/** Makes an error of whatever was thrown. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Tells of each task of a play on one host once: its end, or that it was skipped. */
export class HostReport {
  readonly #host: Host;
  readonly #emit: (event: PlayEvent) => void;
  readonly #open: Map<number, TaskName>;
  /** When the last task ended, or the one under way began: what is waited for twice would be counted twice. */
  #since = performance.now();

  /**
   * @param names what will have an end
   * @param emit gets every event
   */
  constructor(host: Host, names: readonly TaskName[], emit: (event: PlayEvent) => void) {
    this.#host = host;
    this.#emit = emit;
    this.#open = new Map(names.map((name) => [name.index, name]));
  }

  /** All tasks have been looked at: that was for all of them at once, and is no part of any one's time. */
  begin(): void {
    this.#since = performance.now();
  }

  /** A task is about to be looked at once more, and applied. */
  start(task: TaskName): void {
    this.#since = performance.now();
    this.#emit({ type: 'task-start', host: this.#host.name, task });
  }

  /** A task is as wanted; in check mode, it is known what it comes to. */
  end(task: TaskName, status: TaskStatus, more: { result: TaskResult; after?: readonly string[] }): End {
    this.#close(task, status, more);
    return 'done';
  }

  /** What must hold does. */
  hold(task: TaskName): End {
    const result = { changed: false, differences: [], steps: [], warnings: [], before: {}, after: {} };
    return this.end(task, 'ok', { result });
  }

  /** A task is not wanted on this host. */
  skip(task: TaskName, reason: string): End {
    this.#close(task, 'skipped', { reason });
    return 'done';
  }

  /** A task has failed. Unless somebody deals with that, its host ends with it. */
  fail(task: TaskName, cause: unknown, handling?: Handling): End {
    const error = asError(cause);
    const { title, location } = task;
    if (error instanceof KvmPlayError) error.at({ host: this.#host.name, task: title, location });
    this.#close(task, 'failed', { error, ...(handling && { handling }) });
    if (handling === undefined) return 'broken';
    return handling === 'ignored' ? 'done' : 'failed';
  }

  /** Nobody knows what became of the task under way when the host was lost: it was neither done nor skipped. */
  lose(task: TaskName): void {
    this.#open.delete(task.index);
  }

  /** Whatever has no end yet was not attempted. */
  skipRest(): void {
    for (const task of this.#open.values()) {
      this.#emit({ type: 'task-end', host: this.#host.name, task, status: 'skipped', seconds: 0 });
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
    this.#emit({ type: 'task-end', host: this.#host.name, task, status, ...more, seconds });
  }
}
