import { ConnectionError } from '../errors.ts';
import type { Secret } from '../task/secret.ts';
import { bootstrap } from './session/clean_shell.ts';
import { OpenSession } from './session/open_session.ts';
import { runProcess } from './session/process.ts';
import { refusal } from './session/refusal.ts';
import { BecomePassword } from './session/sudo_dialog.ts';
import {
  type AnotherConnection,
  lastLimit,
  type RawOutput,
  type RunScript,
  type Transport,
} from './shell/transport.ts';

/** Options of {@link LocalTransport}. */
export interface LocalOptions {
  /** Run scripts by sudo where the user is not root. */
  readonly become: boolean;
  /** The password that sudo may want. Default: none, `sudo -n`. */
  readonly becomePassword?: Secret;
  /** The program, and its arguments, that gets a command line after `-c`, as a login shell does. Default: `sh`. */
  readonly shell?: readonly [string, ...string[]];
  /** The POSIX shell that runs the scripts. Default: `sh`. */
  readonly sh?: string;
}

/** Runs scripts on this machine, without SSH. */
export class LocalTransport implements Transport {
  readonly name: string;
  readonly isLocal = true;
  readonly reachedAt = undefined;
  readonly #become: boolean;
  readonly #password: BecomePassword | undefined;
  readonly #shell: readonly [string, ...string[]];
  readonly #sh: string | undefined;
  readonly #session: OpenSession;

  constructor(name: string, { become, becomePassword, shell = ['sh'], sh }: LocalOptions) {
    this.name = name;
    this.#become = become;
    this.#password = become && becomePassword !== undefined ? new BecomePassword(becomePassword) : undefined;
    this.#shell = shell;
    this.#sh = sh;
    this.#session = new OpenSession(async () => {
      const dialog = await this.#password?.dialog();
      const explain = (code: number | undefined, words: string): ConnectionError => refusal(code, words, dialog);
      return { argv: (command) => [...shell, '-c', command], become, sh, dialog, explain };
    });
  }

  async run(script: string, options: RunScript): Promise<RawOutput> {
    return this.#session.isBusy ? this.runApart(script, options) : this.#session.run(script, options);
  }

  /** Runs a script in a shell of its own. */
  async runApart(script: string, { stdin, timeLimit }: RunScript): Promise<RawOutput> {
    const bytes = Buffer.from(script);
    const input = Buffer.concat([bytes, stdin ?? Buffer.alloc(0)]);
    const [file, ...args] = this.#shell;
    const dialog = await this.#password?.dialog();
    const command = bootstrap(bytes.length, { become: this.#become, words: dialog?.words, sh: this.#sh });
    const result = await runProcess(file, [...args, '-c', command], { input, timeLimit, dialog });
    if (dialog?.refusal !== undefined) throw dialog.refusal;
    if (result.timedOut) throw new ConnectionError(`no answer within ${timeLimit} s`);
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined) throw new ConnectionError(`${file} could not be run: ${result.trouble}`);
    if (dialog !== undefined && !dialog.isReady) throw refusal(exitCode, stderr.toString(), dialog);
    return { exitCode, stdout, stderr };
  }

  async runOverOpen(script: string, options: RunScript): Promise<RawOutput> {
    return this.run(script, options);
  }

  async openAnother(): Promise<AnotherConnection> {
    return { adopt: async () => this.#session.drop(), end: () => {} };
  }

  async close(last?: string): Promise<void> {
    if (last !== undefined) await this.run(last, { timeLimit: lastLimit }).catch(() => {});
    this.#session.close();
  }
}
