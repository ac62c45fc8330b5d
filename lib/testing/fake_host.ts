import { CommandError } from '../errors.ts';
import type { Executed, ExecuteOptions, Host } from '../hosts/host.ts';
import type { Output, ReadonlyHost } from '../task/readonly_host.ts';
import { Secret } from '../task/secret.ts';
import type { CommandStep, Step } from '../task/step.ts';

/** The answer of a command on a {@link FakeHost}. Parts that are left out are exit code 0 and no output. */
export type FakeAnswer = Partial<Output>;

/** The state with which a {@link FakeHost} starts. */
export interface FakeHostOptions {
  /** The host's name. Default `fake`. */
  name?: string;
  /** True for the machine on which the test runs. Default false. */
  isLocal?: boolean;
  /** The user on the host. Default `root`. */
  user?: string;
  /** Texts of files by absolute path. A directory exists where a file below it does. Default: no file. */
  files?: Record<string, string>;
  /**
   * Answers by command line, which is `argv` joined by single blanks. Queries and steps use the same answers; a function is called
   * each time. Default: none.
   */
  commands?: Record<string, FakeAnswer | (() => FakeAnswer)>;
  /**
   * Answers a query that has no entry in `commands`. Where it returns undefined, and by default, the exit code is 127: there is no
   * such command.
   */
  answer?: (argv: readonly string[]) => FakeAnswer | undefined;
  /** Names of the commands that `which` finds. Default: every name. */
  tools?: readonly string[];
  /**
   * Executes a command step that has no entry in `commands`: it changes the host's `files` and `commands` as the real command would,
   * and returns the answer. Without it such a step throws an Error.
   */
  onStep?: (argv: readonly string[], host: FakeHost) => FakeAnswer;
}

/**
 * A host in memory, for tests of modules. Queries get prepared answers. Steps change the files in memory, and are recorded.
 *
 * @example
 * ```ts
 * const host = new FakeHost({
 *   commands: { hostname: { stdout: 'old\n' } },
 *   onStep: ([, , name], { commands }) => {
 *     commands.set('hostname', { stdout: `${name}\n` });
 *     return {};
 *   },
 * });
 * ```
 */
export class FakeHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  /** Texts of the files that exist now, by absolute path. */
  readonly files: Map<string, string>;
  /** Answers by command line. A test may change them at any time. */
  readonly commands: Map<string, FakeAnswer | (() => FakeAnswer)>;
  /** Every step that was executed, in order, including the engine's own, such as markers. */
  readonly executed: Step[] = [];
  /** Command lines of the steps that were executed outside of the session; one list for each call. */
  readonly detached: string[][] = [];
  /** Command lines of all queries, in order. */
  readonly asked: string[] = [];
  /** Lines that were written to the host's log. */
  readonly logged: string[] = [];
  /** The address at which the host is reached after it was reconnected. */
  reachedAt: string | undefined;
  /** How often the host was reconnected. */
  reconnected = 0;
  /** True once the host's lock was taken. */
  locked = false;
  /** True once the host was closed. */
  closed = false;
  readonly #options: FakeHostOptions;

  /** @param options the state with which the host starts */
  constructor(options: FakeHostOptions = {}) {
    this.#options = options;
    this.name = options.name ?? 'fake';
    this.isLocal = options.isLocal ?? false;
    this.files = new Map(Object.entries(options.files ?? {}));
    this.commands = new Map(Object.entries(options.commands ?? {}));
  }

  /** The host as the `read` of a module sees it. */
  readonly reader: ReadonlyHost = {
    name: 'fake',
    query: async (argv) => this.#query(argv),
    text: async (argv) => {
      const output = this.#query(argv);
      if (output.exitCode !== 0) throw failure(argv, output);
      return output.stdout.trim();
    },
    readFile: async (path) => {
      const text = this.files.get(path);
      return text === undefined ? undefined : { path, text, encoding: 'utf8' };
    },
    listDirectory: async (path) => {
      const below = [...this.files.keys()].filter((file) => file.startsWith(`${path}/`));
      return [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))].sort();
    },
    exposure: async () => ({}),
    hasNote: async (name) => this.files.has(`/var/lib/kvm-play/${name}`),
    user: async () => this.#options.user ?? 'root',
    exists: async (path) => {
      // Only a directory has an entry `.`.
      const [at, isDirectory] = [path.replace(/\/\.$/, ''), path.endsWith('/.')];
      return [...this.files.keys()].some((file) => (file === at && !isDirectory) || file.startsWith(`${at}/`));
    },
    which: async (name) => {
      const { tools } = this.#options;
      return tools === undefined || tools.includes(name) ? `/usr/bin/${name}` : undefined;
    },
  };

  async lock(): Promise<void> {
    this.locked = true;
  }

  async execute(step: Step): Promise<void> {
    this.#execute(step);
  }

  /** Executes all steps before it returns, so that queries of the same turn of the event loop see their effects. */
  async executeTogether(steps: readonly Step[], { line }: ExecuteOptions = {}): Promise<Executed> {
    this.locked = true;
    if (line !== undefined) this.logged.push(line);
    const failures: CommandError[] = [];
    for (const step of steps) {
      try {
        this.#execute(step);
      } catch (error) {
        if (!(error instanceof CommandError) || step.kind !== 'command' || step.judgedBy !== 'state') throw error;
        failures.push(error);
      }
    }
    return { failures, readAfter: true };
  }

  async executeDetached(steps: readonly CommandStep[]): Promise<readonly CommandError[]> {
    this.detached.push(steps.map(({ argv }) => argv.join(' ')));
    const failures: CommandError[] = [];
    for (const step of steps) {
      await this.execute(step).catch((error: unknown) => {
        if (!(error instanceof CommandError) || step.judgedBy !== 'state') throw error;
        failures.push(error);
      });
    }
    await this.reconnect();
    return failures;
  }

  async reconnect(): Promise<void> {
    this.reconnected += 1;
  }

  async log(line: string): Promise<void> {
    this.logged.push(line);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #execute(step: Step): void {
    if (!this.locked) throw new Error('a step was executed without the lock');
    this.executed.push(step);
    switch (step.kind) {
      case 'write':
        this.files.set(step.path, step.text instanceof Secret ? step.text.revealed : step.text);
        break;
      case 'remove':
        this.files.delete(step.path);
        break;
      case 'command':
        this.#run(step);
        break;
      case 'directory':
        break;
    }
  }

  #run({ argv, title }: CommandStep): void {
    const answer = this.#answer(argv) ?? this.#options.onStep?.(argv, this);
    if (answer === undefined) {
      throw new Error(`the fake host has no answer to '${argv.join(' ')}': add it to 'commands', or give 'onStep'`);
    }
    const output = complete(answer);
    if (output.exitCode !== 0) throw failure(argv, output, title);
  }

  #query(argv: readonly string[]): Output {
    this.asked.push(argv.join(' '));
    const answer = this.#answer(argv) ?? this.#options.answer?.(argv);
    return complete(answer ?? { exitCode: 127, stderr: `${argv[0]}: not found\n` });
  }

  #answer(argv: readonly string[]): FakeAnswer | undefined {
    const answer = this.commands.get(argv.join(' '));
    return typeof answer === 'function' ? answer() : answer;
  }
}

function complete(answer: FakeAnswer): Output {
  return { exitCode: 0, stdout: '', stderr: '', ...answer };
}

function failure(argv: readonly string[], { exitCode, stderr }: Output, title: string = argv.join(' ')): CommandError {
  const words = stderr.trim();
  const message = `${title} failed with exit code ${exitCode}${words === '' ? '' : `: ${words}`}`;
  return new CommandError(message, { argv, exitCode, stderr });
}
