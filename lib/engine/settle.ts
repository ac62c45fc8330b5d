import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../errors.ts';

/** Seconds that a state may take to settle (a unit that is starting, a bridge that is coming up). */
export const settleLimit = 30;
/** Seconds between two reads of a state that is settling. */
const readInterval = 0.5;

/** How a state is waited for. */
export interface Wait {
  readonly signal: AbortSignal | undefined;
  /** Steps that the task has taken before. */
  readonly taken: number;
}

/**
 * Reads until the state is good or the time is over, and returns the last reading. `worthwhile` ends it earlier.
 * @throws InterruptedError when it would have to wait, and the run is to end
 */
export async function readUntil<T>(
  seconds: number,
  read: () => Promise<T>,
  isGood: (seen: T) => boolean,
  { signal, taken, worthwhile = () => true }: Wait & { worthwhile?: (seen: T) => boolean },
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await read();
    if (isGood(seen) || !worthwhile(seen) || performance.now() > deadline) return seen;
    await sleep(readInterval * 1000, undefined, { signal }).catch(() => {
      throw new InterruptedError('interrupted while its state was settling', taken);
    });
  }
}
