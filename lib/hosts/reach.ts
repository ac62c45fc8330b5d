import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { ConnectionError } from '../errors.ts';
import type { ReachOptions } from './host.ts';
import type { RawOutput, Transport } from './transport.ts';

/** Seconds that one attempt over a fresh connection may take. */
const freshLimit = 6;
/** Seconds between two attempts. */
const attemptInterval = 0.5;

/** What was heard over a fresh connection, and where: `at` is undefined for where it had been reached before. */
export interface Heard {
  readonly result: RawOutput;
  readonly fresh: { readonly at: string | undefined };
}

/**
 * Runs a script over fresh connections, to where the machine was reached last and to other addresses at once; the first that answers wins.
 * @throws AggregateError when none answers
 */
export async function runAnywhere(transport: Transport, script: string, at: readonly string[]): Promise<Heard> {
  const places = [undefined, ...at];
  return Promise.any(
    places.map(async (place) => ({
      result: await transport.runFresh(script, { timeLimit: freshLimit }, place),
      fresh: { at: place },
    })),
  );
}

/** Drops the open connection and opens another one where the machine has just answered. @throws ConnectionError */
export async function reconnectTo(transport: Transport, { at }: Heard['fresh']): Promise<void> {
  await pRetry(() => transport.reconnect(at), { retries: 5, minTimeout: 500, maxTimeout: 500 });
}

/**
 * Tries fresh connections until one is answered, and goes on over that one.
 * @throws ConnectionError when the machine does not answer in time
 */
export async function reachAgain(transport: Transport, { within = 15, at = [] }: ReachOptions): Promise<void> {
  const deadline = performance.now() + within * 1000;
  for (;;) {
    try {
      const { fresh } = await runAnywhere(transport, 'exit 0', at);
      await reconnectTo(transport, fresh);
      return;
    } catch (error) {
      if (performance.now() < deadline) await sleep(attemptInterval * 1000);
      else throw new ConnectionError(`the host has not answered for ${Math.round(within)} s`, { cause: error });
    }
  }
}
