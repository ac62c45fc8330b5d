import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ConnectionError } from '../errors.ts';
import type { HostSpec } from './host_spec.ts';
import { type ProcessResult, runProcess } from './process.ts';
import { bootstrap, type RawOutput, type RunScript, type Transport } from './transport.ts';

/** Seconds until a host that does not answer counts as unreachable; ssh's own limit comes first and has the better words. */
const connectLimit = 10;
const giveUpLimit = 15;

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
 * Host keys are checked as the user's configuration says. One shared connection is opened, and outlives the run by a minute.
 */
export class SshTransport implements Transport {
  readonly name: string;
  readonly isLocal = false;
  readonly #spec: HostSpec;
  readonly #options: SshOptions;
  #socket = '';
  /** The address at which the machine is reached now; undefined where that is its own. */
  #at: string | undefined;
  #place: readonly string[] = [];

  constructor(name: string, spec: HostSpec, options: SshOptions) {
    this.name = name;
    this.#spec = spec;
    this.#options = options;
  }

  /** Opens the shared connection, or finds the one of an earlier run. @throws ConnectionError with ssh's own words */
  async open(): Promise<void> {
    this.#socket = await socketPath(this.#options);
    await this.#openMaster();
  }

  async run(script: string, options: RunScript): Promise<RawOutput> {
    const shared = ['-o', 'ControlMaster=no', '-o', `ControlPath=${this.#socket}`];
    return this.#ssh([...this.#place, ...shared], script, options);
  }

  async runFresh(script: string, options: RunScript, at: string | undefined = this.#at): Promise<RawOutput> {
    const fresh = ['-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-o', 'ConnectTimeout=3'];
    return this.#ssh([...fresh, ...(await this.#elsewhere(at))], script, options);
  }

  async reconnect(at: string | undefined = this.#at): Promise<void> {
    const exit = this.#arguments([...this.#place, '-o', `ControlPath=${this.#socket}`, '-O', 'exit']);
    const { timedOut } = await runProcess('ssh', exit, { output: false, timeLimit: 2 });
    // One that hangs is left alone: it would take the next connection for its own, and hang it too.
    if (timedOut) this.#socket = `${this.#socket}.${process.pid}`;
    this.#at = at;
    this.#place = await this.#elsewhere(at);
    await this.#openMaster();
  }

  /** Options that lead to another address, and still demand the host key that belongs to the machine's own name. */
  async #elsewhere(at: string | undefined): Promise<readonly string[]> {
    if (at === undefined) return [];
    const { stdout } = await runProcess('ssh', ['-G', ...this.#arguments([])], { timeLimit: 10 });
    const known = (key: string): string | undefined => new RegExp(`^${key} (.+)$`, 'm').exec(stdout.toString())?.[1];
    const [name, port = '22'] = [known('hostname') ?? this.#spec.name, known('port')];
    const alias = known('hostkeyalias') ?? (port === '22' ? name : `[${name}]:${port}`);
    return [`HostName=${at}`, `HostKeyAlias=${alias}`].flatMap(asOption);
  }

  async close(): Promise<void> {}

  /**
   * ssh tells its troubles to a file (`-E`): the connection that it leaves in the background would hold stderr open,
   * and nobody could tell when it has said everything.
   */
  async #openMaster(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'kvm-play-'));
    const errors = join(directory, 'stderr');
    const master = ['-E', errors, '-o', 'ControlMaster=auto', '-o', `ControlPath=${this.#socket}`];
    try {
      const result = await runProcess(
        'ssh',
        [...this.#arguments([...this.#place, ...master, '-o', 'ControlPersist=60s']), 'exit 0'],
        {
          output: false,
          timeLimit: giveUpLimit,
          signal: this.#options.signal,
        },
      );
      if (result.exitCode !== 0) throw failure(result, await readFile(errors, 'utf8').catch(() => ''), giveUpLimit);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
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
