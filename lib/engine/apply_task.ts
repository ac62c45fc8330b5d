import { ConvergenceError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import { describeDifferences } from '../task/diff.ts';
import type { Step } from '../task/step.ts';
import type { Task, TaskReading, TaskResult } from '../task/task.ts';
import { inAttempts } from './attempts.ts';
import { inContext } from './in_context.ts';
import { type Inspection, type InspectOptions, inspect } from './inspect.ts';
import { type Permissions, planSteps, refuseAwaited, refuseMissing, withCutWarning } from './plan_steps.ts';
import { awaitLoaded } from './reflected.ts';
import { resultOf, warningsBefore } from './result.ts';
import { readUntil, settleLimit, type Wait } from './settle.ts';
import { type TakeOptions, takeSteps } from './take_steps.ts';

/** How a task is applied: what the run knows, how its steps are taken, what they may do, and who sees them before. */
export interface ApplyOptions extends InspectOptions, TakeOptions {
  readonly permissions?: Permissions;
  /** Gets the steps before any of them is taken; what it throws ends the task. */
  readonly review?: (steps: readonly Step[]) => Promise<void>;
}

/** Brings a host to what a task wants, and reads it again; as often as the task says. @throws KvmPlayError */
export async function applyTask<State>(
  host: Host,
  task: Task<State>,
  options: ApplyOptions = {},
): Promise<TaskResult<State>> {
  return applyInspected(host, task, () => inspect(host, task, options), options);
}

/**
 * Like {@link applyTask}, from an inspection that still holds.
 * An attempt that took steps and failed has changed something, even where the next one finds nothing more to do.
 */
export async function applyInspected<State>(
  host: Host,
  task: Task<State>,
  first: () => Promise<Inspection<State>>,
  options: ApplyOptions,
): Promise<TaskResult<State>> {
  const failed: Attempt<State>[] = [];
  return inAttempts(host, task, first, options, async (inspection) => {
    let planned: readonly Step[] = [];
    const review = async (steps: readonly Step[]): Promise<void> => {
      await options.review?.(steps);
      planned = steps;
    };
    try {
      return withEarlier(await applyOnce(host, task, inspection, { ...options, review }), failed);
    } catch (error) {
      if (planned.length > 0) failed.push({ inspection, steps: planned });
      throw error;
    }
  });
}

/** An attempt that failed after it had taken steps. */
interface Attempt<State> {
  readonly inspection: Inspection<State>;
  readonly steps: readonly Step[];
}

function withEarlier<State>(outcome: TaskResult<State>, failed: readonly Attempt<State>[]): TaskResult<State> {
  const [first] = failed;
  if (first === undefined) return outcome;
  return {
    ...outcome,
    changed: true,
    before: first.inspection.reading.state,
    differences: first.inspection.differences,
    steps: [...failed.flatMap(({ steps }) => steps), ...outcome.steps],
  };
}

/** Makes one attempt, from an inspection that still holds. @throws KvmPlayError */
async function applyOnce<State>(
  host: Host,
  task: Task<State>,
  found: Inspection<State>,
  options: ApplyOptions,
): Promise<TaskResult<State>> {
  return inContext(host, task, async () => {
    refuseMissing(found.missing);
    const steps = planSteps(host, task, found, options.permissions);
    const inspection = withCutWarning(host, found, steps, options.permissions);
    await options.review?.(steps);
    if (steps.length === 0) {
      refuseAwaited(inspection.reading);
      return resultOf(inspection, steps);
    }
    const { failures, first } = await takeSteps(host, task, steps, options);
    const doubts = failures.map(({ message }) => message);
    if (task.isUnknowable) {
      return { ...resultOf(inspection, steps), warnings: [...warningsBefore(inspection), ...doubts] };
    }
    try {
      const wait: Wait = { signal: options.signal, taken: steps.length };
      const { reading: after, hasWaited } = await converged(host, task, wait, first);
      if (inspection.due.length > 0) await awaitLoaded(host, task, wait, options.leftOut);
      if (hasWaited || inspection.due.length > 0) options.prefetch?.discard();
      refuseAwaited(after);
      const passed = doubts.map((message) => `${message}\nyet everything is as wanted`);
      const warnings = [...new Set([...warningsBefore(inspection), ...after.warnings, ...passed])];
      return { ...resultOf(inspection, steps), warnings, after: after.state };
    } catch (error) {
      const [failure] = failures;
      if (failure === undefined || !(error instanceof ConvergenceError)) throw error;
      throw new ConvergenceError(`${failure.message}\n${error.message}`, { cause: failure });
    }
  });
}

/** Law 3: after apply, the state is read again. A state that is settling is waited for; no step is repeated. */
async function converged<State>(
  host: Host,
  task: Task<State>,
  wait: Wait,
  first: Promise<TaskReading<State>> | undefined,
): Promise<{ reading: TaskReading<State>; hasWaited: boolean }> {
  let reads = 0;
  const reading = await readUntil(
    settleLimit,
    () => {
      reads += 1;
      return reads === 1 && first !== undefined ? first : task.read(host.reader);
    },
    ({ settling, differences }) => !settling && differences.length === 0,
    { ...wait, worthwhile: ({ settling }) => settling },
  );
  refuseMissing(reading.missing);
  if (reading.differences.length > 0) {
    throw new ConvergenceError(`all steps were taken, and still ${describeDifferences(reading.differences)}`);
  }
  if (reading.settling) throw new ConvergenceError(`it has not settled within ${settleLimit} s`);
  return { reading, hasWaited: reads > 1 };
}
