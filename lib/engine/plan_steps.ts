import { BugError, ConvergenceError, MissingError, UnsupportedChangeError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import { describeDifferences, inWords } from '../task/diff.ts';
import { type CommandStep, disruptions, type Step, shownArgv, shownTitle } from '../task/step.ts';
import type { Missing, Task, TaskReading } from '../task/task.ts';
import type { Inspection } from './inspect.ts';

/** What a task may do besides what its own `disrupts` allows. */
export interface Permissions {
  /** The user allows a step that cuts the links of this very machine. Default false. */
  readonly restartOwnNetwork?: boolean | undefined;
  /** The task is part of a network change, which can be rolled back. Default false. */
  readonly inNetworkChange?: boolean | undefined;
}

/** A task as it was found, and the steps that it takes. */
export interface PlannedTask {
  readonly task: Task;
  readonly inspection: Inspection;
  readonly steps: readonly Step[];
}

/**
 * Plans a task from an inspection, and checks the plan against the laws.
 * @throws BugError for a difference without a step; UnsupportedChangeError for a disruption that the task does not allow
 */
export function planSteps(
  host: Host,
  task: Task,
  inspection: Inspection,
  permissions: Permissions = {},
): readonly Step[] {
  if (inspection.differences.length === 0 && !task.isUnknowable) return [];
  const steps = withTimeLimit(withClearing(inspection.reading.plan(inspection.due), inspection), task.timeLimit);
  if (steps.length === 0) {
    throw new BugError(
      `${task.module} sees a difference and plans no step for it: ${describeDifferences(inspection.differences)}`,
    );
  }
  refuseDisruptions(host, task, steps, permissions);
  return steps;
}

/** Adds a warning where steps cut the links of a host that another machine reaches by them, and nothing would take them back. */
export function withCutWarning<State>(
  host: Host,
  inspection: Inspection<State>,
  steps: readonly Step[],
  { inNetworkChange = false }: Permissions = {},
): Inspection<State> {
  const cutting = steps.find(cutsLink);
  if (cutting === undefined || host.isLocal || inNetworkChange) return inspection;
  const warning = `'${commandLine(cutting)}' cuts network links, and nothing takes it back if the host cannot be reached afterwards; put the task into a networkChange`;
  return { ...inspection, warnings: [...inspection.warnings, warning] };
}

/** Refuses to go on where something is missing. @throws MissingError that lists all of it */
export function refuseMissing(missing: readonly Missing[]): void {
  if (missing.length === 0) return;
  const lines = [...new Map(missing.map((item) => [item.key, item])).values()].map(
    ({ what, remedy }) => `${what}: ${remedy}`,
  );
  throw new MissingError(lines.join('\n'));
}

/** @throws ConvergenceError for a state that is not the one for which the task waits */
export function refuseAwaited({ isAwaited, state }: TaskReading): void {
  if (isAwaited) throw new ConvergenceError(`what 'until' waits for does not hold: ${inWords(state)}`);
}

/** Tells whether a step may cut the link over which the host is reached. */
export function cutsLink(step: Step): step is CommandStep {
  return step.kind === 'command' && step.disrupts === 'link';
}

/**
 * Adds the commands that clear what loading would leave behind: right before the first step that cuts the link, and executed
 * together with it; where no step cuts the link, before the last step.
 */
function withClearing(steps: readonly Step[], { due, clearing }: Inspection): readonly Step[] {
  if (due.length === 0 || steps.length === 0) return steps;
  const cut = steps.findIndex(cutsLink);
  const at = cut < 0 ? steps.length - 1 : cut;
  return [...steps.slice(0, at), ...clearing, ...steps.slice(at)];
}

/** Gives no command more time than the task has. */
function withTimeLimit(steps: readonly Step[], limit: number | undefined): readonly Step[] {
  if (limit === undefined) return steps;
  return steps.map((step) =>
    step.kind === 'command' ? Object.freeze({ ...step, timeLimit: Math.min(step.timeLimit ?? limit, limit) }) : step,
  );
}

/** Lists at once all that the steps would disturb and that the task does not allow. */
function refuseDisruptions(host: Host, task: Task, steps: readonly Step[], permissions: Permissions): void {
  const all = steps.flatMap((step) =>
    step.kind === 'command' ? [step.disrupts ?? []].flat().map((word) => ({ word, command: commandLine(step) })) : [],
  );
  const refused = all.filter(({ word }) => !task.disrupts.includes(word));
  if (refused.length > 0) {
    const what = refused.map(({ word, command }) => `'${command}' would ${disruptions[word]}`);
    const words = [...new Set([...task.disrupts, ...refused.map(({ word }) => word)])].map((word) => `'${word}'`);
    throw new UnsupportedChangeError(`${what.join(', ')}; a task that may do so says disrupts: [${words.join(', ')}]`);
  }
  const cutting = all.find(({ word }) => word === 'link');
  const isAllowed = permissions.restartOwnNetwork === true || permissions.inNetworkChange === true;
  if (cutting !== undefined && host.isLocal && !isAllowed) {
    throw new UnsupportedChangeError(
      `'${cutting.command}' would cut the links of this very machine, and nothing could take it back; put it into a networkChange, allow it with --restart-own-network, or run from another machine with --host`,
    );
  }
}

function commandLine(step: CommandStep): string {
  return shownTitle(step) ?? shownArgv(step).join(' ');
}
