import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, ConvergenceError, InterruptedError, KvmPlayError, MissingError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { Task } from '../task/task.ts';
import { type Inspection, type InspectOptions, inspect } from './inspect.ts';
import type { Prefetch } from './take_steps.ts';

/**
 * Attempts something with a task as often as the task says, each time from an inspection.
 * @param first makes the first inspection; before every other attempt the task is inspected anew
 * @throws KvmPlayError of the last attempt
 */
export async function inAttempts<State, T>(
  host: Host,
  task: Task<State>,
  first: () => Promise<Inspection<State>>,
  options: InspectOptions & { readonly prefetch?: Prefetch },
  attempt: (inspection: Inspection<State>) => Promise<T>,
): Promise<T> {
  const { attempts, interval } = task.retry ?? { attempts: 1, interval: 0 };
  for (let number = 1; ; number += 1) {
    try {
      return await attempt(number === 1 ? await first() : await inspect(host, task, options));
    } catch (error) {
      options.prefetch?.discard();
      if (number >= attempts || !mayPass(error)) throw withAttempts(error, number);
      await sleep(interval * 1000, undefined, { signal: options.signal }).catch(() => {
        throw new InterruptedError('interrupted before it was tried again');
      });
    }
  }
}

/** Tells whether the next attempt may succeed: a command failed, a state did not come, or something is not there yet. */
function mayPass(error: unknown): error is KvmPlayError {
  return error instanceof CommandError || error instanceof ConvergenceError || error instanceof MissingError;
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (attempts > 1 && error instanceof KvmPlayError) error.message = `${error.message}\nit was tried ${attempts} times`;
  return error;
}
