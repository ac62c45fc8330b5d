import type { Difference } from './diff.ts';
import type { Host } from './hosts/host.ts';
import type { Missing, Task } from './module.ts';
import type { Step } from './step.ts';

/** What became of one task on one host. */
export interface TaskResult {
  readonly task: Task;
  readonly changed: boolean;
  readonly differences: readonly Difference[];
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
  readonly missing?: readonly Missing[];
}

export async function checkTask(_host: Host, _task: Task): Promise<TaskResult> {
  throw new Error('being written');
}

export async function applyTask(_host: Host, _task: Task): Promise<TaskResult> {
  throw new Error('being written');
}
