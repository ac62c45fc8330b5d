import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often {@link waitUntil} looks. */
export interface WaitOptions<T> {
  /** Seconds from the call until the last look is begun. The first look is made in any case. */
  readonly within: number;
  /** Seconds between the end of one look and the beginning of the next, or a function that says them for what was seen. */
  readonly interval: number | ((seen: T) => number);
  /** Ends the wait between two looks; a look that is under way comes to its end. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error that is thrown when the signal ends the wait. Default: the signal's reason. */
  readonly interrupted?: () => Error;
}

/**
 * Looks again and again until something holds or the time is over.
 *
 * It stands beside p-retry, which tries again what has thrown an error: here every look gives a value, the last value is wanted also
 * when the time is over, and `interval` may depend on it. What throws, and is worth another attempt, is p-retry's.
 * @param look an error that it throws ends the wait
 * @param holds tells whether a look's value is the one that is waited for
 * @returns the value of the last look; the caller tells by it whether the time was over
 */
export async function waitUntil<T>(
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  { within, interval, signal, interrupted }: WaitOptions<T>,
): Promise<T> {
  const deadline = performance.now() + within * 1000;
  for (;;) {
    const seen = await look();
    const left = deadline - performance.now();
    if (holds(seen) || left <= 0) return seen;
    const seconds = typeof interval === 'number' ? interval : interval(seen);
    try {
      await sleep(Math.min(seconds * 1000, left), undefined, signal && { signal });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      throw interrupted?.() ?? signal.reason;
    }
  }
}
