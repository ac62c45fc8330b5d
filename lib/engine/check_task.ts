import type { Host } from '../hosts/host.ts';
import type { Step } from '../task/step.ts';
import type { Task, TaskResult } from '../task/task.ts';
import { inAttempts } from './attempts.ts';
import {
  type EngineOptions,
  inContext,
  type Look,
  lookAt,
  planSteps,
  refuseAwaited,
  refuseMissing,
  result,
} from './engine.ts';

/** Says what apply would do, and changes nothing. @throws KvmPlayError as apply would before its first write */
export async function checkTask<State>(
  host: Host,
  task: Task<State>,
  options: EngineOptions = {},
): Promise<TaskResult<State>> {
  const { look, steps } = await checkLook(host, task, () => lookAt(host, task, options), options);
  return result(look, steps);
}

/**
 * Says what a task comes to from a look that is still true. Where apply would have nothing to do but to wait, for its `until` or
 * for a look that succeeds, so does this.
 */
export async function checkLook<State>(
  host: Host,
  task: Task<State>,
  first: () => Promise<Look<State>>,
  options: EngineOptions,
): Promise<{ look: Look<State>; steps: readonly Step[] }> {
  return inContext(host, task, () =>
    inAttempts(host, task, first, options, async (look) => {
      refuseMissing(look.missing);
      const steps = planSteps(host, task, look, options);
      if (steps.length === 0) refuseAwaited(look.reading);
      return { look, steps };
    }),
  );
}
