import { type EngineOptions, type Look, lookAt } from './engine.ts';
import type { Host } from './hosts/host.ts';
import type { Task } from './module.ts';

/**
 * Looks at tasks before it is their turn, so that their reads travel together, and with the steps of the task before them.
 * A look counts only as long as nothing has changed on the host since; whoever changes something says so by {@link forget}.
 * Looks reach as far as the next task that is expected to change something: behind that one they would be in vain. Where none is
 * expected they reach to the end of the play, and the tasks before are looked at again as well, for the proof that all still hold.
 */
export class ReadAhead {
  readonly #host: Host;
  readonly #tasks: readonly Task[];
  readonly #options: EngineOptions;
  readonly #isExpected: (index: number) => boolean;
  #looks: Map<number, Promise<Look>>;

  /**
   * @param looks what was seen of each task before anything was changed
   * @param isExpected tells whether a task is expected to change something
   */
  constructor(
    host: Host,
    tasks: readonly Task[],
    options: EngineOptions,
    looks: readonly Look[],
    isExpected: (index: number) => boolean,
  ) {
    this.#host = host;
    this.#tasks = tasks;
    this.#options = options;
    this.#isExpected = isExpected;
    this.#looks = new Map(looks.map((look, index) => [index, Promise.resolve(look)]));
  }

  /** What is seen of a task now that it is its turn. A look ahead that failed is taken again. */
  async look(index: number): Promise<Look> {
    const ahead = await this.#looks.get(index)?.catch(() => undefined);
    if (ahead !== undefined) return ahead;
    this.#looks.delete(index);
    this.#start(index, this.#options);
    return this.#looks.get(index) ?? this.#lookAt(index, this.#options);
  }

  /** Looks on behind a task whose steps are being executed in this turn of the event loop. */
  startBehind(index: number): void {
    const task = this.#tasks[index];
    const written = new Set([...(this.#options.written ?? []), ...(task === undefined ? [] : [task])]);
    this.#start(index + 1, { ...this.#options, written });
  }

  /** Nothing that was seen counts any more. */
  forget(): void {
    this.#looks = new Map();
  }

  /** What is seen of all tasks after the last change. */
  async all(): Promise<readonly { readonly task: Task; readonly look: Look }[]> {
    return Promise.all(
      this.#tasks.map(async (task, index) => {
        const ahead = await this.#looks.get(index)?.catch(() => undefined);
        return { task, look: ahead ?? (await this.#lookAt(index, {})) };
      }),
    );
  }

  #start(from: number, options: EngineOptions): void {
    for (let index = from; index < this.#tasks.length; index += 1) {
      this.#keep(index, options);
      if (this.#isExpected(index)) return;
    }
    // That a task has written something in this run is no reason to load it again at the end.
    for (let index = 0; index < from; index += 1) this.#keep(index, {});
  }

  #keep(index: number, options: EngineOptions): void {
    if (this.#looks.has(index)) return;
    const look = this.#lookAt(index, options);
    // Whether it failed is of interest only in its turn.
    look.catch(() => {});
    this.#looks.set(index, look);
  }

  async #lookAt(index: number, options: EngineOptions): Promise<Look> {
    const task = this.#tasks[index];
    if (task === undefined) throw new RangeError(`the play has no task ${index}`);
    return lookAt(this.#host, task, options);
  }
}
