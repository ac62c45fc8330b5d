import { createHash } from 'node:crypto';
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { ConnectionError } from '../errors.ts';
import type { HostSpec } from './host_spec.ts';
import { OpenSession } from './open_session.ts';
import { type ProcessResult, runProcess } from './process.ts';
import { refusal } from './refusal.ts';
import { openLimit, type SessionStart } from './session.ts';
import { bootstrap, type RawOutput, type RunScript, type Transport } from './transport.ts';

/** Seconds after which ssh gives up connecting. */
const connectLimit = 10;
/** How long a connection without a session is kept, for the next run. */
const persist = '60s';

/** Exit status by which ssh tells of its own failure, as opposed to the remote command's. */
const sshFailed = 255;

/** Options of {@link SshTransport}. */
export interface SshOptions {
  readonly become: boolean;
  readonly privateKey?: string;
  readonly sshConfig?: string;
  readonly signal?: AbortSignal;
}

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
  #socket: Promise<string> | undefined;

  constructor(name: string, spec: HostSpec, options: SshOptions) {
    this.name = name;
    this.#spec = spec;
    this.#options = options;
    this.#session = new OpenSession(() => this.#start());
  }

  async run(script: string, options: RunScript): Promise<RawOutput> {
    if (!this.#session.isBusy) return this.#session.run(script, options);
    return this.#ssh(['-o', 'ControlMaster=no', '-o', `ControlPath=${await this.#socketPath()}`], script, options);
  }

  async runFresh(script: string, options: RunScript): Promise<RawOutput> {
    return this.#ssh(['-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-o', 'ConnectTimeout=3'], script, options);
  }

  async reconnect(): Promise<void> {
    this.#session.drop();
    const exit = this.#arguments(['-o', `ControlPath=${await this.#socketPath()}`, '-O', 'exit']);
    await runProcess('ssh', exit, { timeLimit: 2 });
    await this.#session.run(':', { timeLimit: openLimit });
  }

  async close(): Promise<void> {
    this.#session.close();
  }

  async #start(): Promise<SessionStart> {
    const socket = await this.#socketPath();
    const { become, signal } = this.#options;
    const shared = ['ControlMaster=auto', `ControlPath=${socket}`, `ControlPersist=${persist}`].flatMap(asOption);
    return {
      argv: (command) => ['ssh', ...this.#arguments(shared), command],
      become: become && this.#spec.user !== 'root',
      explain: (exitCode, stderr) =>
        exitCode === undefined || exitCode === sshFailed
          ? new ConnectionError(stderr === '' ? `ssh ended with ${exitCode ?? 'a signal'}` : stderr)
          : refusal(exitCode, stderr),
      signal,
    };
  }

  async #socketPath(): Promise<string> {
    this.#socket ??= socketPath(this.#options);
    return this.#socket;
  }

  async #ssh(options: readonly string[], script: string, { stdin, timeLimit }: RunScript): Promise<RawOutput> {
    const bytes = Buffer.from(`${keepExitStatus(script)}\n`);
    const args = [...this.#arguments(options), bootstrap(bytes.length, this.#options.become)];
    const input = Buffer.concat([bytes, stdin ?? Buffer.alloc(0)]);
    const result = await runProcess('ssh', args, { input, timeLimit });
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined || exitCode === sshFailed) throw failure(result, stderr.toString(), timeLimit);
    return { exitCode, stdout, stderr };
  }

  #arguments(options: readonly string[]): readonly string[] {
    const { privateKey, sshConfig } = this.#options;
    const { name, user, port } = this.#spec;
    return [
      '-T',
      ...(sshConfig === undefined ? [] : ['-F', sshConfig]),
      ...(privateKey === undefined ? [] : ['-i', privateKey, '-o', 'IdentitiesOnly=yes']),
      ...(user === undefined ? [] : ['-l', user]),
      ...(port === undefined ? [] : ['-p', String(port)]),
      ...options,
      ...['BatchMode=yes', 'ServerAliveInterval=2', 'ServerAliveCountMax=3', 'ClearAllForwardings=yes'].flatMap(
        asOption,
      ),
      ...asOption(`ConnectTimeout=${connectLimit}`),
      '--',
      name,
    ];
  }
}

/** ssh takes 255 for its own failures, so a script that ends with it says 254. */
function keepExitStatus(script: string): string {
  return `(${script}\n); kvm_play_status=$?; [ "$kvm_play_status" -ne 255 ] || kvm_play_status=254; exit "$kvm_play_status"`;
}

function asOption(option: string): readonly string[] {
  return ['-o', option];
}

function failure({ timedOut, exitCode, trouble }: ProcessResult, stderr: string, timeLimit: number): ConnectionError {
  const words = stderr.trim();
  if (timedOut) return new ConnectionError(`no answer within ${timeLimit} s${words === '' ? '' : `: ${words}`}`);
  if (exitCode === undefined && words === '') return new ConnectionError(`ssh could not be run: ${trouble}`);
  return new ConnectionError(words === '' ? `ssh ended with ${exitCode}` : words);
}

/**
 * Finds a path for the shared connection's socket: short enough for a socket, in a directory that nobody else can enter,
 * and another one for another configuration or key, since those may lead to another machine of the same name.
 */
async function socketPath({ sshConfig, privateKey }: SshOptions): Promise<string> {
  const { uid } = userInfo();
  const directory = `/tmp/kvm-play-${uid}`;
  await mkdir(directory, { mode: 0o700, recursive: true });
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new ConnectionError(`${directory} must be a directory of yours with mode 0700, and is not; remove it`);
  }
  const files = await Promise.all([sshConfig, privateKey].map((file) => file && realpath(file).catch(() => file)));
  const hash = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 8);
  return `${directory}/${hash}-%C`;
}
