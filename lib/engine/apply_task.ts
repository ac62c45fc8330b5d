import type { Host } from '../hosts/host.ts';
import type { Step } from '../task/step.ts';
import type { Task, TaskResult } from '../task/task.ts';
import { inAttempts } from './attempts.ts';
import { applyOnce, type EngineOptions, type Look, lookAt } from './engine.ts';

/** Brings a host to what a task wants, and looks again; as often as the task says. @throws KvmPlayError */
export async function applyTask<State>(
  host: Host,
  task: Task<State>,
  options: EngineOptions = {},
): Promise<TaskResult<State>> {
  return applyLook(host, task, () => lookAt(host, task, options), options);
}

/**
 * Like {@link applyTask}, from a look that is still true.
 * An attempt that took steps and failed has changed something, even where the next one finds nothing more to do.
 */
export async function applyLook<State>(
  host: Host,
  task: Task<State>,
  first: () => Promise<Look<State>>,
  options: EngineOptions,
): Promise<TaskResult<State>> {
  const earlier: { look: Look<State>; steps: readonly Step[] }[] = [];
  return inAttempts(host, task, first, options, async (look) => {
    let planned: readonly Step[] = [];
    const review = async (steps: readonly Step[]): Promise<void> => {
      await options.review?.(steps);
      planned = steps;
    };
    try {
      return withEarlier(await applyOnce(host, task, look, { ...options, review }), earlier);
    } catch (error) {
      if (planned.length > 0) earlier.push({ look, steps: planned });
      throw error;
    }
  });
}

function withEarlier<State>(
  outcome: TaskResult<State>,
  earlier: readonly { look: Look<State>; steps: readonly Step[] }[],
): TaskResult<State> {
  const [first] = earlier;
  if (first === undefined) return outcome;
  return {
    ...outcome,
    changed: true,
    before: first.look.reading.state,
    differences: first.look.differences,
    steps: [...earlier.flatMap(({ steps }) => steps), ...outcome.steps],
  };
}
