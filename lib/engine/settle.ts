import { InterruptedError } from '../errors.ts';
import { waitUntil } from '../process/wait_until.ts';

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
  return waitUntil(read, (seen) => isGood(seen) || !worthwhile(seen), {
    within: seconds,
    interval: readInterval,
    signal,
    interrupted: () => new InterruptedError('interrupted while its state was settling', taken),
  });
}
