import type { Step } from '../task/step.ts';
import type { TaskResult } from '../task/task.ts';
import type { Inspection } from './inspect.ts';

/** What a task comes to when its steps are taken, or there are none. */
export function resultOf<State>(inspection: Inspection<State>, steps: readonly Step[]): TaskResult<State> {
  const { differences, reading } = inspection;
  const changed = steps.length > 0;
  const after = changed ? reading.expected : reading.state;
  const { answer, state } = reading;
  const shown = answer === undefined ? {} : { answer };
  return { changed, differences, steps, warnings: warningsBefore(inspection), ...shown, before: state, after };
}

/** What a person should know before the steps are taken. */
export function warningsBefore({
  warnings,
  due,
  lost,
}: Pick<Inspection, 'warnings' | 'due' | 'lost'>): readonly string[] {
  return due.length === 0 ? warnings : [...warnings, ...lost];
}
