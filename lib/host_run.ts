import {
  applyLook,
  describeDifferences,
  type EngineOptions,
  type Look,
  lookAt,
  planSteps,
  refuseMissing,
  type TaskResult,
} from './engine.ts';
import { ConnectionError, ConvergenceError, InterruptedError } from './errors.ts';
import { type PlayEvent, type TaskName, type TaskStatus, taskName } from './events.ts';
import { asError, HostReport } from './host_report.ts';
import type { Host } from './hosts/host.ts';
import type { Missing, Task } from './module.ts';
import { isNetworkChange, type NetworkChange, type PlayItem, tasksOf } from './network_change/network_change.ts';
import type { TellPhase } from './network_change/open_change.ts';
import { ReadAhead } from './read_ahead.ts';
import type { Step } from './step.ts';

type Emit = (event: PlayEvent) => void;

/** How a play is run on one host. */
export interface HostRunOptions extends Pick<EngineOptions, 'restartOwnNetwork' | 'signal'> {
  readonly check?: boolean;
}

/** A task with what was seen of it before anything was written, and what it would come to. */
interface Forecast {
  readonly task: Task;
  readonly name: TaskName;
  readonly look: Look;
  readonly steps: readonly Step[];
  /** Titles of earlier tasks that provide what this one leans on. */
  readonly after: readonly string[];
}

/**
 * Runs a play's tasks on one host, in order, and tells everything through `emit`.
 * All tasks are looked at before the first write: what is missing, and what is refused, is said before anything has changed.
 * @throws ConnectionError when the host is lost
 */
export async function runOnHost(
  host: Host,
  items: readonly PlayItem[],
  options: HostRunOptions,
  emit: Emit,
): Promise<void> {
  const tasks = tasksOf(items);
  const written = new Set<Task>();
  const report = new HostReport(host, tasks, emit);
  const start: Start = { host, options, written, report, emit };
  try {
    const forecasts = forecast(start, items, await lookAtAll(start, items));
    if (forecasts === undefined) return;
    const ahead = new ReadAhead(
      host,
      tasks,
      { ...options, written },
      forecasts.map(({ look }) => look),
      (index) => (forecasts[index]?.steps.length ?? 0) > 0,
    );
    const run: HostRun = { ...start, ahead };
    for (const item of items) {
      const its = forecasts.filter(({ task }) => tasksOf([item]).includes(task));
      const goesOn = isNetworkChange(item) ? await changeNetwork(run, item, its) : await runTask(run, its);
      if (!goesOn) return;
    }
    if (written.size > 0) await verify(host, ahead);
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    emit({ type: 'host-failed', host: host.name, error: asError(error) });
  } finally {
    report.skipRest();
  }
}

/** One play on one host, before anything was seen of it. */
interface Start {
  readonly host: Host;
  readonly options: HostRunOptions;
  /** Tasks that have changed something. */
  readonly written: Set<Task>;
  readonly report: HostReport;
  readonly emit: Emit;
}

/** One play on one host. */
interface HostRun extends Start {
  readonly ahead: ReadAhead;
}

type SettledLook = PromiseSettledResult<Look>;

/** Looks at all tasks at once; where an earlier run has left a network change pending, once that is over. */
async function lookAtAll(run: Start, items: readonly PlayItem[]): Promise<readonly SettledLook[]> {
  const { host, options } = run;
  const look = (): Promise<readonly SettledLook[]> =>
    Promise.allSettled(tasksOf(items).map((task) => lookAt(host, task, options)));
  const changes = items.filter(isNetworkChange);
  if (changes.length === 0) return look();
  const { hasPending, resolvePending } = await import('./network_change/pending.ts');
  const [pending, looks] = await Promise.all([hasPending(host), look()]);
  if (!pending) return looks;
  const tell = (title: string) => teller(run, title, []);
  await resolvePending(host, changes, { check: options.check ?? false, tell });
  return look();
}

/**
 * Says what each task would come to, given what the earlier ones change.
 * undefined when one of them cannot work: that has been reported, and nothing was written.
 */
function forecast(
  { host, options, report }: Start,
  items: readonly PlayItem[],
  looks: readonly SettledLook[],
): readonly Forecast[] | undefined {
  const tasks = tasksOf(items);
  const inChange = new Set(tasksOf(items.filter(isNetworkChange)));
  const changing = new Set<Task>();
  const forecasts: Forecast[] = [];
  const lacking: { name: TaskName; missing: readonly Missing[] }[] = [];
  for (const [index, task] of tasks.entries()) {
    const name = taskName(task, index);
    const settled = looks[index];
    try {
      if (settled === undefined) continue;
      if (settled.status === 'rejected') throw settled.reason;
      const look = withDue(task, settled.value, changing);
      const unprovided = look.missing.filter(({ key }) => providers(key, changing).length === 0);
      if (unprovided.length > 0) {
        lacking.push({ name, missing: unprovided });
        if (look.differences.length > 0) changing.add(task);
        continue;
      }
      const steps = planSteps(host, task, look, { ...options, inNetworkChange: inChange.has(task) });
      if (steps.length > 0) changing.add(task);
      const after = look.missing.flatMap(({ key }) => providers(key, changing).map(({ title }) => title));
      forecasts.push({ task, name, look, steps, after: steps.length > 0 ? [...new Set(after)] : [] });
    } catch (error) {
      if (error instanceof ConnectionError) throw error;
      if (!(error instanceof InterruptedError)) report.fail(name, task, error);
      return undefined;
    }
  }
  if (lacking.length === 0) return forecasts;
  reportMissing(lacking, tasks, report);
  return undefined;
}

/** All that is missing is said at once, on the first task that lacks something. */
function reportMissing(
  lacking: readonly { name: TaskName; missing: readonly Missing[] }[],
  tasks: readonly Task[],
  report: HostReport,
): void {
  const [first] = lacking;
  const task = tasks[first?.name.index ?? 0];
  if (first === undefined || task === undefined) return;
  try {
    refuseMissing(lacking.flatMap(({ missing }) => missing));
  } catch (error) {
    report.fail(first.name, task, error);
  }
}

/** A task that loads what a changing task writes is due, though nothing has been written yet. */
function withDue(task: Task, look: Look, changing: ReadonlySet<Task>): Look {
  const due = task.reflects
    .filter((other) => changing.has(other))
    .map(({ subject }) => ({ path: `in force.${subject}`, wanted: 'loaded', actual: 'not written yet' }));
  return { ...look, due: [...look.due, ...due], differences: [...look.differences, ...due] };
}

/** Which of the changing tasks provide a key; what a reflected task writes is provided by the task that loads it. */
function providers(key: string, changing: ReadonlySet<Task>): readonly Task[] {
  return [...changing].filter(
    ({ provides, reflects }) => provides.includes(key) || reflects.some((other) => other.provides.includes(key)),
  );
}

/** @returns false when the host's run ends here */
async function runTask(run: HostRun, [forecast]: readonly Forecast[]): Promise<boolean> {
  const { host, options, written, report, ahead } = run;
  if (forecast === undefined) return true;
  const { task, name } = forecast;
  if (options.check)
    return report.end(name, status(forecast.steps), { result: foreseen(forecast), after: forecast.after });
  report.start(name);
  try {
    if (options.signal?.aborted) throw new InterruptedError('interrupted');
    const { index } = name;
    const look = await ahead.look(index);
    const result = await applyLook(host, task, look, {
      ...options,
      written,
      ahead: { start: () => ahead.startBehind(index), forget: () => ahead.forget() },
    });
    if (result.changed) written.add(task);
    return report.end(name, status(result.steps), { result });
  } catch (error) {
    return endOf(run, forecast, error);
  }
}

/** Deals with what ended a task. @returns false: the host's run ends here @throws ConnectionError when the host is lost */
function endOf({ report }: HostRun, { task, name }: Forecast, error: unknown): false {
  if (error instanceof ConnectionError) {
    report.lose(name);
    throw error.at({ task: task.title, location: task.location });
  }
  if (error instanceof InterruptedError && error.taken === 0) return false;
  return report.fail(name, task, error);
}

/** Runs the tasks of a network change as one. @returns false when the host's run ends here */
async function changeNetwork(run: HostRun, change: NetworkChange, forecasts: readonly Forecast[]): Promise<boolean> {
  const { host, options, written, report, ahead } = run;
  const [first] = forecasts;
  if (first === undefined) return true;
  let current = first;
  const tell = teller(run, change.title, forecasts, (forecast) => {
    current = forecast;
  });
  try {
    const { applyChange, planChange } = await import('./network_change/change_run.ts');
    if (options.check) {
      const hasSteps = forecasts.some(({ steps }) => steps.length > 0);
      if (hasSteps) tell('planned', { plan: await planChange(host, change, forecasts) });
      for (const each of forecasts) {
        report.end(each.name, status(each.steps), { result: foreseen(each), after: each.after });
      }
      return true;
    }
    const planned = await planAgain(run, forecasts);
    const hasSteps = planned.some(({ steps }) => steps.length > 0);
    const engineOptions: EngineOptions = { ...options, ahead: { start: () => {}, forget: () => ahead.forget() } };
    const results = hasSteps ? await applyChange(host, change, planned, engineOptions, tell) : planned.map(foreseen);
    for (const [index, { task, name }] of planned.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      if (result.changed) written.add(task);
      report.end(name, status(result.steps), { result });
    }
    return true;
  } catch (error) {
    return endOf(run, current, error);
  }
}

/** Plans a group of tasks as a whole, from what is seen of them now that it is their turn. */
async function planAgain(run: HostRun, forecasts: readonly Forecast[]): Promise<readonly Forecast[]> {
  const { host, options, written, ahead } = run;
  const engineOptions: EngineOptions = { ...options, written, inNetworkChange: true };
  const looks = await Promise.all(forecasts.map(({ name }) => ahead.look(name.index)));
  const changing = new Set<Task>();
  return forecasts.map((forecast, index) => {
    const look = withDue(forecast.task, looks[index] ?? forecast.look, changing);
    refuseMissing(look.missing);
    const steps = planSteps(host, forecast.task, look, engineOptions);
    if (steps.length > 0) changing.add(forecast.task);
    return { ...forecast, look, steps };
  });
}

/** Makes events of the steps of a network change; a task of it that is applied has begun. */
function teller(
  { host, report, emit }: Start,
  title: string,
  aheads: readonly Forecast[],
  onTask: (ahead: Forecast) => void = () => {},
): TellPhase {
  return (phase, { task, ...details } = {}) => {
    const ahead = aheads.find((each) => each.task === task);
    if (ahead !== undefined) {
      onTask(ahead);
      report.start(ahead.name);
    }
    emit({
      type: 'network-change',
      host: host.name,
      title,
      phase,
      ...details,
      ...(task !== undefined && { reason: task.title }),
    });
  };
}

/**
 * Law 7: after a play that changed something, every task must still hold.
 * @throws ConvergenceError that names what a later task has undone
 */
async function verify(host: Host, ahead: ReadAhead): Promise<void> {
  const looks = await ahead.all();
  const undone = looks.filter(({ task, look }) => look.differences.length > 0 && !task.isUnknowable);
  if (undone.length === 0) return;
  const lines = undone.map(
    ({ task, look }) => `'${task.title}' no longer holds: ${describeDifferences(look.differences)}`,
  );
  throw new ConvergenceError(`${lines.join('\n')}\na later task of the play has undone it`).at({
    host: host.name,
    location: undone[0]?.task.location,
  });
}

function foreseen({ look, steps }: Forecast): TaskResult {
  return { changed: steps.length > 0, differences: look.differences, steps, warnings: look.warnings };
}

function status(steps: readonly Step[]): TaskStatus {
  return steps.length > 0 ? 'changed' : 'ok';
}
