import { CommandError } from '../errors.ts';
import { type CommandStep, type Step, shownArgv } from '../step.ts';
import { isTimeout, QueryBatch, timeoutError } from './batch.ts';
import { runDetached } from './detached.ts';
import type { Host, ReachOptions } from './host.ts';
import { HostLock } from './lock.ts';
import { quote, quoteAll } from './quote.ts';
import { reachAgain } from './reach.ts';
import type { Output, ReadonlyHost, TextFile } from './readonly_host.ts';
import { limited, prologue } from './script.ts';
import { directoryScript, fileBytes, removeScript, writeScript } from './steps.ts';
import type { RawOutput, Transport } from './transport.ts';

/** Seconds that a query may take where it says nothing else. */
const queryLimit = 30;
/** Seconds that a step may take where it says nothing else. */
const stepLimit = 120;
/** Seconds that the way to the host and back may add. */
const margin = 15;

/** Exit status by which a read says that there is no such file. */
const absent = 44;

/** A host with a POSIX shell, reached by any transport. */
export class ShellHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  readonly reader: ReadonlyHost;
  readonly #transport: Transport;
  readonly #lock: HostLock;
  /** Names the directory of this run's backups: the time at which it began. */
  readonly #run = new Date().toISOString().replaceAll(':', '-');

  constructor(transport: Transport) {
    this.name = transport.name;
    this.isLocal = transport.isLocal;
    this.reader = new ShellReader(transport);
    this.#transport = transport;
    this.#lock = new HostLock(transport);
  }

  async lock(): Promise<void> {
    await this.#lock.take();
  }

  async execute(step: Step, wrap: (script: string) => string = (script) => script): Promise<void> {
    switch (step.kind) {
      case 'command':
        return this.#command(step, wrap);
      case 'write': {
        const bytes = fileBytes(step);
        return this.#script(['write', step.path], wrap(writeScript(step, bytes.length, this.#run)), bytes);
      }
      case 'directory':
        return this.#script(['mkdir', step.path], wrap(directoryScript(step)));
      case 'remove':
        return this.#script(['remove', step.path], wrap(removeScript(step, this.#run)));
    }
  }

  async log(line: string): Promise<void> {
    const script = `${prologue}\nif command -v logger >/dev/null; then logger -t kvm-play -- ${quote(line)} || :; fi`;
    await this.#transport.run(script, { timeLimit: 15 }).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#lock.release();
    await this.#transport.close();
  }

  async reconnect(options: ReachOptions = {}): Promise<void> {
    await reachAgain(this.#transport, options);
  }

  async executeDetached(steps: readonly CommandStep[], options?: ReachOptions): Promise<readonly CommandError[]> {
    const limits = steps.map(({ timeLimit = stepLimit }) => timeLimit);
    await this.#lock.extend(limits.reduce((sum, limit) => sum + limit, 0));
    const commands = steps.map((step, index) => ({
      script: this.#lock.guard(limited(limits[index] ?? stepLimit, step.argv)),
      timeLimit: limits[index] ?? stepLimit,
      mayFail: step.judgedBy === 'state',
    }));
    const outputs = await runDetached(this.#transport, commands, options);
    return steps.flatMap((step, index) => {
      const output = outputs[index];
      const failure = output && failureOf(shownArgv(step), output, limits[index] ?? stepLimit);
      if (failure !== undefined && step.judgedBy !== 'state') throw failure;
      return failure ?? [];
    });
  }

  async #command(step: CommandStep, wrap: (script: string) => string): Promise<void> {
    const { argv, stdin, timeLimit = stepLimit } = step;
    const output = await this.#transport.run(`${prologue}\n${wrap(this.#lock.guard(limited(timeLimit, argv)))}`, {
      ...(stdin !== undefined && { stdin: Buffer.from(stdin) }),
      timeLimit: timeLimit + margin,
    });
    refuseFailed(shownArgv(step), output, timeLimit);
  }

  async #script(argv: readonly string[], script: string, stdin?: Buffer): Promise<void> {
    const output = await this.#transport.run(script, { ...(stdin && { stdin }), timeLimit: stepLimit });
    refuseFailed(argv, output, stepLimit);
  }
}

/** The part of a {@link ShellHost} that only looks. */
class ShellReader implements ReadonlyHost {
  readonly name: string;
  readonly #batch: QueryBatch;

  constructor(transport: Transport) {
    this.name = transport.name;
    this.#batch = new QueryBatch(transport);
  }

  async query(argv: readonly string[], { timeLimit = queryLimit }: { timeLimit?: number } = {}): Promise<Output> {
    const output = await this.#batch.ask(limited(timeLimit, argv), timeLimit);
    if (isTimeout(output)) throw timeoutError(argv, output, timeLimit);
    return { exitCode: output.exitCode, stdout: output.stdout.toString(), stderr: output.stderr.toString() };
  }

  async readFile(path: string): Promise<TextFile | undefined> {
    const script = `[ -e ${quote(path)} ] || exit ${absent}; ${limited(queryLimit, ['cat', '--', path])}`;
    const output = await this.#batch.ask(script, queryLimit);
    if (output.exitCode === absent) return undefined;
    refuseFailed(['cat', path], output, queryLimit);
    return { path, ...decode(output.stdout) };
  }

  async listDirectory(path: string): Promise<readonly string[]> {
    const script = `[ -d ${quote(path)} ] || exit 0; ${limited(queryLimit, ['ls', '-1A', '--', path])}`;
    const output = await this.#batch.ask(script, queryLimit);
    refuseFailed(['ls', path], output, queryLimit);
    return output.stdout
      .toString()
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#batch.ask(`[ -e ${quote(path)} ]`, queryLimit)).exitCode === 0;
  }

  async which(name: string): Promise<string | undefined> {
    const output = await this.#batch.ask(`command -v ${quote(name)}`, queryLimit);
    return output.exitCode === 0 ? output.stdout.toString().trim() : undefined;
  }
}

/** Bytes that are not UTF-8 are read as Latin-1, so that writing gives back the same bytes. */
function decode(bytes: Buffer): Pick<TextFile, 'text' | 'encoding'> {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), encoding: 'utf8' };
  } catch {
    return { text: bytes.toString('latin1'), encoding: 'latin1' };
  }
}

/** @throws CommandError with the command's own words */
function refuseFailed(argv: readonly string[], output: RawOutput, timeLimit: number): void {
  const failure = failureOf(argv, output, timeLimit);
  if (failure !== undefined) throw failure;
}

function failureOf(argv: readonly string[], output: RawOutput, timeLimit: number): CommandError | undefined {
  const { exitCode } = output;
  if (exitCode === 0) return undefined;
  if (isTimeout(output)) return timeoutError(argv, output, timeLimit);
  const words = (output.stderr.toString().trim() || output.stdout.toString().trim()).split('\n').slice(-20).join('\n');
  const message = `${quoteAll(argv)} failed with exit code ${exitCode}${words === '' ? '' : `: ${words}`}`;
  return new CommandError(message, { argv, exitCode, stderr: words });
}
