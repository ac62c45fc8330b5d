import {
  BugError,
  type CommandError,
  ConvergenceError,
  InterruptedError,
  KvmPlayError,
  MissingError,
  UnsupportedChangeError,
} from '../errors.ts';
import type { Host, ReachOptions } from '../hosts/host.ts';
import { type Difference, describeDifferences, inWords } from '../task/diff.ts';
import { type CommandStep, type Disruption, type Step, shownArgv } from '../task/step.ts';
import type { Missing, Task, TaskReading, TaskResult } from '../task/task.ts';
import { lookUntil, settleLimit, type Wait } from './look_until.ts';
import { leavesMarker, markerSteps } from './marker.ts';
import { explainDenied } from './need_root.ts';
import { awaitLoaded, lookAtReflected } from './reflected.ts';

/** What every report says of a task whose state cannot be known, whether it is checked or applied. */
const unknowableWarning = 'whether it changes anything cannot be known';

/** How the engine may go about a task. */
export interface EngineOptions {
  /** Allows a step that cuts the links of this very machine. Default false. */
  readonly restartOwnNetwork?: boolean;
  /** The task is part of a network change, which can be taken back. Default false. */
  readonly inNetworkChange?: boolean;
  /** Ends the run between two steps, or while something settles. */
  readonly signal?: AbortSignal;
  /** Tasks that wrote something in this run. */
  readonly written?: ReadonlySet<Task>;
  /** Tasks that are not wanted on this host: nothing of them is loaded. */
  readonly unwanted?: ReadonlySet<Task>;
  /** Inside a network change: a step that goes before those that cut the link, and where the host may answer afterwards. */
  readonly detached?: ReachOptions & { readonly first: CommandStep };
  /** What is read of other tasks ahead of their turn. */
  readonly ahead?: Ahead;
  /** Gets a task's steps before any of them is taken; what it throws ends the task. */
  readonly review?: (steps: readonly Step[]) => Promise<void>;
}

/** Reads of other tasks, which may travel with this one's last step. */
export interface Ahead {
  /** Called in the turn of the event loop in which the last steps are on their way. */
  start(): void;
  /** Nothing that was read ahead counts: the host has changed since, or is changing. */
  forget(): void;
}

/** A task as it was seen on a host: what differs, what is due, what it leans on. */
export interface Look<State = unknown> {
  readonly reading: TaskReading<State>;
  /** What reflected tasks have written and the live system does not have. */
  readonly due: readonly Difference[];
  /** Commands that run right before what is due is loaded. */
  readonly clearing: readonly CommandStep[];
  /** What is lost once what is due is loaded, in words. */
  readonly lost: readonly string[];
  /** Reasons for which the task is not as wanted: its own differences and those that are due. */
  readonly differences: readonly Difference[];
  readonly missing: readonly Missing[];
  readonly warnings: readonly string[];
}

/** Brings a host to what a task wants, from a look that is still true, and looks again. It is tried once. @throws KvmPlayError */
export async function applyOnce<State>(
  host: Host,
  task: Task<State>,
  look: Look<State>,
  options: EngineOptions,
): Promise<TaskResult<State>> {
  return inContext(host, task, async () => {
    refuseMissing(look.missing);
    const steps = planSteps(host, task, look, options);
    await options.review?.(steps);
    if (steps.length === 0) {
      refuseAwaited(look.reading);
      return result(look, steps);
    }
    const { failures, first } = await takeSteps(host, task, steps, options);
    const doubts = failures.map(({ message }) => message);
    if (task.isUnknowable) return { ...result(look, steps), warnings: [...warningsBefore(look), ...doubts] };
    try {
      const wait: Wait = { signal: options.signal, taken: steps.length };
      const { reading: after, hasWaited } = await converged(host, task, wait, first);
      if (look.due.length > 0) await awaitLoaded(host, task, wait, options);
      if (hasWaited || look.due.length > 0) options.ahead?.forget();
      refuseAwaited(after);
      const passed = doubts.map((message) => `${message}\nyet everything is as wanted`);
      const warnings = [...new Set([...warningsBefore(look), ...after.warnings, ...passed])];
      return { ...result(look, steps), warnings, after: after.state };
    } catch (error) {
      const [failure] = failures;
      if (failure === undefined || !(error instanceof ConvergenceError)) throw error;
      throw new ConvergenceError(`${failure.message}\n${error.message}`, { cause: failure });
    }
  });
}

/**
 * Looks at a task on a host, its reflected tasks included.
 * A state that settles is looked at again until it holds still, within a bound.
 */
export async function lookAt<State>(host: Host, task: Task<State>, options: EngineOptions = {}): Promise<Look<State>> {
  const wanted = task.reflects.filter((other) => !options.unwanted?.has(other));
  const [reading, reflected] = await Promise.all([
    readSettled(host, task, { signal: options.signal, taken: 0 }),
    Promise.all(wanted.map((other) => lookAtReflected(host, other, options))),
  ]);
  const due = reflected.flatMap((look) => look.due);
  const differences = [...reading.differences, ...due];
  return {
    reading,
    due,
    clearing: reflected.flatMap((look) => look.clearing),
    lost: reflected.flatMap((look) => look.lost),
    differences,
    missing: differences.length === 0 ? reading.missing : [...reading.missingToChange, ...reading.missing],
    warnings: [
      ...(task.isUnknowable ? [unknowableWarning] : []),
      ...reading.warnings,
      ...(due.length > 0 ? [] : reflected.flatMap((look) => look.unsettled)),
    ],
  };
}

/**
 * Plans a task from a look, and holds the plan against the laws.
 * @throws BugError for a difference without a step; UnsupportedChangeError for a disruption that the task does not allow
 */
export function planSteps(host: Host, task: Task, look: Look, options: EngineOptions): readonly Step[] {
  if (look.differences.length === 0 && !task.isUnknowable) return [];
  const steps = inTime(withClearing(look.reading.plan(look.due), look), task.timeLimit);
  if (steps.length === 0) {
    throw new BugError(
      `${task.module} sees a difference and plans no step for it: ${describeDifferences(look.differences)}`,
    );
  }
  refuseDisruptions(host, task, steps, options);
  return steps;
}

/**
 * What has to be taken away before loading goes right before the first step that cuts the link, and runs together with it; where
 * none does, before the last step.
 */
function withClearing(steps: readonly Step[], { due, clearing }: Look): readonly Step[] {
  if (due.length === 0 || steps.length === 0) return steps;
  const cut = steps.findIndex(cutsLink);
  const at = cut < 0 ? steps.length - 1 : cut;
  return [...steps.slice(0, at), ...clearing, ...steps.slice(at)];
}

/** Refuses to go on where something is missing. @throws MissingError that lists all of it */
export function refuseMissing(missing: readonly Missing[]): void {
  if (missing.length === 0) return;
  const lines = [...new Map(missing.map((item) => [item.key, item])).values()].map(
    ({ what, remedy }) => `${what}: ${remedy}`,
  );
  throw new MissingError(lines.join('\n'));
}

/** What taking a task's steps came to. */
export interface Taken<State = unknown> {
  /** Failures of steps that the state, and not the exit code, passes judgement on. */
  readonly failures: readonly CommandError[];
  /** A read of the task that came back with its last step. */
  readonly first: Promise<TaskReading<State>> | undefined;
}

/**
 * Executes a task's steps, in order.
 * @throws CommandError, ConnectionError; InterruptedError between two steps
 */
export async function takeSteps<State>(
  host: Host,
  task: Task<State>,
  steps: readonly Step[],
  options: EngineOptions,
): Promise<Taken<State>> {
  const failures: CommandError[] = [];
  if (options.signal?.aborted) throw new InterruptedError('interrupted; no further step was taken');
  options.ahead?.forget();
  const line = `${task.title}: ${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`;
  const marker = leavesMarker(task) ? markerSteps(task) : [];
  let first: Promise<TaskReading<State>> | undefined;
  let taken = 0;
  for (const run of runsOf(steps)) {
    // Not before the first step: a marker that has been left would say that something was written.
    if (taken > 0 && options.signal?.aborted) {
      throw new InterruptedError(`interrupted after ${taken} of ${steps.length} steps`, taken);
    }
    const isLast = taken + run.length === steps.length;
    const before = taken === 0 ? marker : [];
    if (run.every(cutsLink)) {
      if (taken === 0) await host.executeTogether(before, { line });
      failures.push(...(await cutLink(host, run, options)));
    } else {
      const executing = host.executeTogether([...before, ...run], taken === 0 ? { line } : {});
      if (isLast && options.detached === undefined) first = readBehind(host, task, options);
      const executed = await executing;
      failures.push(...executed.failures);
      if (!executed.readAfter) {
        first = undefined;
        options.ahead?.forget();
      }
    }
    taken += run.length;
  }
  return { failures, first };
}

/** Reads in the same turn in which steps are on their way, and so after them. Should they fail, nobody asks what it saw. */
function readBehind<State>(
  host: Host,
  task: Task<State>,
  { ahead }: EngineOptions,
): Promise<TaskReading<State>> | undefined {
  const reading = task.isUnknowable ? undefined : task.read(host.reader);
  reading?.catch(() => {});
  ahead?.start();
  return reading;
}

/** Steps that are executed as one: each by itself, but those that cut the link together with the next one that does. */
function runsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const runs: Step[][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (last !== undefined && cutsLink(step) && last.every(cutsLink)) last.push(step);
    else runs.push([step]);
  }
  return runs;
}

/** Tells whether a step may cut the link over which the host is reached. */
export function cutsLink(step: Step): step is CommandStep {
  return step.kind === 'command' && step.disrupts === 'link';
}

async function cutLink(
  host: Host,
  run: readonly CommandStep[],
  { detached }: EngineOptions,
): Promise<readonly CommandError[]> {
  if (detached === undefined) return host.executeDetached(run);
  const { first, ...reach } = detached;
  return host.executeDetached([first, ...run], reach);
}

/** Law 3: after apply, the state is read again; what settles is waited for, no step is repeated. */
async function converged<State>(
  host: Host,
  task: Task<State>,
  wait: Wait,
  first: Promise<TaskReading<State>> | undefined,
): Promise<{ reading: TaskReading<State>; hasWaited: boolean }> {
  let looks = 0;
  const reading = await lookUntil(
    settleLimit,
    () => {
      looks += 1;
      return looks === 1 && first !== undefined ? first : task.read(host.reader);
    },
    ({ settling, differences }) => !settling && differences.length === 0,
    { ...wait, worthwhile: ({ settling }) => settling },
  );
  refuseMissing(reading.missing);
  if (reading.differences.length > 0) {
    throw new ConvergenceError(`all steps were taken, and still ${describeDifferences(reading.differences)}`);
  }
  if (reading.settling) throw new ConvergenceError(`it has not settled within ${settleLimit} s`);
  return { reading, hasWaited: looks > 1 };
}

/** @throws ConvergenceError for what does not hold still, such as a unit that crashes again and again */
async function readSettled<State>(host: Host, task: Task<State>, wait: Wait): Promise<TaskReading<State>> {
  const reading = await lookUntil(
    settleLimit,
    () => task.read(host.reader),
    ({ settling }) => !settling,
    wait,
  );
  if (!reading.settling) return reading;
  const warnings = reading.warnings.length === 0 ? '' : `: ${reading.warnings.join('; ')}`;
  throw new ConvergenceError(`it has not settled within ${settleLimit} s${warnings}`);
}

/** What each kind of disruption comes to, in words. */
const disruptions: Readonly<Record<Disruption, string>> = {
  link: 'cut network links',
  guest: 'disturb a running guest',
  data: 'destroy data',
  snapshots: 'discard snapshots of a guest',
  'saved-state': 'discard the saved state of a guest',
};

/** Says at once all that a task may not disturb and would. */
function refuseDisruptions(host: Host, task: Task, steps: readonly Step[], options: EngineOptions): void {
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
  const canBeUndone = options.restartOwnNetwork === true || options.inNetworkChange === true;
  if (cutting !== undefined && host.isLocal && !canBeUndone) {
    throw new UnsupportedChangeError(
      `'${cutting.command}' would cut the links of this very machine, and nothing could take it back; put it into a networkChange, allow it with --restart-own-network, or run from another machine with --host`,
    );
  }
}

function commandLine(step: CommandStep): string {
  return shownArgv(step).join(' ');
}

/** What a look comes to when its steps are taken, or are none. */
export function result<State>(look: Look<State>, steps: readonly Step[]): TaskResult<State> {
  const { differences, reading } = look;
  const changed = steps.length > 0;
  const after = changed ? reading.expected : reading.state;
  const { answer, state } = reading;
  const shown = answer === undefined ? {} : { answer };
  return { changed, differences, steps, warnings: warningsBefore(look), ...shown, before: state, after };
}

/** What a person should know before the steps are taken. */
export function warningsBefore({ warnings, due, lost }: Pick<Look, 'warnings' | 'due' | 'lost'>): readonly string[] {
  return due.length === 0 ? warnings : [...warnings, ...lost];
}

/** @throws ConvergenceError for a state that is not the one which the task waits for */
export function refuseAwaited({ isAwaited, state }: TaskReading): void {
  if (isAwaited) throw new ConvergenceError(`what 'until' waits for does not hold: ${inWords(state)}`);
}

/** No command takes longer than the task may. */
function inTime(steps: readonly Step[], limit: number | undefined): readonly Step[] {
  if (limit === undefined) return steps;
  return steps.map((step) =>
    step.kind === 'command' ? Object.freeze({ ...step, timeLimit: Math.min(step.timeLimit ?? limit, limit) }) : step,
  );
}

/** Says of an error on which host and in which task it happened. */
export async function inContext<T>(host: Host, task: Task, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await explainDenied(host.reader, error);
    if (error instanceof KvmPlayError) error.at({ host: host.name, task: task.title, location: task.location });
    throw error;
  }
}
