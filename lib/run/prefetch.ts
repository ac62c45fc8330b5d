import { type Inspection, type InspectOptions, inspect } from '../engine/inspect.ts';
import type { Host } from '../hosts/host.ts';
import type { Task } from '../task/task.ts';

/** A task that can be prefetched. */
export interface ExpectedTask {
  readonly task: Task;
  /** Where it is inspected: as root, or as the user who logs in. */
  readonly host: Host;
  /** The task as it was found before anything was changed. */
  readonly inspection: Inspection;
  /** True when it is expected to change something. */
  readonly isExpected: boolean;
}

/**
 * Inspects tasks before it is their turn, so that their reads travel together, and with the steps of the task before them.
 * An inspection counts only as long as nothing has changed on the host since; whoever changes something calls {@link discard}.
 * Inspections reach as far as the next task that is expected to change something: behind that one they would be in vain. Where none
 * is expected they reach to the end of the play, and the tasks before are inspected again as well, for the proof that all still hold.
 * A task that was not known from the start is inspected in its turn.
 */
export class Prefetcher {
  readonly #tasks: readonly ExpectedTask[];
  readonly #options: InspectOptions;
  #inspections: Map<Task, Promise<Inspection>>;

  /**
   * @param tasks in order
   * @param options its sets grow as the play goes on
   */
  constructor(tasks: readonly ExpectedTask[], options: InspectOptions) {
    this.#tasks = tasks;
    this.#options = options;
    this.#inspections = new Map(tasks.map(({ task, inspection }) => [task, Promise.resolve(inspection)]));
  }

  /** A task as it is found in its turn. A prefetched inspection that failed is made again. */
  async inspect(task: Task, host: Host): Promise<Inspection> {
    const prefetched = await this.#inspections.get(task)?.catch(() => undefined);
    if (prefetched !== undefined) return prefetched;
    this.#inspections.delete(task);
    const index = this.#indexOf(task);
    if (index !== undefined) this.#start(index, this.#options);
    return this.#inspections.get(task) ?? inspect(host, task, this.#options);
  }

  /** Prefetches behind a task whose steps are being executed in this turn of the event loop. */
  startBehind(task: Task): void {
    const index = this.#indexOf(task);
    if (index === undefined) return;
    const written = new Set([...(this.#options.written ?? []), task]);
    this.#start(index + 1, { ...this.#options, written });
  }

  /** Nothing that was prefetched counts any more. */
  discard(): void {
    this.#inspections = new Map();
  }

  /** Tasks as they are found after the last change. */
  async atTheEnd(
    tasks: ReadonlyMap<Task, Host>,
  ): Promise<readonly { readonly task: Task; readonly inspection: Inspection }[]> {
    return Promise.all(
      [...tasks].map(async ([task, host]) => {
        const prefetched = await this.#inspections.get(task)?.catch(() => undefined);
        return { task, inspection: prefetched ?? (await inspect(host, task, this.#optionsAtTheEnd())) };
      }),
    );
  }

  #indexOf(task: Task): number | undefined {
    const index = this.#tasks.findIndex((each) => each.task === task);
    return index === -1 ? undefined : index;
  }

  #start(from: number, options: InspectOptions): void {
    for (const expected of this.#tasks.slice(from)) {
      this.#keep(expected, options);
      if (expected.isExpected) return;
    }
    for (const expected of this.#tasks.slice(0, from)) this.#keep(expected, this.#optionsAtTheEnd());
  }

  /** That a task has written something in this run is no reason to load it again at the end. */
  #optionsAtTheEnd(): InspectOptions {
    const { leftOut } = this.#options;
    return leftOut === undefined ? {} : { leftOut };
  }

  #keep({ task, host }: ExpectedTask, options: InspectOptions): void {
    if (this.#inspections.has(task)) return;
    const inspection = inspect(host, task, options);
    // Whether it failed is of interest only in its turn.
    inspection.catch(() => {});
    this.#inspections.set(task, inspection);
  }
}
