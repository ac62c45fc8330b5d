import type { TaskResult } from './engine.ts';
import { KvmPlayError } from './errors.ts';
import { type PlayEvent, type TaskName, type TaskStatus, taskName } from './events.ts';
import type { Host } from './hosts/host.ts';
import type { Task } from './module.ts';

/** Makes an error of whatever was thrown. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Tells of each task of a play on one host once: its end, or that it was skipped. */
export class HostReport {
  readonly #host: Host;
  readonly #emit: (event: PlayEvent) => void;
  readonly #open: Map<number, TaskName>;
  #started = performance.now();

  /** @param emit gets every event */
  constructor(host: Host, tasks: readonly Task[], emit: (event: PlayEvent) => void) {
    this.#host = host;
    this.#emit = emit;
    this.#open = new Map(tasks.map((task, index) => [index, taskName(task, index)]));
  }

  /** A task is about to be looked at once more, and applied. */
  start(task: TaskName): void {
    this.#started = performance.now();
    this.#emit({ type: 'task-start', host: this.#host.name, task });
  }

  /** A task is as wanted; in check mode, it is known what it comes to. */
  end(task: TaskName, status: TaskStatus, more: { result: TaskResult; after?: readonly string[] }): true {
    this.#open.delete(task.index);
    this.#emit({ type: 'task-end', host: this.#host.name, task, status, ...more, seconds: this.#seconds() });
    return true;
  }

  /** A task has failed, and ends its host. */
  fail(name: TaskName, task: Task, reason: unknown): false {
    const error = asError(reason);
    if (error instanceof KvmPlayError) error.at({ host: this.#host.name, task: task.title, location: task.location });
    this.#open.delete(name.index);
    this.#emit({
      type: 'task-end',
      host: this.#host.name,
      task: name,
      status: 'failed',
      error,
      seconds: this.#seconds(),
    });
    return false;
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

  #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }
}
