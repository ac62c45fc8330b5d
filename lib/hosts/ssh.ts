import { ConnectionError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { bootstrap } from './clean_shell.ts';
import type { Gate } from './gate.ts';
import type { HostSpec } from './host_spec.ts';
import { OpenSession } from './open_session.ts';
import { type ProcessResult, runProcess } from './process.ts';
import { refusal } from './refusal.ts';
import { openLimit, type SessionStart } from './session.ts';
import { type SshConfiguration, sharing, socketPath, sshArguments, sshFailed } from './ssh_command.ts';
import { BecomePassword } from './sudo_dialog.ts';
import { lastLimit, type RawOutput, type RunScript, type Transport } from './transport.ts';

/** Options of {@link SshTransport}. */
export interface SshOptions extends SshConfiguration {
  readonly become: boolean;
  /** The password that sudo may want. Default: none, `sudo -n`. */
  readonly becomePassword?: Secret;
  readonly signal?: AbortSignal;
  /** Bounds how many connections are being opened at a time. */
  readonly gate?: Gate;
  /** The shared connection, where it is on its way already. */
  readonly ahead?: Promise<void>;
  /** Is told how far the first connection is. */
  readonly onProgress?: (progress: ConnectionProgress) => void;
}

/** How far a connection is: its turn has come, and it is open. */
export type ConnectionProgress = 'connecting' | 'open';

/**
 * Runs scripts on another machine through the system's `ssh`, which brings ssh_config, jump hosts, agents and hardware keys with it.
 * Host keys are checked as the user's configuration says. One session is kept open, over a connection that outlives the run by a minute.
 */
export class SshTransport implements Transport {
  readonly name: string;
  readonly isLocal = false;
  readonly #spec: HostSpec;
  readonly #options: SshOptions;
  readonly #session: OpenSession;
  readonly #password: BecomePassword | undefined;
  #socket: Promise<string> | undefined;
  #isFirst = true;
  /** The address at which the machine is reached now, and the options that lead there; undefined where it is its own. */
  #at: string | undefined;
  #place: readonly string[] = [];

  constructor(name: string, spec: HostSpec, options: SshOptions) {
    this.name = name;
    this.#spec = spec;
    this.#options = options;
    const { become, becomePassword } = options;
    this.#password =
      become && spec.user !== 'root' && becomePassword !== undefined ? new BecomePassword(becomePassword) : undefined;
    this.#session = new OpenSession(() => this.#start());
  }

  get reachedAt(): string | undefined {
    return this.#at;
  }

  async run(script: string, options: RunScript): Promise<RawOutput> {
    if (!this.#session.isBusy) return this.#session.run(script, options);
    const shared = ['-o', 'ControlMaster=no', '-o', `ControlPath=${await this.#socketPath()}`];
    return this.#ssh([...this.#place, ...shared], script, options);
  }

  async runFresh(script: string, options: RunScript, at: string | undefined = this.#at): Promise<RawOutput> {
    const fresh = ['-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-o', 'ConnectTimeout=3'];
    return this.#ssh([...fresh, ...(await this.#elsewhere(at))], script, options);
  }

  async reconnect(at: string | undefined = this.#at): Promise<void> {
    this.#session.drop();
    const socket = await this.#socketPath();
    const exit = [...this.#place, '-o', `ControlPath=${socket}`, '-O', 'exit'];
    const { timedOut } = await runProcess('ssh', sshArguments(this.#spec, this.#options, exit), { timeLimit: 2 });
    // One that hangs is left alone: it would take the next connection for its own, and hang it too.
    if (timedOut) this.#socket = Promise.resolve(`${socket}.${process.pid}`);
    this.#at = at;
    this.#place = await this.#elsewhere(at);
    await this.#session.run(':', { timeLimit: openLimit });
  }

  /** Options that lead to another address, and still demand the host key that belongs to the machine's own name. */
  async #elsewhere(at: string | undefined): Promise<readonly string[]> {
    if (at === undefined) return [];
    const ask = ['-G', ...sshArguments(this.#spec, this.#options, [])];
    const { stdout } = await runProcess('ssh', ask, { timeLimit: 10 });
    const known = (key: string): string | undefined => new RegExp(`^${key} (.+)$`, 'm').exec(stdout.toString())?.[1];
    const [name, port = '22'] = [known('hostname') ?? this.#spec.name, known('port')];
    const alias = known('hostkeyalias') ?? (port === '22' ? name : `[${name}]:${port}`);
    return ['-o', `HostName=${at}`, '-o', `HostKeyAlias=${alias}`];
  }

  async close(last?: string): Promise<void> {
    if (last !== undefined && !this.#session.leave(last))
      await this.run(last, { timeLimit: lastLimit }).catch(() => {});
    this.#session.close();
  }

  async #start(): Promise<SessionStart> {
    const { become, signal, gate, ahead, onProgress } = this.#options;
    const [socket, dialog] = await Promise.all([this.#socketPath(), this.#password?.dialog()]);
    const isFirst = this.#isFirst;
    const leave = isFirst && ahead !== undefined ? undefined : await gate?.enter();
    if (isFirst) onProgress?.('connecting');
    if (isFirst) await ahead;
    this.#isFirst = false;
    return {
      argv: (command) => [
        'ssh',
        ...sshArguments(this.#spec, this.#options, [...this.#place, ...sharing(socket)]),
        command,
      ],
      become: become && this.#spec.user !== 'root',
      dialog,
      explain: (exitCode, stderr) =>
        exitCode === undefined || exitCode === sshFailed
          ? new ConnectionError(stderr === '' ? `ssh ended with ${exitCode ?? 'a signal'}` : stderr)
          : refusal(exitCode, stderr, dialog),
      signal,
      opened: (isOpen) => {
        leave?.();
        if (isFirst && isOpen) onProgress?.('open');
      },
    };
  }

  async #socketPath(): Promise<string> {
    this.#socket ??= socketPath(this.#spec, this.#options);
    return this.#socket;
  }

  async #ssh(options: readonly string[], script: string, { stdin, timeLimit }: RunScript): Promise<RawOutput> {
    const bytes = Buffer.from(`${keepExitStatus(script)}\n`);
    const dialog = await this.#password?.dialog();
    const command = bootstrap(bytes.length, { become: this.#options.become, words: dialog?.words });
    const args = [...sshArguments(this.#spec, this.#options, options), command];
    const input = Buffer.concat([bytes, stdin ?? Buffer.alloc(0)]);
    const result = await runProcess('ssh', args, { input, timeLimit, dialog });
    if (dialog?.refusal !== undefined) throw dialog.refusal;
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined || exitCode === sshFailed) throw failure(result, stderr.toString(), timeLimit);
    if (dialog !== undefined && !dialog.isReady) throw refusal(exitCode, stderr.toString(), dialog);
    return { exitCode, stdout, stderr };
  }
}

/** ssh takes 255 for its own failures, so a script that ends with it says 254. */
function keepExitStatus(script: string): string {
  return `(${script}\n); kvm_play_status=$?; [ "$kvm_play_status" -ne 255 ] || kvm_play_status=254; exit "$kvm_play_status"`;
}

function failure({ timedOut, exitCode, trouble }: ProcessResult, stderr: string, timeLimit: number): ConnectionError {
  // ssh ends its lines as a terminal in raw mode wants them.
  const words = stderr.replaceAll('\r', '').trim();
  if (timedOut) return new ConnectionError(`no answer within ${timeLimit} s${words === '' ? '' : `: ${words}`}`);
  if (exitCode === undefined && words === '') return new ConnectionError(`ssh could not be run: ${trouble}`);
  return new ConnectionError(words === '' ? `ssh ended with ${exitCode}` : words);
}
