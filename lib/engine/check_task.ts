import type { Host } from '../hosts/host.ts';
import type { Step } from '../task/step.ts';
import type { Task, TaskResult } from '../task/task.ts';
import { inAttempts } from './attempts.ts';
import { inContext } from './in_context.ts';
import { type Inspection, type InspectOptions, inspect } from './inspect.ts';
import { type Permissions, planSteps, refuseAwaited, refuseMissing, withCutWarning } from './plan_steps.ts';
import { resultOf } from './result.ts';

/** How a task is checked: what the run knows, and what the steps may do. */
export interface CheckOptions extends InspectOptions {
  readonly permissions?: Permissions;
}

/**
 * Says what apply would do with one task outside of a play, and changes nothing. Check mode of a play is decided in
 * lib/run/host_run.ts.
 * @throws KvmPlayError as apply would before its first write
 */
export async function checkTask<State>(
  host: Host,
  task: Task<State>,
  options: CheckOptions = {},
): Promise<TaskResult<State>> {
  const { inspection, steps } = await checkInspected(host, task, () => inspect(host, task, options), options);
  return resultOf(inspection, steps);
}

/**
 * Like {@link checkTask}, from an inspection that still holds. Where apply would have nothing to do but to wait, for its `until`
 * or for an inspection that succeeds, so does this.
 */
export async function checkInspected<State>(
  host: Host,
  task: Task<State>,
  first: () => Promise<Inspection<State>>,
  options: CheckOptions,
): Promise<{ inspection: Inspection<State>; steps: readonly Step[] }> {
  return inContext(host, task, () =>
    inAttempts(host, task, first, options, async (inspection) => {
      refuseMissing(inspection.missing);
      const steps = planSteps(host, task, inspection, options.permissions);
      if (steps.length === 0) refuseAwaited(inspection.reading);
      return { inspection: withCutWarning(host, inspection, steps, options.permissions), steps };
    }),
  );
}
