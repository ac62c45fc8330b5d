import type { ChangePlan, PlayEvent, TaskName } from '../events/events.ts';
import { masked, maskedData } from '../process/masking.ts';
import { type Step, shownArgv } from '../task/step.ts';
import type { TaskResult } from '../task/task.ts';

/**
 * What may be shown of an event. Every reporter takes this in place of the event itself, so that secrets are masked once, and before
 * they are quoted for a shell or made JSON. Words of our own (a status, a phase) are never masked. What masks by itself: the words of
 * an error (`errorLines`), and a file's text (`fileDiff`).
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

/** The states before and after are for programs, and no reporter shows them. */
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
  return step.kind === 'command' ? { ...step, argv: shownArgv(step) } : { ...step, path: masked(step.path) };
}

function shownPlan({ confirmWithin, files, proves }: ChangePlan): ChangePlan {
  return { confirmWithin, files: files.map(masked), proves: proves.map(masked) };
}
