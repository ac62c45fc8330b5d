import type { CommandError } from '../../lib/errors.ts';
import type { Executed, ExecuteOptions, Host } from '../../lib/hosts/host.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { CommandStep, Step } from '../../lib/task/step.ts';
import type { FakeHost } from '../../lib/testing/index.ts';

/**
 * A fake host behind a link: what is asked in one turn of the event loop arrives together, after the steps of that turn, and is
 * answered as the host is at that moment. It is how a real host's requests travel.
 */
export class BatchedHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  readonly reachedAt = undefined;
  /** Requests that have travelled. */
  requests = 0;
  readonly #host: FakeHost;
  #steps: (() => Promise<void>)[] = [];
  #reads: (() => Promise<void>)[] = [];
  #isDue = false;

  constructor(host: FakeHost) {
    this.#host = host;
    this.name = host.name;
    this.isLocal = host.isLocal;
  }

  readonly reader: ReadonlyHost = {
    name: 'batched',
    query: (argv, options) => this.#read(() => this.#host.reader.query(argv, options)),
    text: (argv, options) => this.#read(() => this.#host.reader.text(argv, options)),
    readFile: (path) => this.#read(() => this.#host.reader.readFile(path)),
    listDirectory: (path) => this.#read(() => this.#host.reader.listDirectory(path)),
    exists: (path) => this.#read(() => this.#host.reader.exists(path)),
    exposure: (path, options) => this.#read(() => this.#host.reader.exposure(path, options)),
    hasNote: (name, about) => this.#read(() => this.#host.reader.hasNote(name, about)),
    user: () => this.#read(() => this.#host.reader.user()),
    which: (name) => this.#read(() => this.#host.reader.which(name)),
  };

  lock(): Promise<void> {
    return this.#act(() => this.#host.lock());
  }

  execute(step: Step): Promise<void> {
    return this.#act(() => this.#host.execute(step));
  }

  executeTogether(steps: readonly Step[], options?: ExecuteOptions): Promise<Executed> {
    return this.#act(() => this.#host.executeTogether(steps, options));
  }

  executeDetached(steps: readonly CommandStep[]): Promise<readonly CommandError[]> {
    return this.#act(() => this.#host.executeDetached(steps));
  }

  reconnect(): Promise<void> {
    return this.#host.reconnect();
  }

  log(line: string): Promise<void> {
    return this.#act(() => this.#host.log(line));
  }

  close(): Promise<void> {
    return this.#host.close();
  }

  #act<T>(work: () => Promise<T>): Promise<T> {
    return this.#soon(this.#steps, work);
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#soon(this.#reads, work);
  }

  #soon<T>(queue: (() => Promise<void>)[], work: () => Promise<T>): Promise<T> {
    if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(() => void this.#arrive());
    }
    return new Promise((resolve, reject) => {
      queue.push(() => work().then(resolve, reject));
    });
  }

  async #arrive(): Promise<void> {
    this.requests += 1;
    this.#isDue = false;
    const all = [...this.#steps, ...this.#reads];
    this.#steps = [];
    this.#reads = [];
    for (const work of all) void work();
  }
}
