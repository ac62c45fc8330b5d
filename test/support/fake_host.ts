import { CommandError } from '../../lib/errors.ts';
import type { Executed, ExecuteOptions, Host } from '../../lib/hosts/host.ts';
import type { Output, ReadonlyHost, TextFile } from '../../lib/task/readonly_host.ts';
import { Secret } from '../../lib/task/secret.ts';
import type { CommandStep, Step } from '../../lib/task/step.ts';

/** What a fake command answers; missing parts are exit code 0 and no output. */
export type Answer = Partial<Output>;

/** What a fake host starts with. */
export interface FakeHostOptions {
  name?: string;
  isLocal?: boolean;
  /** As whom it is asked. Default: root. */
  user?: string;
  /** Text by absolute path. */
  files?: Record<string, string>;
  /** Answers by command line (`argv` joined by one blank), for queries and for steps alike. */
  commands?: Record<string, Answer | (() => Answer)>;
  /** Answers a query without an entry in `commands`; undefined for one that it does not know. */
  answer?: (argv: readonly string[]) => Answer | undefined;
  /** Commands in the PATH. Default: every one that is asked for. */
  tools?: readonly string[];
  /** Called for a command step without an entry in `commands`; changes the host's files or answers as the real tool would. */
  onStep?: (argv: readonly string[], host: FakeHost) => Answer;
}

/** A host in memory, which replays captured answers. It is no better than what was captured. */
export class FakeHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  readonly files: Map<string, string>;
  readonly commands: Map<string, Answer | (() => Answer)>;
  /** Every step that was executed, in order. */
  readonly executed: Step[] = [];
  /** Command lines of the steps that were executed outside of the session, those that ran as one together. */
  readonly detached: string[][] = [];
  /** Every query that was asked, as command lines. */
  readonly asked: string[] = [];
  readonly logged: string[] = [];
  /** Where it is found after it was reconnected. */
  reachedAt: string | undefined;
  reconnected = 0;
  locked = false;
  closed = false;
  readonly #options: FakeHostOptions;

  constructor(options: FakeHostOptions = {}) {
    this.#options = options;
    this.name = options.name ?? 'fake';
    this.isLocal = options.isLocal ?? false;
    this.files = new Map(Object.entries(options.files ?? {}));
    this.commands = new Map(Object.entries(options.commands ?? {}));
  }

  readonly reader: ReadonlyHost = {
    name: 'fake',
    query: async (argv) => this.#query(argv),
    readFile: async (path): Promise<TextFile | undefined> => {
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
      // Only a directory has something called `.` in it.
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

  /** All steps are executed before it returns, so that what is read in the same turn is read after them. */
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
      case 'command': {
        const answer = this.#answer(step.argv) ?? this.#options.onStep?.(step.argv, this);
        if (answer === undefined) throw new Error(`the fake host knows no command ${step.argv.join(' ')}`);
        const { exitCode = 0, stderr = '' } = answer;
        if (exitCode !== 0) {
          const { argv } = step;
          throw new CommandError(`${argv.join(' ')} exited with ${exitCode}`, { argv, exitCode, stderr });
        }
        break;
      }
      case 'directory':
        break;
    }
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

  #query(argv: readonly string[]): Output {
    this.asked.push(argv.join(' '));
    const answer = this.#answer(argv) ?? this.#options.answer?.(argv);
    if (answer === undefined) return { exitCode: 127, stdout: '', stderr: `${argv[0]}: not found\n` };
    return { exitCode: 0, stdout: '', stderr: '', ...answer };
  }

  #answer(argv: readonly string[]): Answer | undefined {
    const answer = this.commands.get(argv.join(' '));
    return typeof answer === 'function' ? answer() : answer;
  }
}
