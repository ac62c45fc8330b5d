import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, ConvergenceError, InterruptedError, KvmPlayError, MissingError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { Task } from '../task/task.ts';
import { type EngineOptions, type Look, lookAt } from './engine.ts';

/**
 * Tries something with a task as often as the task says, each time from a look at the host.
 * @param first gives the first look; before every other attempt the host is looked at anew
 * @throws KvmPlayError of the last attempt
 */
export async function inAttempts<State, T>(
  host: Host,
  task: Task<State>,
  first: () => Promise<Look<State>>,
  options: EngineOptions,
  attempt: (look: Look<State>) => Promise<T>,
): Promise<T> {
  const { attempts, interval } = task.retry ?? { attempts: 1, interval: 0 };
  for (let number = 1; ; number += 1) {
    try {
      return await attempt(number === 1 ? await first() : await lookAt(host, task, options));
    } catch (error) {
      options.ahead?.forget();
      if (number >= attempts || !mayPass(error)) throw told(error, number);
      await sleep(interval * 1000, undefined, { signal: options.signal }).catch(() => {
        throw new InterruptedError('interrupted before it was tried again');
      });
    }
  }
}

/** Tells of what may be otherwise next time: a command that failed, a state that did not come, something that is not there yet. */
function mayPass(error: unknown): error is KvmPlayError {
  return error instanceof CommandError || error instanceof ConvergenceError || error instanceof MissingError;
}

function told(error: unknown, attempts: number): unknown {
  if (attempts > 1 && error instanceof KvmPlayError) error.message = `${error.message}\nit was tried ${attempts} times`;
  return error;
}
