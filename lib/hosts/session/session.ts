import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { ConnectionError, InterruptedError } from '../../errors.ts';
import { environmentForOthers } from '../../task/secret.ts';
import { OutputLimitError, outputLimit, type RawOutput, type RunScript } from '../shell/transport.ts';
import { bootstrap, commandOf } from './clean_shell.ts';
import { MarkedStream } from './marked_stream.ts';
import { endGroup } from './process.ts';
import { farewell, requestBytes, sessionProgram } from './session_script.ts';
import type { Reaction, SudoDialog } from './sudo_dialog.ts';

/** Seconds until a host that does not answer counts as unreachable. */
export const openLimit = 15;
/** Milliseconds that an abandoned session has to end by itself, together with the script that runs in it. */
const lingerLimit = 2000;
/** Milliseconds to wait for the last output of a process that has ended. */
const lastWordsLimit = 200;

/** How the far end of a session is started. */
export interface SessionStart {
  /** The local program, with its arguments, that runs a command line in a login shell of the machine. */
  argv(command: string): readonly [string, ...string[]];
  /** Run scripts by sudo where the user is not root. */
  readonly become: boolean;
  /** The POSIX shell that runs the scripts over there. Default: `sh`. */
  readonly sh?: string | undefined;
  /** The talk with sudo, where it may want a password. */
  readonly dialog?: SudoDialog | undefined;
  /** Seconds until a host that does not answer counts as unreachable. Default 15. */
  readonly openLimit?: number;
  /** Explains why no script was begun. */
  explain(exitCode: number | undefined, stderr: string): ConnectionError;
  /** Explains, as far as possible, why a session that was not opened in time is silent. */
  silence?(): Promise<string | undefined>;
  /** Called with true when the session is open, and with false when it has ended. */
  opened?(isOpen: boolean): void;
  /** Ends an attempt to open the session. */
  readonly signal?: AbortSignal | undefined;
}

/** One script that is being run. */
interface Job {
  readonly stdout: MarkedStream;
  readonly stderr: MarkedStream;
  /** Is called when the far end has begun with it. */
  begin(): void;
  settle(outcome: RawOutput | Error): void;
}

/**
 * A shell that stays open on a machine and runs one script after the other, each for one round trip. The first one travels in
 * the command that opens the session. When the session ends, everything that runs in it is ended on the machine too.
 */
export class Session {
  readonly #start: SessionStart;
  #child: ChildProcess | undefined;
  #job: Job | undefined;
  /** Sent when root's shell has started. */
  #held: Buffer | undefined;
  #isOpen = false;
  #isEnded = false;

  constructor(start: SessionStart) {
    this.#start = start;
  }

  /** True when a script can be run at once. */
  get isIdle(): boolean {
    return this.#job === undefined && !this.#isEnded;
  }

  /** True when the session cannot be used any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * Runs a script. Only one runs at a time.
   * @throws ConnectionError when the session cannot be opened, is lost, or does not answer in time; OutputLimitError;
   *   InterruptedError when the signal ended the attempt to open it
   */
  async run(script: string, { stdin = Buffer.alloc(0), timeLimit }: RunScript): Promise<RawOutput> {
    if (!this.isIdle) throw new ConnectionError('the session is in use');
    const mark = randomBytes(16).toString('hex');
    const outcome = new Promise<RawOutput>((resolve, reject) => {
      this.#job = this.#newJob(mark, timeLimit, resolve, reject);
    });
    const request = { mark, script, inputLength: stdin.length };
    if (this.#child === undefined) this.#open(request, stdin);
    else this.#child.stdin?.write(Buffer.concat([requestBytes(request), stdin]));
    return outcome;
  }

  /** Sends a last script, and closes the session without waiting for its answer. @returns false where it cannot be sent */
  leave(script: string): boolean {
    if (!this.isIdle || !this.#isOpen) return false;
    this.#child?.stdin?.write(farewell(script));
    this.#end(new ConnectionError('the session was closed'));
    return true;
  }

  /** Closes the session. A script that is being run is ended, here and on the machine. */
  close(): void {
    if (this.#isEnded) return;
    if (this.#job === undefined) this.#child?.stdin?.write(farewell());
    this.#end(new ConnectionError('the session was closed'));
  }

  #open(request: { mark: string; script: string; inputLength: number }, stdin: Buffer): void {
    const { become, argv, signal, dialog, sh } = this.#start;
    const program = sessionProgram(request);
    // Who may have to become root gives the program on standard input: sudo would write it to the log.
    const command = become ? undefined : commandOf(program, { sh });
    const bytes = Buffer.from(`${program}\n`);
    const [file, ...args] = argv(command ?? bootstrap(bytes.length, { become, words: dialog?.words, sh }));
    // In a process group of its own: Ctrl-C at the terminal ends the run, and not the step under way.
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: environmentForOthers() });
    this.#child = child;
    child.stdin.on('error', () => {});
    child.stdout.on('data', (piece: Buffer) => this.#take('stdout', piece));
    child.stderr.on('data', (piece: Buffer) => this.#take('stderr', piece));
    child.once('error', ({ message }) => this.#end(new ConnectionError(`${file} could not be run: ${message}`)));
    child.once('exit', (code) => this.#awaitLastWords(child, code ?? undefined));
    signal?.addEventListener('abort', this.#interrupt);
    if (signal?.aborted) this.#interrupt();
    const first = command === undefined ? Buffer.concat([bytes, stdin]) : stdin;
    if (become && dialog !== undefined) this.#held = first;
    else child.stdin.write(first);
  }

  #newJob(mark: string, timeLimit: number, resolve: (output: RawOutput) => void, reject: (error: Error) => void): Job {
    const limit = this.#isOpen ? timeLimit : Math.min(this.#start.openLimit ?? openLimit, timeLimit);
    let timer = setTimeout(() => void this.#giveUp(limit), limit * 1000);
    const stdout = new MarkedStream(mark);
    return {
      stdout,
      stderr: new MarkedStream(mark),
      settle: (outcome) => {
        clearTimeout(timer);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      },
      // The time that opening took is not the script's.
      begin: () => {
        clearTimeout(timer);
        timer = setTimeout(() => void this.#giveUp(timeLimit), timeLimit * 1000);
      },
    };
  }

  #take(stream: 'stdout' | 'stderr', piece: Buffer): void {
    const job = this.#job;
    if (job === undefined) return;
    job[stream].push(piece);
    if (this.#held !== undefined && this.#start.dialog !== undefined) {
      this.#react(this.#start.dialog.hear(stream, piece), this.#start.dialog);
    }
    if (!this.#isOpen && job.stdout.hasBegun) {
      this.#isOpen = true;
      this.#start.opened?.(true);
      this.#start.signal?.removeEventListener('abort', this.#interrupt);
      job.begin();
    }
    const { stdout, stderr } = job;
    if (stdout.trailer !== undefined && stderr.trailer !== undefined) {
      this.#job = undefined;
      job.settle({
        exitCode: Number.parseInt(stdout.trailer, 10),
        stdout: stdout.content,
        stderr: stderr.content,
      });
    } else if (stdout.length + stderr.length > outputLimit) {
      this.#end(new OutputLimitError({ exitCode: 1, stdout: stdout.content, stderr: stderr.content }));
    }
  }

  #react(reaction: Reaction, { answer, refusal }: SudoDialog): void {
    if (reaction === 'answer') this.#child?.stdin?.write(answer);
    if (reaction === 'refuse' && refusal !== undefined) this.#end(refusal);
    if (reaction !== 'begin') return;
    this.#child?.stdin?.write(this.#held ?? '');
    this.#held = undefined;
  }

  /** A connection that outlives its first session keeps standard error open, so its end is not waited for. */
  #awaitLastWords(child: ChildProcess, exitCode: number | undefined): void {
    const conclude = (): void => this.#end(this.#explain(exitCode));
    // With nothing under way there are no words to wait for, and the next script must find another session.
    if (this.#job === undefined) {
      conclude();
      return;
    }
    const timer = setTimeout(conclude, lastWordsLimit);
    child.once('close', () => {
      clearTimeout(timer);
      conclude();
    });
  }

  /** Output besides the script's own. ssh ends its lines with CR LF. */
  #lastWords(): string {
    const printed = this.#job?.stderr.before.toString() ?? '';
    return (this.#start.dialog?.withoutWords(printed) ?? printed).replaceAll('\r', '').trim();
  }

  #explain(exitCode: number | undefined): ConnectionError {
    const words = this.#lastWords();
    if (!this.#isOpen) return this.#start.explain(exitCode, words);
    return new ConnectionError(words === '' ? 'the connection was lost' : `the connection was lost: ${words}`);
  }

  async #giveUp(seconds: number): Promise<void> {
    const cause = this.#isOpen ? undefined : await this.#start.silence?.();
    // It may have been opened while its silence was looked into: then the script has its own time.
    if (cause !== undefined && this.#isOpen) return;
    const words = [this.#lastWords(), cause].filter((each) => each !== undefined && each !== '').join('\n');
    this.#end(new ConnectionError(`no answer within ${seconds} s${words === '' ? '' : `: ${words}`}`));
  }

  readonly #interrupt = (): void => this.#end(new InterruptedError('interrupted while connecting'));

  /** The end of standard input ends the far end. It does not arrive over a link that is down, so ssh is ended after a while. */
  #end(reason: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#start.opened?.(false);
    this.#start.signal?.removeEventListener('abort', this.#interrupt);
    this.#job?.settle(reason);
    this.#job = undefined;
    const child = this.#child;
    if (child === undefined) return;
    child.stdin?.end();
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
    if (!this.#isOpen && child.pid !== undefined) {
      // Nothing runs over there yet. What ssh has started to connect (a ProxyCommand) would go on trying by itself.
      endGroup(child.pid);
      return;
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), lingerLimit);
    timer.unref();
    child.once('exit', () => clearTimeout(timer));
  }
}
