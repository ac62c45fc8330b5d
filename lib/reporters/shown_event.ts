import type { ChangePlan, PlayEvent, TaskName } from '../events/events.ts';
import { masked, maskedData } from '../process/masking.ts';
import { type Step, shownArgv, shownTitle } from '../task/step.ts';
import type { TaskResult } from '../task/task.ts';

/**
 * Gives the copy of an event that may be shown. Every reporter uses it instead of the event itself, so that secrets are masked once,
 * and before a text is quoted for a shell or written as JSON. Words of kvm-play's own (a status, a phase) are never masked.
 * `errorLines` masks the message of an error, and `fileDiff` a file's text.
 */
export function shownEvent(event: PlayEvent): PlayEvent {
  switch (event.type) {
    case 'run-start':
    case 'run-end':
    case 'host-phase':
    case 'host-unreachable':
    case 'host-failed':
      return event;
    case 'play-start':
      return { ...event, play: masked(event.play), tasks: event.tasks.map(shownName) };
    case 'task-start':
      return { ...event, task: shownName(event.task) };
    case 'task-end': {
      const { task, result, after, reason } = event;
      return {
        ...event,
        task: shownName(task),
        ...(result && { result: shownResult(result) }),
        ...(after && { after: after.map(masked) }),
        ...(reason !== undefined && { reason: masked(reason) }),
      };
    }
    case 'network-change': {
      const { title, reason, plan } = event;
      return {
        ...event,
        title: masked(title),
        ...(reason !== undefined && { reason: masked(reason) }),
        ...(plan && { plan: shownPlan(plan) }),
      };
    }
  }
}

function shownName(task: TaskName): TaskName {
  return { ...task, title: masked(task.title) };
}

/** Removes the complete states before and after, which no reporter shows. */
function shownResult({ changed, differences, steps, warnings, answer }: TaskResult): TaskResult {
  return {
    changed,
    differences: differences.map(({ path, wanted, actual }) => ({
      path: masked(path),
      wanted: maskedData(wanted),
      actual: maskedData(actual),
    })),
    steps: steps.map(shownStep),
    ...(answer && { answer: { ...answer, stdout: masked(answer.stdout) } }),
    warnings: warnings.map(masked),
    before: {},
    after: {},
  };
}

/** Of a file's text only a diff is shown, which masks what it compares. */
function shownStep(step: Step): Step {
  if (step.kind !== 'command') return { ...step, path: masked(step.path) };
  const title = shownTitle(step);
  return { ...step, argv: shownArgv(step), ...(title !== undefined && { title }) };
}

function shownPlan({ confirmWithin, files, proves }: ChangePlan): ChangePlan {
  return { confirmWithin, files: files.map(masked), proves: proves.map(masked) };
}
