import { setTimeout as sleep } from 'node:timers/promises';
import { applyOnce, type EngineOptions, type Look, lookAt, type TaskResult } from './engine.ts';
import { CommandError, ConvergenceError, InterruptedError, KvmPlayError, MissingError } from './errors.ts';
import type { Host } from './hosts/host.ts';
import type { Task } from './module.ts';

/** Brings a host to what a task wants, and looks again; as often as the task says. @throws KvmPlayError */
export async function applyTask<State>(
  host: Host,
  task: Task<State>,
  options: EngineOptions = {},
): Promise<TaskResult<State>> {
  return applyLook(host, task, await lookAt(host, task, options), options);
}

/** Like {@link applyTask}, from a look that is still true. */
export async function applyLook<State>(
  host: Host,
  task: Task<State>,
  first: Look<State>,
  options: EngineOptions,
): Promise<TaskResult<State>> {
  const { attempts, interval } = task.retry ?? { attempts: 1, interval: 0 };
  let look = first;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await applyOnce(host, task, look, options);
    } catch (error) {
      options.ahead?.forget();
      if (attempt >= attempts || !mayPass(error)) throw told(error, attempt);
      await sleep(interval * 1000, undefined, { signal: options.signal }).catch(() => {
        throw new InterruptedError('interrupted before it was tried again');
      });
      look = await lookAt(host, task, options);
    }
  }
}

/** What may be otherwise next time: a command that failed, a state that did not come, something that is not there yet. */
function mayPass(error: unknown): error is KvmPlayError {
  return error instanceof CommandError || error instanceof ConvergenceError || error instanceof MissingError;
}

function told(error: unknown, attempts: number): unknown {
  if (attempts > 1 && error instanceof KvmPlayError) error.message = `${error.message}\nit was tried ${attempts} times`;
  return error;
}
