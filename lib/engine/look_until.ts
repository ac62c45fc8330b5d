import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../errors.ts';

/** Seconds that a state may take to settle (a unit that is starting, a bridge that is coming up). */
export const settleLimit = 30;
/** Seconds between two looks at something that settles. */
const lookInterval = 0.5;

/** How something is waited for. */
export interface Wait {
  readonly signal: AbortSignal | undefined;
  /** Steps that the task has taken before. */
  readonly taken: number;
}

/**
 * Looks again and again until it is good or the time is over, and returns the last look. `worthwhile` ends it earlier.
 * @throws InterruptedError when it would have to wait, and the run is to end
 */
export async function lookUntil<T>(
  seconds: number,
  look: () => Promise<T>,
  good: (seen: T) => boolean,
  { signal, taken, worthwhile = () => true }: Wait & { worthwhile?: (seen: T) => boolean },
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (good(seen) || !worthwhile(seen) || performance.now() > deadline) return seen;
    await sleep(lookInterval * 1000, undefined, { signal }).catch(() => {
      throw new InterruptedError('interrupted while its state was settling', taken);
    });
  }
}
