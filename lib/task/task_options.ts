import { PlaybookError } from '../errors.ts';
import { refuseWrongTypes } from '../validation/option_types.ts';
import type { TaskOptions } from './task.ts';

/**
 * Refuses options of a task that have another type than they must, and times and counts that make no sense.
 * @param module the module's name, for the message
 * @throws PlaybookError
 */
export function checkTaskOptions(module: string, options: TaskOptions): void {
  refuseWrongTypes(module, options, {
    reflects: 'list',
    disrupts: 'texts',
    provides: 'texts',
    loadedLater: 'boolean',
    tags: 'texts',
    when: 'function',
    mayFail: 'boolean',
    retry: 'object',
    until: 'function',
    become: 'boolean',
  });
  checkTimes(options);
}

function checkTimes({ retry, timeLimit }: TaskOptions): void {
  const { attempts = 1, interval = 0 } = retry ?? {};
  if (!(Number.isInteger(attempts) && attempts > 0)) {
    throw new PlaybookError(`'retry.attempts' is a whole number from 1 on, and is ${attempts}`);
  }
  if (!(interval >= 0)) throw new PlaybookError(`'retry.interval' is a number of seconds, and is ${interval}`);
  if (timeLimit !== undefined && !(Number.isInteger(timeLimit) && timeLimit > 0)) {
    throw new PlaybookError(`'timeLimit' is a whole number of seconds from 1 on, and is ${timeLimit}`);
  }
}
