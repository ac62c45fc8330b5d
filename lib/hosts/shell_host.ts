import { CommandError, ConnectionError, UnsupportedChangeError } from '../errors.ts';
import type { Exposure, Output, QueryOptions, ReadonlyHost, TextFile } from '../task/readonly_host.ts';
import { Secret } from '../task/secret.ts';
import { type CommandStep, type Step, shownArgv, shownTitle } from '../task/step.ts';
import type { ActionPart } from './batch/action.ts';
import { QueryBatch, timeoutError } from './batch/batch.ts';
import { type LookKind, questionOf } from './batch/question.ts';
import { runDetached } from './detached.ts';
import { absent } from './files/absence.ts';
import { HostLock } from './files/lock.ts';
import { directoryScript, fileBytes, operandScript, removeScript, writeScript } from './files/steps.ts';
import { refused } from './files/trusted_path.ts';
import type { Executed, ExecuteOptions, Host, ReachOptions } from './host.ts';
import { Reach } from './reach.ts';
import { pasteable, quote } from './shell/quote.ts';
import { limited } from './shell/script.ts';
import type { RawOutput, Transport } from './shell/transport.ts';

/** Seconds that a query may take where it says nothing else. */
const queryLimit = 30;
/** Seconds that a step may take where it says nothing else. */
const stepLimit = 120;

/** Most characters of what a command printed that its failure tells. */
const wordsLimit = 4000;

/** Exit statuses by which `command -v` says that there is no such command: of most shells, and of dash. */
const noCommand: readonly number[] = [1, 127];

/** A host with a POSIX shell, reached by any transport. */
export class ShellHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  readonly reader: ReadonlyHost;
  readonly #transport: Transport;
  readonly #batch: QueryBatch;
  readonly #reach: Reach;
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
    this.#reach = new Reach(transport);
    this.#lock = new HostLock(transport, lockId);
  }

  get reachedAt(): string | undefined {
    return this.#transport.reachedAt;
  }

  async lock(): Promise<void> {
    await this.#lock.take();
  }

  async execute(step: Step, { wrap = asItIs }: ExecuteOptions = {}): Promise<void> {
    const outputs = await this.#batch.act([this.#part(step, wrap, this.#lock.isTaken)]);
    this.#refuseLost(outputs);
    const [failure] = failuresOf([step], outputs, () => false);
    if (failure !== undefined) throw failure;
  }

  async executeTogether(steps: readonly Step[], { line, wrap = asItIs }: ExecuteOptions = {}): Promise<Executed> {
    const logged = line === undefined ? [] : [this.#logPart(line, true)];
    const parts = [...logged, ...steps.map((step) => this.#part(step, wrap, true))];
    const { outputs, readAfter } = await this.#actLocked(parts);
    this.#refuseLost(outputs);
    const failures = failuresOf(steps, outputs.slice(logged.length), isJudgedByState);
    return { failures, readAfter };
  }

  async log(line: string): Promise<void> {
    await this.#batch.act([this.#logPart(line, this.#lock.isTaken)]).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#transport.close(this.#lock.releasing());
  }

  async reconnect(options: ReachOptions = {}): Promise<void> {
    await this.#reach.again(options);
  }

  async executeDetached(steps: readonly CommandStep[], options?: ReachOptions): Promise<readonly CommandError[]> {
    const limits = steps.map(({ timeLimit = stepLimit }) => timeLimit);
    await this.#lock.extend(limits.reduce((sum, limit) => sum + limit, 0));
    const commands = steps.map((step, index) => ({
      script: this.#lock.guard(limited(limits[index] ?? stepLimit, step.argv)),
      timeLimit: limits[index] ?? stepLimit,
      mayFail: isJudgedByState(step),
    }));
    const outputs = await runDetached(this.#transport, this.#reach, commands, options);
    this.#refuseLost(outputs);
    return failuresOf(steps, outputs, isJudgedByState);
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

  /** @throws LockedError where one of the steps found the host's lock lost: none was taken after it, whatever its kind */
  #refuseLost(outputs: readonly RawOutput[]): void {
    for (const output of outputs) {
      const lost = this.#lock.lost(output);
      if (lost !== undefined) throw lost;
    }
  }

  /** @param isLocked false for a command that a person gives while another run holds the lock */
  #part(step: Step, wrap: (script: string) => string, isLocked: boolean): ActionPart {
    const { script, stdin = Buffer.alloc(0) } = this.#scriptOf(step);
    const own = isLocked ? this.#lock.guard(script) : script;
    return { script: wrap(own), stdin, timeLimit: timeLimitOf(step), mayFail: isJudgedByState(step) };
  }

  #logPart(line: string, isLocked: boolean): ActionPart {
    const script = `if command -v logger >/dev/null; then logger -t kvm-play -- ${quote(line)} || :; fi`;
    return { script: isLocked ? this.#lock.guard(script) : script, timeLimit: 15, mayFail: true };
  }

  #scriptOf(step: Step): Pick<ActionPart, 'script' | 'stdin'> {
    switch (step.kind) {
      case 'command': {
        const text = step.stdin instanceof Secret ? step.stdin.revealed : step.stdin;
        const limit = timeLimitOf(step);
        const script = step.operand === undefined ? limited(limit, step.argv) : operandScript(step, limit);
        return { script, ...(text !== undefined && { stdin: Buffer.from(text) }) };
      }
      case 'write': {
        const stdin = fileBytes(step);
        return { script: `( ${writeScript(step, stdin.length, this.#run)}\n)`, stdin };
      }
      case 'directory':
        return { script: `( ${directoryScript(step)}\n)` };
      case 'remove':
        return { script: `( ${removeScript(step, this.#run)}\n)` };
    }
  }
}

function asItIs(script: string): string {
  return script;
}

function isJudgedByState(step: Step): boolean {
  return step.kind === 'command' && step.judgedBy === 'state';
}

function timeLimitOf(step: Step): number {
  return (step.kind === 'command' ? step.timeLimit : undefined) ?? stepLimit;
}

function titleOf(step: Step): string | undefined {
  return step.kind === 'command' ? shownTitle(step) : undefined;
}

/** A step as its failure names it, unless it has a title. */
function namedArgv(step: Step): readonly string[] {
  if (step.kind === 'command') return shownArgv(step);
  return [{ write: 'write', directory: 'mkdir', remove: 'remove' }[step.kind], step.path];
}

/** @returns the failures of steps that may fail @throws CommandError for the first step that failed and may not */
function failuresOf(
  steps: readonly Step[],
  outputs: readonly RawOutput[],
  mayFail: (step: Step) => boolean,
): readonly CommandError[] {
  return steps.flatMap((step, index) => {
    const output = outputs[index];
    if (output === undefined) throw new ConnectionError('what became of the step was cut off');
    const failure = failureOf(namedArgv(step), output, timeLimitOf(step), titleOf(step));
    if (failure !== undefined && !mayFail(step)) throw failure;
    return failure ?? [];
  });
}

/** The part of a {@link ShellHost} that only looks. */
class ShellReader implements ReadonlyHost {
  readonly name: string;
  readonly #batch: QueryBatch;
  #user: Promise<string> | undefined;

  constructor(name: string, batch: QueryBatch) {
    this.name = name;
    this.#batch = batch;
  }

  async query(argv: readonly string[], { timeLimit = queryLimit, mergeRule }: QueryOptions = {}): Promise<Output> {
    const output = await this.#batch.ask(questionOf(argv, timeLimit, mergeRule));
    if (output.timedOut) throw timeoutError(argv, output, timeLimit);
    return { exitCode: output.exitCode, stdout: output.stdout.toString(), stderr: output.stderr.toString() };
  }

  async text(argv: readonly string[], { timeLimit = queryLimit, mergeRule }: QueryOptions = {}): Promise<string> {
    const output = await this.#batch.ask(questionOf(argv, timeLimit, mergeRule));
    refuseFailed(argv, output, timeLimit);
    return output.stdout.toString().trim();
  }

  async readFile(path: string): Promise<TextFile | undefined> {
    const output = await this.#look('file', path);
    if (output.exitCode === absent) return undefined;
    refuseLedAstray(output);
    refuseFailed(['cat', path], output, queryLimit);
    return { path, ...decode(output.stdout) };
  }

  async listDirectory(path: string): Promise<readonly string[]> {
    const output = await this.#look('directory', path);
    if (output.exitCode === absent) return [];
    refuseFailed(['ls', path], output, queryLimit);
    return output.stdout
      .toString()
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  }

  async exists(path: string): Promise<boolean> {
    const output = await this.#look('exists', path);
    if (output.exitCode === absent) return false;
    refuseFailed(['test', '-e', path], output, queryLimit);
    return true;
  }

  async which(name: string): Promise<string | undefined> {
    const output = await this.#look('command', name);
    if (!output.timedOut && noCommand.includes(output.exitCode)) return undefined;
    refuseFailed(['command', '-v', name], output, queryLimit);
    return output.stdout.toString().trim();
  }

  async exposure(path: string, { follow }: { readonly follow: boolean }): Promise<Exposure> {
    const output = await this.#look(follow ? 'exposure' : 'entry-exposure', path);
    refuseLedAstray(output);
    return output.exitCode === 0 ? parseExposure(output.stdout.toString()) : {};
  }

  async hasNote(name: string, about = ''): Promise<boolean> {
    return (await this.#look('note', `${name}${about}`)).exitCode === 0;
  }

  async user(): Promise<string> {
    this.#user ??= this.#look('user', '/').then(({ stdout }) => stdout.toString().trim());
    return this.#user.catch((error: unknown) => {
      this.#user = undefined;
      throw error;
    });
  }

  async #look(look: LookKind, at: string): Promise<RawOutput> {
    return this.#batch.ask({ kind: 'look', look, at, timeLimit: queryLimit });
  }
}

/** Reads what `kvm_play_exposure` prints. */
function parseExposure(printed: string): Exposure {
  const [by, ...lines] = printed.trimEnd().split('\n');
  const said = new Map(lines.map((line) => [line.replace(/ .*/, ''), line.replace(/^\S+ ?/, '')]));
  const [missing, entry, directory] = ['missing', 'entry', 'directory'].map((word) => said.get(word));
  return {
    ...(by !== undefined && by !== 'own' && { by }),
    ...(missing !== undefined && { missing }),
    ...(said.has('mounted') && { isMounted: true }),
    ...(entry !== undefined && { entry }),
    ...(directory !== undefined && { directory }),
  };
}

/** Bytes that are not UTF-8 are read as Latin-1, so that writing gives back the same bytes. */
function decode(bytes: Buffer): Pick<TextFile, 'text' | 'encoding'> {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), encoding: 'utf8' };
  } catch {
    return { text: bytes.toString('latin1'), encoding: 'latin1' };
  }
}

/** @throws UnsupportedChangeError for a path that somebody else could have led elsewhere */
function refuseLedAstray({ exitCode, stderr }: RawOutput): void {
  if (exitCode === refused) throw new UnsupportedChangeError(stderr.toString().trim());
}

/** @throws CommandError with the command's own words */
function refuseFailed(argv: readonly string[], output: RawOutput, timeLimit: number): void {
  const failure = failureOf(argv, output, timeLimit);
  if (failure !== undefined) throw failure;
}

function failureOf(
  argv: readonly string[],
  output: RawOutput,
  timeLimit: number,
  title?: string,
): CommandError | undefined {
  const { exitCode } = output;
  if (exitCode === 0) return undefined;
  if (output.timedOut) return timeoutError(argv, output, timeLimit, title);
  const words = lastWords(output.stderr.toString().trim() || output.stdout.toString().trim());
  const message = `${title ?? pasteable(argv)} failed with exit code ${exitCode}${words === '' ? '' : `: ${words}`}`;
  return new CommandError(message, { argv, exitCode, stderr: words });
}

/** The end of what a command printed, as much as a person reads. */
function lastWords(printed: string): string {
  const lines = printed.split('\n').slice(-20).join('\n');
  return lines.length > wordsLimit ? `… ${lines.slice(-wordsLimit)}` : lines;
}
