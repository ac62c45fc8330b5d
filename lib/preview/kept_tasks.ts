import type { Host } from '../hosts/host.ts';
import type { Task } from '../task/task.ts';

/** Tasks that were seen to be as wanted on a host, and that must still hold when the play ends. */
export class KeptTasks {
  readonly #hosts = new Map<Task, Host>();
  readonly #suspended = new Set<Task>();

  /** A task is as wanted. @param host where it is looked at again */
  add(task: Task, host: Host): void {
    this.#hosts.set(task, host);
  }

  /** All that must hold, in the order in which they were added, each with where it is looked at. */
  all(): ReadonlyMap<Task, Host> {
    return new Map([...this.#hosts].filter(([task]) => !this.#suspended.has(task)));
  }

  /** Those that were added since. @param before what there was then */
  since(before: ReadonlyMap<Task, Host>): readonly Task[] {
    return [...this.all().keys()].filter((task) => !before.has(task));
  }

  /** These need not hold any more. */
  release(tasks: readonly Task[]): void {
    for (const task of tasks) this.#hosts.delete(task);
  }

  /** These need not hold for a while. */
  suspend(tasks: readonly Task[]): void {
    for (const task of tasks) this.#suspended.add(task);
  }

  /** These must hold again. */
  resume(tasks: readonly Task[]): void {
    for (const task of tasks) this.#suspended.delete(task);
  }
}
