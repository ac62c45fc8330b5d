import { type Inspection, type InspectOptions, inspect } from '../engine/inspect.ts';
import type { Host } from '../hosts/host.ts';
import type { Task } from '../task/task.ts';

/** A task that is read ahead. */
export interface AheadTask {
  readonly task: Task;
  /** Where it is looked at: as root, or as the user who logs in. */
  readonly host: Host;
  /** What was seen of it before anything was changed. */
  readonly inspection: Inspection;
  /** True when it is expected to change something. */
  readonly isExpected: boolean;
}

/**
 * Looks at tasks before it is their turn, so that their reads travel together, and with the steps of the task before them.
 * A look counts only as long as nothing has changed on the host since; whoever changes something says so by {@link forget}.
 * Looks reach as far as the next task that is expected to change something: behind that one they would be in vain. Where none is
 * expected they reach to the end of the play, and the tasks before are looked at again as well, for the proof that all still hold.
 * A task that was not known from the start is looked at in its turn.
 */
export class ReadAhead {
  readonly #tasks: readonly AheadTask[];
  readonly #options: InspectOptions;
  #looks: Map<Task, Promise<Inspection>>;

  /** @param tasks in order */
  constructor(tasks: readonly AheadTask[], options: InspectOptions) {
    this.#tasks = tasks;
    this.#options = options;
    this.#looks = new Map(tasks.map(({ task, inspection }) => [task, Promise.resolve(inspection)]));
  }

  /** What is seen of a task now that it is its turn. A look ahead that failed is taken again. */
  async look(task: Task, host: Host): Promise<Inspection> {
    const ahead = await this.#looks.get(task)?.catch(() => undefined);
    if (ahead !== undefined) return ahead;
    this.#looks.delete(task);
    const index = this.#indexOf(task);
    if (index !== undefined) this.#start(index, this.#options);
    return this.#looks.get(task) ?? inspect(host, task, this.#options);
  }

  /** Looks on behind a task whose steps are being executed in this turn of the event loop. */
  startBehind(task: Task): void {
    const index = this.#indexOf(task);
    if (index === undefined) return;
    const written = new Set([...(this.#options.written ?? []), task]);
    this.#start(index + 1, { ...this.#options, written });
  }

  /** Nothing that was seen counts any more. */
  forget(): void {
    this.#looks = new Map();
  }

  /** What is seen of some tasks after the last change. */
  async all(
    tasks: ReadonlyMap<Task, Host>,
  ): Promise<readonly { readonly task: Task; readonly inspection: Inspection }[]> {
    return Promise.all(
      [...tasks].map(async ([task, host]) => {
        const ahead = await this.#looks.get(task)?.catch(() => undefined);
        return { task, inspection: ahead ?? (await inspect(host, task, this.#atTheEnd())) };
      }),
    );
  }

  #indexOf(task: Task): number | undefined {
    const index = this.#tasks.findIndex((each) => each.task === task);
    return index === -1 ? undefined : index;
  }

  #start(from: number, options: InspectOptions): void {
    for (const ahead of this.#tasks.slice(from)) {
      this.#keep(ahead, options);
      if (ahead.isExpected) return;
    }
    for (const ahead of this.#tasks.slice(0, from)) this.#keep(ahead, this.#atTheEnd());
  }

  /** That a task has written something in this run is no reason to load it again at the end. */
  #atTheEnd(): InspectOptions {
    const { leftOut } = this.#options;
    return leftOut === undefined ? {} : { leftOut };
  }

  #keep({ task, host }: AheadTask, options: InspectOptions): void {
    if (this.#looks.has(task)) return;
    const look = inspect(host, task, options);
    // Whether it failed is of interest only in its turn.
    look.catch(() => {});
    this.#looks.set(task, look);
  }
}
