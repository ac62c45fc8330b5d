import { ConvergenceError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { Difference } from '../task/diff.ts';
import type { CommandStep } from '../task/step.ts';
import type { Missing, Task, TaskReading } from '../task/task.ts';
import { inspectReflected } from './reflected.ts';
import { readUntil, settleLimit, type Wait } from './settle.ts';

/** What every report says of a task whose state cannot be known, whether it is checked or applied. */
const unknowableWarning = 'whether it changes anything cannot be known';

/** What the run knows that an inspection depends on. */
export interface InspectOptions {
  /** Tasks that have written something in this run: what they wrote has to be loaded. */
  readonly written?: ReadonlySet<Task>;
  /** Tasks that are left out on this host: nothing of them is loaded. */
  readonly leftOut?: ReadonlySet<Task>;
  /** Ends the run, also while a state settles. */
  readonly signal?: AbortSignal | undefined;
}

/** A task and the tasks that it reflects, as they were found on a host: what differs, what has to be loaded, what is missing. */
export interface Inspection<State = unknown> {
  readonly reading: TaskReading<State>;
  /** What reflected tasks have written and the live system does not have. */
  readonly due: readonly Difference[];
  /** Commands that run right before what is due is loaded. */
  readonly clearing: readonly CommandStep[];
  /** What is lost once what is due is loaded, in words. */
  readonly lost: readonly string[];
  /** Why the task is not as wanted: its own differences and what is due. */
  readonly differences: readonly Difference[];
  readonly missing: readonly Missing[];
  readonly warnings: readonly string[];
}

/**
 * Reads a task on a host, and what is in force of the tasks that it reflects.
 * A state that is settling is read again until it has settled, within a bound.
 */
export async function inspect<State>(
  host: Host,
  task: Task<State>,
  options: InspectOptions = {},
): Promise<Inspection<State>> {
  const wanted = task.reflects.filter((other) => !options.leftOut?.has(other));
  const [reading, reflected] = await Promise.all([
    readSettled(host, task, { signal: options.signal, taken: 0 }),
    Promise.all(wanted.map((other) => inspectReflected(host, other, options.written?.has(other) ?? false))),
  ]);
  const due = reflected.flatMap((each) => each.due);
  const differences = [...reading.differences, ...due];
  return {
    reading,
    due,
    clearing: reflected.flatMap((each) => each.clearing),
    lost: reflected.flatMap((each) => each.lost),
    differences,
    missing: differences.length === 0 ? reading.missing : [...reading.missingToChange, ...reading.missing],
    warnings: [
      ...(task.isUnknowable ? [unknowableWarning] : []),
      ...reading.warnings,
      ...(due.length > 0 ? [] : reflected.flatMap((each) => each.unsettled)),
    ],
  };
}

/** @throws ConvergenceError for a state that does not settle, such as that of a unit that crashes again and again */
async function readSettled<State>(host: Host, task: Task<State>, wait: Wait): Promise<TaskReading<State>> {
  const reading = await readUntil(
    settleLimit,
    () => task.read(host.reader),
    ({ settling }) => !settling,
    wait,
  );
  if (!reading.settling) return reading;
  const warnings = reading.warnings.length === 0 ? '' : `: ${reading.warnings.join('; ')}`;
  throw new ConvergenceError(`it has not settled within ${settleLimit} s${warnings}`);
}
