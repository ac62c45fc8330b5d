import { rename } from 'node:fs/promises';
import { ConnectionError, InterruptedError } from '../../errors.ts';
import type { Secret } from '../../task/secret.ts';
import { bootstrap } from '../session/clean_shell.ts';
import { OpenSession } from '../session/open_session.ts';
import { type ProcessResult, runProcess } from '../session/process.ts';
import { refusal } from '../session/refusal.ts';
import { openLimit, Session, type SessionStart } from '../session/session.ts';
import { BecomePassword, type SudoDialog } from '../session/sudo_dialog.ts';
import {
  type AnotherConnection,
  lastLimit,
  type OpenAnother,
  type RawOutput,
  type RunScript,
  type Transport,
} from '../shell/transport.ts';
import type { HostSpec } from './host_spec.ts';
import type { Preconnected } from './preconnect.ts';
import { isReleased } from './released_socket.ts';
import type { Semaphore } from './semaphore.ts';
import { type SshConfiguration, sharing, socketPath, sshArguments, sshFailed } from './ssh_command.ts';
import { askSsh, type SshSettings, sshSettings } from './ssh_settings.ts';

/** Options of {@link SshTransport}. */
export interface SshOptions extends SshConfiguration {
  readonly become: boolean;
  /** The password that sudo may want. Default: none, `sudo -n`. */
  readonly becomePassword?: Secret;
  readonly signal?: AbortSignal;
  /** Limits how many connections are being opened at a time. */
  readonly handshakes?: Semaphore;
  /** The shared connection, where it is being opened already. */
  readonly preconnected?: Promise<Preconnected>;
  /** Called with the progress of the first connection. */
  readonly onProgress?: (progress: ConnectionProgress) => void;
}

/** A route to the machine: an address in place of its name, the ssh options for it, and the socket of the shared connection. */
interface Place {
  readonly at: string | undefined;
  readonly place: readonly string[];
  readonly socket: string;
}

/** The effective ssh configuration for the machine's own name, by key, and the full path of the socket. */
interface OwnPlace {
  readonly socket: string;
  readonly values: ReadonlyMap<string, string>;
}

/** The progress of a connection: `connecting` once its handshake may begin, then `open`. */
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
  #isFirst = true;
  /** Where it is reached now. */
  #place: Place | undefined;
  #own: Promise<OwnPlace> | undefined;
  #known: Promise<SshSettings> | undefined;
  /** Seconds that the slowest connection took to open. */
  #took: number | undefined;
  /** Connections that were opened besides the first. */
  #opened = 0;

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
    return this.#place?.at;
  }

  async run(script: string, options: RunScript): Promise<RawOutput> {
    if (!this.#session.isBusy) return this.#session.run(script, options);
    const { socket, place } = await this.#current();
    const shared = ['-o', 'ControlMaster=no', '-o', `ControlPath=${socket}`];
    return this.#ssh([...place, ...shared], script, options);
  }

  /** Checks first that the shared connection is still held; otherwise ssh would open a new one. */
  async runOverOpen(script: string, options: RunScript): Promise<RawOutput> {
    if (!this.#session.isOpen) {
      const { exitCode } = await this.#control('check');
      if (exitCode !== 0) throw new ConnectionError('no connection is open');
    }
    return this.run(script, options);
  }

  async openAnother({ at, patience, signal }: OpenAnother): Promise<AnotherConnection> {
    const [own, place] = await Promise.all([this.#ownPlace(), this.#elsewhere(at)]);
    this.#opened += 1;
    const connection = { at, place, socket: `${own.socket}.${process.pid}-${this.#opened}` };
    const limits = this.#limits(patience);
    const once = ['ConnectionAttempts=1', `ConnectTimeout=${limits.connect}`].flatMap((option) => ['-o', option]);
    const dialog = await this.#password?.dialog();
    const start = this.#sessionStart(connection, await this.#settings(), dialog, once);
    const session = new Session({ ...start, openLimit: limits.open, signal });
    try {
      await session.run(':', { timeLimit: limits.open });
    } catch (error) {
      void this.#control('exit', connection);
      throw error instanceof InterruptedError ? new ConnectionError('called off', { cause: error }) : error;
    }
    return {
      adopt: () => this.#adopt(connection, session),
      end: () => {
        session.close();
        void this.#control('exit', connection);
      },
    };
  }

  /** Under the machine's own name the new connection takes the old one's place also for the next run. */
  async #adopt(connection: Place, session: Session): Promise<void> {
    const old = await this.#current();
    this.#session.drop(session);
    this.#place = connection;
    const { exitCode, timedOut } = await this.#control('exit', old);
    const { socket } = await this.#ownPlace();
    // One that hangs keeps its socket: it would take the next connection for its own, and hang it too.
    if (timedOut || connection.at !== undefined) return;
    if (exitCode === 0 && !(await isReleased(socket))) return;
    const isRenamed = await rename(connection.socket, socket).then(
      () => true,
      () => false,
    );
    if (isRenamed) this.#place = { ...connection, socket };
  }

  /** Seconds for an attempt, from the time that connecting has taken so far. */
  #limits(patience: number): { readonly connect: number; readonly open: number } {
    const took = this.#took ?? 0;
    return { connect: Math.ceil(patience * (3 + took)), open: patience * (6 + 2 * took) };
  }

  /** Asks the process that holds a shared connection. Nothing travels over the network, so only a stopped process can hang here. */
  async #control(what: 'check' | 'exit', of?: Place): Promise<ProcessResult> {
    const { socket, place } = of ?? (await this.#current());
    const options = [...place, '-o', `ControlPath=${socket}`, '-O', what];
    return runProcess('ssh', sshArguments(this.#spec, this.#options, undefined, options), { timeLimit: 2 });
  }

  async #current(): Promise<Place> {
    this.#place ??= { at: undefined, place: [], socket: await socketPath(this.#spec, this.#options) };
    return this.#place;
  }

  /** The machine under its own name, as ssh knows it; its socket with its full path. */
  async #ownPlace(): Promise<OwnPlace> {
    this.#own ??= socketPath(this.#spec, this.#options).then(async (path) => {
      const values = await askSsh(this.#spec, this.#options, ['-o', `ControlPath=${path}`]);
      return { socket: values.get('controlpath') ?? path, values };
    });
    return this.#own;
  }

  /** Options that lead to another address, and still demand the host key that belongs to the machine's own name. */
  async #elsewhere(at: string | undefined): Promise<readonly string[]> {
    if (at === undefined) return [];
    const { values } = await this.#ownPlace();
    const [name, port] = [values.get('hostname') ?? this.#spec.name, values.get('port') ?? '22'];
    const alias = values.get('hostkeyalias') ?? (port === '22' ? name : `[${name}]:${port}`);
    // A link-local address holds on one of this machine's links, which the machine's own name tells.
    const zone = /^fe[89ab][0-9a-f]:/i.test(at) ? (/%.+$/.exec(name)?.[0] ?? '') : '';
    return ['-o', `HostName=${at}${zone}`, '-o', `HostKeyAlias=${alias}`];
  }

  async #settings(): Promise<SshSettings> {
    this.#known ??= sshSettings(this.#spec, this.#options);
    return this.#known;
  }

  async close(last?: string): Promise<void> {
    if (last !== undefined && !this.#session.leave(last))
      await this.run(last, { timeLimit: lastLimit }).catch(() => {});
    this.#session.close();
  }

  async #start(): Promise<SessionStart> {
    const { signal, handshakes, preconnected, onProgress } = this.#options;
    const isFirst = this.#isFirst;
    const leave = isFirst && preconnected !== undefined ? undefined : await handshakes?.enter();
    if (isFirst) onProgress?.('connecting');
    if (isFirst && preconnected !== undefined) {
      const { settings, took } = await preconnected;
      this.#known = Promise.resolve(settings);
      this.#learn(took);
    }
    this.#isFirst = false;
    const [place, settings, dialog] = await Promise.all([this.#current(), this.#settings(), this.#password?.dialog()]);
    const start = this.#sessionStart(place, settings, dialog, []);
    return {
      ...start,
      signal,
      opened: (isOpen) => {
        leave?.();
        start.opened?.(isOpen);
        if (isFirst && isOpen) onProgress?.('open');
      },
    };
  }

  #sessionStart(
    { place, socket }: Place,
    settings: SshSettings,
    dialog: SudoDialog | undefined,
    options: readonly string[],
  ): SessionStart {
    const { become } = this.#options;
    let started = 0;
    return {
      argv: (command) => {
        started = performance.now();
        const all = [...place, ...options, ...sharing(socket)];
        return ['ssh', ...sshArguments(this.#spec, this.#options, settings, all), command];
      },
      become: become && this.#spec.user !== 'root',
      dialog,
      silence: async () => {
        const { exitCode } = await this.#control('check', { at: undefined, place, socket });
        return exitCode === 0 ? silentLogin : undefined;
      },
      // ssh's own limit comes first, and has the better words.
      openLimit: Math.max(openLimit, settings.connectLimit + 5),
      explain: (exitCode, stderr) =>
        exitCode === undefined || exitCode === sshFailed
          ? new ConnectionError(stderr === '' ? `ssh ended with ${exitCode ?? 'a signal'}` : stderr)
          : refusal(exitCode, stderr, dialog),
      opened: (isOpen) => {
        if (isOpen) this.#learn((performance.now() - started) / 1000);
      },
    };
  }

  /** Keeps the longest time: over a shared connection a session opens sooner. */
  #learn(took: number | undefined): void {
    if (took !== undefined) this.#took = Math.max(took, this.#took ?? 0);
  }

  async #ssh(options: readonly string[], script: string, { stdin, timeLimit }: RunScript): Promise<RawOutput> {
    const bytes = Buffer.from(`${keepExitStatus(script)}\n`);
    const dialog = await this.#password?.dialog();
    const command = bootstrap(bytes.length, { become: this.#options.become, words: dialog?.words });
    const args = [...sshArguments(this.#spec, this.#options, await this.#settings(), options), command];
    const input = Buffer.concat([bytes, stdin ?? Buffer.alloc(0)]);
    const result = await runProcess('ssh', args, { input, timeLimit, dialog });
    if (dialog?.refusal !== undefined) throw dialog.refusal;
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined || exitCode === sshFailed) throw failure(result, stderr.toString(), timeLimit);
    if (dialog !== undefined && !dialog.isReady) throw refusal(exitCode, stderr.toString(), dialog);
    return { exitCode, stdout, stderr };
  }
}

/** Explains a machine that accepts the login and then runs nothing. */
const silentLogin =
  'the login succeeded, and no script was begun: look whether a start-up file of the login (~/.bashrc, ~/.profile, ~/.ssh/rc, /etc/profile) reads standard input or waits, and let it do so only at a terminal';

/** Turns a script's exit status 255 into 254, because ssh uses 255 for its own failures. */
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
