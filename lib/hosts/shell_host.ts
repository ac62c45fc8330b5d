import { CommandError, ConnectionError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { type CommandStep, type Step, shownArgv } from '../step.ts';
import type { ActionPart } from './action.ts';
import { isTimeout, QueryBatch, timeoutError } from './batch.ts';
import { runDetached } from './detached.ts';
import type { Executed, ExecuteOptions, Host, ReachOptions } from './host.ts';
import { HostLock } from './lock.ts';
import { absent, type LookKind, questionOf } from './question.ts';
import { pasteable, quote } from './quote.ts';
import { reachAgain } from './reach.ts';
import type { Output, ReadonlyHost, TextFile } from './readonly_host.ts';
import { limited } from './script.ts';
import { directoryScript, fileBytes, removeScript, writeScript } from './steps.ts';
import type { RawOutput, Transport } from './transport.ts';

/** Seconds that a query may take where it says nothing else. */
const queryLimit = 30;
/** Seconds that a step may take where it says nothing else. */
const stepLimit = 120;

/** A host with a POSIX shell, reached by any transport. */
export class ShellHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  readonly reader: ReadonlyHost;
  readonly #transport: Transport;
  readonly #batch: QueryBatch;
  readonly #lock: HostLock;
  /** Names the directory of this run's backups: the time at which it began. */
  readonly #run = new Date().toISOString().replaceAll(':', '-');

  /** @param lockId names the holder of the host's lock. Default: this object alone */
  constructor(transport: Transport, lockId?: string) {
    this.name = transport.name;
    this.isLocal = transport.isLocal;
    this.#batch = new QueryBatch(transport);
    this.reader = new ShellReader(transport.name, this.#batch);
    this.#transport = transport;
    this.#lock = new HostLock(transport, lockId);
  }

  get reachedAt(): string | undefined {
    return this.#transport.reachedAt;
  }

  async lock(): Promise<void> {
    await this.#lock.take();
  }

  async execute(step: Step, { wrap = asItIs }: ExecuteOptions = {}): Promise<void> {
    const [failure] = failuresOf([step], await this.#batch.act([this.#part(step, wrap)]), () => false);
    if (failure !== undefined) throw failure;
  }

  async executeTogether(steps: readonly Step[], { line, wrap = asItIs }: ExecuteOptions = {}): Promise<Executed> {
    const parts = [...(line === undefined ? [] : [logPart(line)]), ...steps.map((step) => this.#part(step, wrap))];
    const { outputs, readAfter } = await this.#actLocked(parts);
    const failures = failuresOf(steps, line === undefined ? outputs : outputs.slice(1), isJudgedByState);
    return { failures, readAfter };
  }

  async log(line: string): Promise<void> {
    await this.#batch.act([logPart(line)]).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#transport.close(this.#lock.releasing());
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
      mayFail: isJudgedByState(step),
    }));
    return failuresOf(steps, await runDetached(this.#transport, commands, options), isJudgedByState);
  }

  /** Takes the lock with the same request. Where somebody holds it, it is told who, or a dead run's lock is broken first. */
  async #actLocked(parts: readonly ActionPart[]): Promise<{ outputs: readonly RawOutput[]; readAfter: boolean }> {
    if (this.#lock.isTaken) return { outputs: await this.#batch.act(parts), readAfter: true };
    const taking = { script: this.#lock.takingScript(), timeLimit: 15, mayFail: false };
    const [taken, ...outputs] = await this.#batch.act([taking, ...parts]);
    if (taken?.exitCode === 0) {
      this.#lock.taken();
      return { outputs, readAfter: true };
    }
    await this.#lock.take();
    return { outputs: await this.#batch.act(parts), readAfter: false };
  }

  #part(step: Step, wrap: (script: string) => string): ActionPart {
    const common = { timeLimit: timeLimitOf(step), mayFail: isJudgedByState(step) };
    switch (step.kind) {
      case 'command': {
        const { argv, stdin } = step;
        const script = wrap(this.#lock.guard(limited(common.timeLimit, argv)));
        const text = stdin instanceof Secret ? stdin.revealed : stdin;
        return { ...common, script, ...(text !== undefined && { stdin: Buffer.from(text) }) };
      }
      case 'write': {
        const stdin = fileBytes(step);
        return { ...common, script: wrap(writeScript(step, stdin.length, this.#run)), stdin };
      }
      case 'directory':
        return { ...common, script: wrap(directoryScript(step)) };
      case 'remove':
        return { ...common, script: wrap(removeScript(step, this.#run)) };
    }
  }
}

function asItIs(script: string): string {
  return script;
}

function logPart(line: string): ActionPart {
  const script = `if command -v logger >/dev/null; then logger -t kvm-play -- ${quote(line)} || :; fi`;
  return { script, timeLimit: 15, mayFail: true };
}

function isJudgedByState(step: Step): boolean {
  return step.kind === 'command' && step.judgedBy === 'state';
}

function timeLimitOf(step: Step): number {
  return (step.kind === 'command' ? step.timeLimit : undefined) ?? stepLimit;
}

/** A step as its failure names it. */
function namedArgv(step: Step): readonly string[] {
  if (step.kind === 'command') return shownArgv(step);
  return [{ write: 'write', directory: 'mkdir', remove: 'remove' }[step.kind], step.path];
}

/** @returns failures that may be @throws CommandError for the first that may not */
function failuresOf(
  steps: readonly Step[],
  outputs: readonly RawOutput[],
  mayFail: (step: Step) => boolean,
): readonly CommandError[] {
  return steps.flatMap((step, index) => {
    const output = outputs[index];
    if (output === undefined) throw new ConnectionError('what became of the step was cut off');
    const failure = failureOf(namedArgv(step), output, timeLimitOf(step));
    if (failure !== undefined && !mayFail(step)) throw failure;
    return failure ?? [];
  });
}

/** The part of a {@link ShellHost} that only looks. */
class ShellReader implements ReadonlyHost {
  readonly name: string;
  readonly #batch: QueryBatch;

  constructor(name: string, batch: QueryBatch) {
    this.name = name;
    this.#batch = batch;
  }

  async query(argv: readonly string[], { timeLimit = queryLimit }: { timeLimit?: number } = {}): Promise<Output> {
    const output = await this.#batch.ask(questionOf(argv, timeLimit));
    if (isTimeout(output)) throw timeoutError(argv, output, timeLimit);
    return { exitCode: output.exitCode, stdout: output.stdout.toString(), stderr: output.stderr.toString() };
  }

  async readFile(path: string): Promise<TextFile | undefined> {
    const output = await this.#look('file', path);
    if (output.exitCode === absent) return undefined;
    refuseFailed(['cat', path], output, queryLimit);
    return { path, ...decode(output.stdout) };
  }

  async listDirectory(path: string): Promise<readonly string[]> {
    const output = await this.#look('directory', path);
    refuseFailed(['ls', path], output, queryLimit);
    return output.stdout
      .toString()
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#look('exists', path)).exitCode === 0;
  }

  async which(name: string): Promise<string | undefined> {
    const output = await this.#look('command', name);
    return output.exitCode === 0 ? output.stdout.toString().trim() : undefined;
  }

  async #look(look: LookKind, at: string): Promise<RawOutput> {
    return this.#batch.ask({ kind: 'look', look, at, timeLimit: queryLimit });
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
  const message = `${pasteable(argv)} failed with exit code ${exitCode}${words === '' ? '' : `: ${words}`}`;
  return new CommandError(message, { argv, exitCode, stderr: words });
}
