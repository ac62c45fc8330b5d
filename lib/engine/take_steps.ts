import { type CommandError, InterruptedError } from '../errors.ts';
import type { Host, ReachOptions } from '../hosts/host.ts';
import type { CommandStep, Step } from '../task/step.ts';
import type { Task, TaskReading } from '../task/task.ts';
import { leavesMarker, markerSteps } from './marker.ts';
import { cutsLink } from './plan_steps.ts';

/** Inspections of other tasks ahead of their turn: they may travel with this task's last step. */
export interface Prefetch {
  /** Called in the turn of the event loop in which the last steps are on their way. */
  start(): void;
  /** Called when the host has changed since, or is changing: nothing that was prefetched counts. */
  discard(): void;
}

/** How steps are taken. */
export interface TakeOptions {
  /** Ends the run between two steps. */
  readonly signal?: AbortSignal | undefined;
  readonly prefetch?: Prefetch;
  /** Inside a network change: a step that goes before those that cut the link, and where the host may answer afterwards. */
  readonly detached?: ReachOptions & { readonly first: CommandStep };
}

/** What taking a task's steps came to. */
export interface Taken<State = unknown> {
  /** Failures of steps that are judged by the state, and not by their exit code. */
  readonly failures: readonly CommandError[];
  /** A read of the task that came back with its last step. */
  readonly first: Promise<TaskReading<State>> | undefined;
}

/**
 * Executes a task's steps, in order.
 * @throws CommandError, ConnectionError; InterruptedError between two steps
 */
export async function takeSteps<State>(
  host: Host,
  task: Task<State>,
  steps: readonly Step[],
  options: TakeOptions,
): Promise<Taken<State>> {
  const failures: CommandError[] = [];
  if (options.signal?.aborted) throw new InterruptedError('interrupted; no further step was taken');
  options.prefetch?.discard();
  const line = `${task.title}: ${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`;
  const marker = leavesMarker(task) ? markerSteps(task) : [];
  let first: Promise<TaskReading<State>> | undefined;
  let taken = 0;
  for (const group of groupsOf(steps)) {
    // Not before the first step: a marker that has been left would say that something was written.
    if (taken > 0 && options.signal?.aborted) {
      throw new InterruptedError(`interrupted after ${taken} of ${steps.length} steps`, taken);
    }
    const isLast = taken + group.length === steps.length;
    const before = taken === 0 ? marker : [];
    if (group.every(cutsLink)) {
      if (taken === 0) await host.executeTogether(before, { line });
      failures.push(...(await cutLink(host, group, options)));
    } else {
      const executing = host.executeTogether([...before, ...group], taken === 0 ? { line } : {});
      if (isLast && options.detached === undefined) first = readBehind(host, task, options);
      const executed = await executing;
      failures.push(...executed.failures);
      if (!executed.readAfter) {
        first = undefined;
        options.prefetch?.discard();
      }
    }
    taken += group.length;
  }
  return { failures, first };
}

/** Reads in the turn of the event loop in which steps are on their way, and so after them. Should they fail, nobody asks for the reading. */
function readBehind<State>(
  host: Host,
  task: Task<State>,
  { prefetch }: TakeOptions,
): Promise<TaskReading<State>> | undefined {
  const reading = task.isUnknowable ? undefined : task.read(host.reader);
  reading?.catch(() => {});
  prefetch?.start();
  return reading;
}

/** Steps that are executed as one: each by itself, but those that cut the link together with the next one that does. */
function groupsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last !== undefined && cutsLink(step) && last.every(cutsLink)) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

async function cutLink(
  host: Host,
  group: readonly CommandStep[],
  { detached }: TakeOptions,
): Promise<readonly CommandError[]> {
  if (detached === undefined) return host.executeDetached(group);
  const { first, ...reach } = detached;
  return host.executeDetached([first, ...group], reach);
}
