import { KvmPlayError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { Task } from '../task/task.ts';
import { explainDenied } from './need_root.ts';

/** Does some work of a task; an error of it says on which host and in which task it happened. */
export async function inContext<T>(host: Host, task: Task, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await explainDenied(host.reader, error);
    if (error instanceof KvmPlayError) error.at({ host: host.name, task: task.title, location: task.location });
    throw error;
  }
}
