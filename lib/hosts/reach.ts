import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError } from '../errors.ts';
import { waitUntil } from '../process/wait_until.ts';
import type { ReachOptions } from './host.ts';
import type { AnotherConnection, Transport } from './shell/transport.ts';

/**
 * Seconds between an attempt that failed and the next one, by how many have failed in a row. Firewalls count new connections
 * and drop those beyond a few in 30 or 60 seconds, each of which renews the ban: four attempts are followed by a pause in which
 * such a rule forgets. The last three pauses repeat themselves.
 */
const pauses: readonly number[] = [0, 0.5, 1, 2, 35, 2, 4, 65];
const repeated = 3;
/** Head start in seconds of the first of several addresses, because the others may lead to the same machine. */
const headStart = 1;
/** An attempt is given up to so many times the usual limit. */
const mostPatience = 4;

/** How one attempt is made. */
interface AttemptOptions {
  /** Addresses to try besides those that are known to lead to the machine. */
  readonly at: readonly string[];
  /** By the monotonic clock, in milliseconds: none is begun after that. */
  readonly deadline: number;
  /** Ends the pause before it, and the attempt. */
  readonly signal?: AbortSignal;
}

/** Reconnects to a machine whose connection may be dead. It counts its attempts over the whole run. */
export class Reach {
  readonly #transport: Transport;
  /** Attempts in a row that failed. */
  #failed = 0;
  /** When the last one ended, by the monotonic clock. */
  #ended = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Resets the count of failed attempts: those that were made while the link was down did not reach the machine, so no firewall counted them. */
  heardAgain(): void {
    this.#failed = 0;
  }

  /**
   * Opens another connection and goes on over it; the open one is ended only then.
   * @throws ConnectionError when none could be opened in time
   */
  async again({ within = 15, at = [] }: ReachOptions): Promise<void> {
    const deadline = performance.now() + within * 1000;
    let cause: unknown;
    const attempt = async (): Promise<boolean> => {
      const { isOpen, error } = await this.attempt({ at, deadline });
      cause = error ?? cause;
      return isOpen;
    };
    // The pauses between the attempts are the attempts' own.
    if (await waitUntil(attempt, Boolean, { within, interval: 0 })) return;
    const seconds = Math.round(within);
    const words =
      seconds > 0 ? `the host has not answered for ${seconds} s` : 'no time was left to reach the host again';
    throw new ConnectionError(words, { cause });
  }

  /** Makes one attempt, once its time has come. What it opens is gone on over. */
  async attempt({ at, deadline, signal }: AttemptOptions): Promise<{ isOpen: boolean; error?: unknown }> {
    const due = this.#ended + pauseAfter(this.#failed) * 1000;
    await pause(Math.min(due, deadline) - performance.now(), signal);
    if (signal?.aborted || performance.now() >= deadline || performance.now() < due) return { isOpen: false };
    try {
      const another = await this.#openAnywhere(at, signal);
      this.#failed = 0;
      await another.adopt();
      return { isOpen: true };
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof AggregateError)) throw error;
      // One that was called off says nothing of the machine.
      if (!signal?.aborted) this.#failed += 1;
      return { isOpen: false, error };
    } finally {
      this.#ended = performance.now();
    }
  }

  /** Tries the current address, the machine's own name, and other addresses; the first that answers is taken. @throws AggregateError */
  async #openAnywhere(at: readonly string[], signal: AbortSignal | undefined): Promise<AnotherConnection> {
    const places = [...new Set([this.#transport.reachedAt, undefined, ...at])];
    const patience = Math.min(2 ** Math.floor(this.#failed / 2), mostPatience);
    const won = new AbortController();
    const ends = signal === undefined ? won.signal : AbortSignal.any([won.signal, signal]);
    let winner: AnotherConnection | undefined;
    const opened = places.map(async (place, index) => {
      await pause(index === 0 ? 0 : headStart * 1000, ends);
      if (ends.aborted) throw new ConnectionError('called off');
      const another = await this.#transport.openAnother({ at: place, patience, signal: ends });
      if (winner !== undefined || ends.aborted) {
        another.end();
        throw new ConnectionError('another address has answered first');
      }
      winner = another;
      return another;
    });
    try {
      return await Promise.any(opened);
    } finally {
      won.abort();
    }
  }
}

/** Says how many seconds are between two attempts, by how many have failed in a row. */
export function pauseAfter(failed: number): number {
  const first = pauses.length - repeated;
  return pauses[failed < pauses.length ? failed : first + ((failed - first) % repeated)] ?? 0;
}

/** Waits so many milliseconds, or until the signal. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds <= 0) return;
  await sleep(milliseconds, undefined, signal && { signal }).catch(() => {});
}
