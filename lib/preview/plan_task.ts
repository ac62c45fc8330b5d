import type { Inspection } from '../engine/inspect.ts';
import { type Permissions, type PlannedTask, planSteps, withCutWarning } from '../engine/plan_steps.ts';
import type { Host } from '../hosts/host.ts';
import type { Missing, Task } from '../task/task.ts';

/** What a task comes to, given which tasks before it change something. */
export interface TaskPlan extends PlannedTask {
  /** Titles of earlier tasks that provide what this one needs. */
  readonly after: readonly string[];
  /** What is missing and no earlier task provides; there are no steps then. */
  readonly lacking: readonly Missing[];
}

/**
 * Plans a task from an inspection that was made before the tasks in `changing` have done anything. It only computes.
 * @throws BugError, UnsupportedChangeError
 */
export function planTask(
  host: Host,
  task: Task,
  found: Inspection,
  changing: ReadonlySet<Task>,
  permissions: Permissions,
): TaskPlan {
  const inspection = withDue(task, found, changing);
  const provided = inspection.missing.map((missing) => ({ missing, by: providers(missing.key, changing) }));
  const lacking = provided.filter(({ by }) => by.length === 0).map(({ missing }) => missing);
  const steps = lacking.length > 0 ? [] : planSteps(host, task, inspection, permissions);
  const after = steps.length === 0 ? [] : provided.flatMap(({ by }) => by.map(({ title }) => title));
  return {
    task,
    inspection: withCutWarning(host, inspection, steps, permissions),
    steps,
    after: [...new Set(after)],
    lacking,
  };
}

/** A task that loads what a changing task writes is due, though nothing has been written yet. */
function withDue(task: Task, inspection: Inspection, changing: ReadonlySet<Task>): Inspection {
  const due = task.reflects
    .filter((other) => changing.has(other))
    .map(({ subject }) => ({ path: `in force.${subject}`, wanted: 'loaded', actual: 'not written yet' }));
  return { ...inspection, due: [...inspection.due, ...due], differences: [...inspection.differences, ...due] };
}

/** Which of the changing tasks provide a key; what a reflected task writes is provided by the task that loads it. */
function providers(key: string, changing: ReadonlySet<Task>): readonly Task[] {
  return [...changing].filter(
    ({ provides, reflects }) => provides.includes(key) || reflects.some((other) => other.provides.includes(key)),
  );
}
