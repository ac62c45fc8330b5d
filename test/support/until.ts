import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between the first two questions, and at most: what is asked of a host costs it a process or two. */
const intervals = { first: 20, most: 250 } as const;
/** Milliseconds after which what is waited for will not come: far more than a slow machine needs. */
const patience = 120_000;

/**
 * Asks until the answer is yes. A test waits for what must come to pass, never for a time in which it may have.
 * @param holds what must come to pass
 * @param what names it in the error
 * @throws Error when it does not come to pass within two minutes
 */
export async function until(holds: () => boolean | Promise<boolean>, what = holds.toString()): Promise<void> {
  const deadline = performance.now() + patience;
  for (let interval: number = intervals.first; !(await holds()); interval = Math.min(1.5 * interval, intervals.most)) {
    if (performance.now() > deadline) throw new Error(`it has not come to pass in ${patience / 1000} s: ${what}`);
    await sleep(interval);
  }
}
