import { ConvergenceError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import { type Difference, describeDifferences } from '../task/diff.ts';
import type { CommandStep } from '../task/step.ts';
import type { InForce, Task } from '../task/task.ts';
import { clearMarker, hasMarker } from './marker.ts';
import { readUntil, settleLimit, type Wait } from './settle.ts';

/** Seconds that others may take for their part (a DHCP server for a lease). */
const othersLimit = 60;

/**
 * Waits until what the reflected tasks have written is in force, then removes their markers, and waits for others' part.
 * What others do not do is no reason to load again: by then the marker is gone.
 * @param leftOut reflected tasks that are left out on this host
 */
export async function awaitLoaded(
  host: Host,
  task: Task,
  wait: Wait,
  leftOut: ReadonlySet<Task> | undefined,
): Promise<void> {
  for (const other of task.reflects.filter((each) => !leftOut?.has(each))) {
    const inForce = await readUntil(
      settleLimit,
      () => readInForce(host, other),
      ({ loaded }) => loaded.length === 0,
      wait,
    );
    if (inForce.loaded.length > 0) {
      throw new ConvergenceError(`${other.title} is not in force: ${describeDifferences(inForce.loaded)}`);
    }
    await clearMarker(host, other);
    const settled = await readUntil(
      othersLimit,
      () => readInForce(host, other),
      ({ settled }) => settled.length === 0,
      wait,
    );
    if (settled.settled.length > 0) {
      throw new ConvergenceError(
        `${other.title} is in force, and after ${othersLimit} s still ${describeDifferences(settled.settled)}`,
      );
    }
  }
}

/** What one reflected task means for the task that loads it. */
export interface Reflected {
  /** What it has written and the live system does not have. */
  readonly due: readonly Difference[];
  /** What others have a part in and does not hold, in words. */
  readonly unsettled: readonly string[];
  /** Commands that run right before it is loaded. */
  readonly clearing: readonly CommandStep[];
  /** What is lost once it is loaded, in words. */
  readonly lost: readonly string[];
}

/**
 * Finds out what a reflected task has written and is still to be loaded, what loading takes, and what others still have to do.
 * @param isWritten whether the task has written something in this run
 */
export async function inspectReflected(host: Host, task: Task, isWritten: boolean): Promise<Reflected> {
  const [inForce, marked] = await Promise.all([readInForce(host, task), hasMarker(host, task)]);
  const path = `in force.${task.subject}`;
  const notLoaded = inForce.loaded.map((difference) => ({ ...difference, path: `${path}.${difference.path}` }));
  const due = (actual: string): Difference => ({ path, wanted: 'loaded', actual });
  const common = {
    unsettled: inForce.settled.map((difference) => `${task.title}: ${describeDifferences([difference])}`),
    clearing: inForce.clearing ?? [],
    lost: inForce.lost ?? [],
  };
  if (isWritten) return { ...common, due: [due('written, not loaded'), ...notLoaded] };
  if (marked) return { ...common, due: [due('written by a run that did not finish'), ...notLoaded] };
  return { ...common, due: notLoaded };
}

async function readInForce(host: Host, task: Task): Promise<InForce> {
  return (await task.inForce?.(host.reader)) ?? { loaded: [], settled: [] };
}
