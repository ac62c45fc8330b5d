import { PlaybookError } from '../errors.ts';
import { type ConnectOptions, prepare } from './connect.ts';
import { defaultForks } from './forks.ts';
import type { Host } from './host.ts';
import { type HostSpec, hostName, isLocalHost } from './ssh/host_spec.ts';
import { type Preconnected, preconnect } from './ssh/preconnect.ts';
import { Semaphore } from './ssh/semaphore.ts';
import type { SshOptions } from './ssh/ssh.ts';

/** How {@link Connections} are made. */
export interface ConnectionsOptions extends Omit<ConnectOptions, 'become'> {
  /** Connections that are being opened at a time. Default: 32. */
  readonly forks?: number;
}

/**
 * The connections of a run. At most `forks` are being opened at a time, because a jump host refuses further handshakes (sshd's
 * MaxStartups). Open connections are not limited.
 */
export class Connections {
  readonly #options: Omit<ConnectOptions, 'become'>;
  readonly #handshakes: Semaphore;
  readonly #mentions = new Map<string, Promise<boolean>>();
  readonly #preconnected = new Map<string, Promise<Preconnected>>();
  readonly #end = new AbortController();

  /** @throws PlaybookError unless `forks` is a whole number from 1 on */
  constructor({ forks = defaultForks, ...options }: ConnectionsOptions = {}) {
    if (!Number.isInteger(forks) || forks < 1) {
      throw new PlaybookError(`forks is a whole number from 1 on, and was ${forks}`);
    }
    this.#options = options;
    this.#handshakes = new Semaphore(forks);
  }

  /** Begins to open the connection to a host that a play will need. An error is reported by the first script that runs on the host. */
  preconnect(spec: HostSpec): void {
    if (isLocalHost(spec) || this.#preconnected.has(hostName(spec))) return;
    const opened = this.#openShared(spec);
    opened.catch(() => {});
    this.#preconnected.set(hostName(spec), opened);
  }

  /**
   * Makes a host without connecting to it: its first script opens the connection. The caller closes the host.
   * @param lockId names the holder of the host's lock: one id for one run, which may reach a host as root and as another user
   * @param onProgress is called as the connection is opened
   */
  async prepare(
    spec: HostSpec,
    become: boolean,
    lockId?: string,
    onProgress?: SshOptions['onProgress'],
  ): Promise<Host> {
    const preconnected = this.#preconnected.get(hostName(spec));
    this.#preconnected.delete(hostName(spec));
    const shared = {
      handshakes: this.#handshakes,
      mentions: this.#mentions,
      ...(preconnected && { preconnected }),
      ...(onProgress && { onProgress }),
    };
    return prepare(spec, { ...this.#optionsFor(spec), become }, shared, lockId);
  }

  /** Ends connections that are still being opened and that no host has used. */
  close(): void {
    this.#end.abort();
  }

  #optionsFor({ privateKey }: HostSpec): Omit<ConnectOptions, 'become'> {
    return privateKey === undefined ? this.#options : { ...this.#options, privateKey };
  }

  async #openShared(spec: HostSpec): Promise<Preconnected> {
    const { signal } = this.#options;
    const leave = await this.#handshakes.enter();
    try {
      return await preconnect(
        spec,
        { ...this.#optionsFor(spec), mentions: this.#mentions },
        // A signal of its own for every host: Node warns of more than ten listeners on one.
        AbortSignal.any([this.#end.signal, ...(signal === undefined ? [] : [signal])]),
      );
    } finally {
      leave();
    }
  }
}
