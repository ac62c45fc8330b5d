import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
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
  let made = 0;
  try {
    return await pRetry(
      async (number) => {
        made = number;
        return attempt(number === 1 ? await first() : await inspect(host, task, options));
      },
      {
        retries: attempts - 1,
        minTimeout: 0,
        onFailedAttempt: () => options.prefetch?.discard(),
        shouldRetry: async ({ error }) => {
          if (!mayPass(error)) return false;
          // p-retry's own signal would also discard the result of an attempt that has succeeded.
          await sleep(interval * 1000, undefined, { signal: options.signal }).catch(() => {
            throw new InterruptedError('interrupted before it was tried again');
          });
          return true;
        },
      },
    );
  } catch (error) {
    throw error instanceof InterruptedError ? error : withAttempts(error, made);
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
