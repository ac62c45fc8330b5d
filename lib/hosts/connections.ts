import { setMaxListeners } from 'node:events';
import { PlaybookError } from '../errors.ts';
import { type ConnectOptions, prepare } from './connect.ts';
import type { Host } from './host.ts';
import { type HostSpec, hostName, isLocalHost } from './ssh/host_spec.ts';
import { type OpenedAhead, openAhead } from './ssh/preconnect.ts';
import { Gate } from './ssh/semaphore.ts';
import type { SshOptions } from './ssh/ssh.ts';

/** Connections that are being opened at a time, where nothing else is said. */
export const defaultForks = 32;

/** How {@link Connections} are made. */
export interface ConnectionsOptions extends Omit<ConnectOptions, 'become'> {
  /** Connections that are being opened at a time. Default: 32. */
  readonly forks?: number;
}

/**
 * The connections of a run: opened a few at a time, because a jump host drops what comes all at once (sshd's MaxStartups);
 * once they are open, all hosts go side by side.
 */
export class Connections {
  readonly #options: Omit<ConnectOptions, 'become'>;
  readonly #gate: Gate;
  readonly #ahead = new Map<string, Promise<OpenedAhead>>();
  readonly #end = new AbortController();

  /** @throws PlaybookError for a number of forks that lets nobody through */
  constructor({ forks = defaultForks, ...options }: ConnectionsOptions = {}) {
    if (!Number.isInteger(forks) || forks < 1) {
      throw new PlaybookError(`forks is a whole number from 1 on, and was ${forks}`);
    }
    this.#options = options;
    this.#gate = new Gate(forks);
    // Every host listens to them; Node takes more than ten listeners for a leak, and says so.
    for (const signal of [this.#end.signal, options.signal]) if (signal !== undefined) setMaxListeners(0, signal);
  }

  /** Starts to open the connection to a host that will be needed. What goes wrong is told when it is. */
  ahead(spec: HostSpec): void {
    if (isLocalHost(spec) || this.#ahead.has(hostName(spec))) return;
    const opened = this.#openAhead(spec);
    opened.catch(() => {});
    this.#ahead.set(hostName(spec), opened);
  }

  /**
   * Makes a host of which nothing is asked yet; the caller closes it.
   * @param lockId names the holder of the host's lock: the same for the same run, which may reach a host as root and as another user
   * @param onProgress is told how far the connection is
   */
  async prepare(
    spec: HostSpec,
    become: boolean,
    lockId?: string,
    onProgress?: SshOptions['onProgress'],
  ): Promise<Host> {
    const ahead = this.#ahead.get(hostName(spec));
    this.#ahead.delete(hostName(spec));
    const shared = { gate: this.#gate, ...(ahead && { ahead }), ...(onProgress && { onProgress }) };
    return prepare(spec, { ...this.#optionsFor(spec), become }, shared, lockId);
  }

  /** Ends what is on its way and was not needed. */
  close(): void {
    this.#end.abort();
  }

  #optionsFor({ privateKey }: HostSpec): Omit<ConnectOptions, 'become'> {
    return privateKey === undefined ? this.#options : { ...this.#options, privateKey };
  }

  async #openAhead(spec: HostSpec): Promise<OpenedAhead> {
    const { signal } = this.#options;
    const leave = await this.#gate.enter();
    try {
      return await openAhead(
        spec,
        this.#optionsFor(spec),
        signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]),
      );
    } finally {
      leave();
    }
  }
}
