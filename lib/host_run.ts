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
import { ConnectionError, ConvergenceError, InterruptedError, KvmPlayError } from './errors.ts';
import { type PlayEvent, type TaskName, type TaskStatus, taskName } from './events.ts';
import type { Host } from './hosts/host.ts';
import type { Missing, Task } from './module.ts';
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
  tasks: readonly Task[],
  options: HostRunOptions,
  emit: Emit,
): Promise<void> {
  const written = new Set<Task>();
  const engineOptions: EngineOptions = { ...options, written };
  const report = new Report(host, tasks, emit);
  try {
    const forecasts = await forecast(host, tasks, options, report);
    if (forecasts === undefined) return;
    const ahead = new ReadAhead(
      host,
      tasks,
      engineOptions,
      forecasts.map(({ look }) => look),
      (index) => (forecasts[index]?.steps.length ?? 0) > 0,
    );
    for (const each of forecasts) {
      const done = options.check
        ? report.end(each.name, status(each.steps), { result: foreseen(each), after: each.after })
        : await applyOne(host, each, ahead, engineOptions, written, report);
      if (!done) return;
    }
    if (written.size > 0) await verify(host, ahead);
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    emit({ type: 'host-failed', host: host.name, error: asError(error) });
  } finally {
    report.skipRest();
  }
}

/**
 * Looks at all tasks at once, and says what each would come to, given what the earlier ones change.
 * undefined when one of them cannot work: that has been reported, and nothing was written.
 */
async function forecast(
  host: Host,
  tasks: readonly Task[],
  options: HostRunOptions,
  report: Report,
): Promise<readonly Forecast[] | undefined> {
  const looks = await Promise.allSettled(tasks.map((task) => lookAt(host, task, options)));
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
      const steps = planSteps(host, task, look, options);
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
  report: Report,
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

async function applyOne(
  host: Host,
  forecast: Forecast,
  ahead: ReadAhead,
  options: EngineOptions,
  written: Set<Task>,
  report: Report,
): Promise<boolean> {
  const { task, name } = forecast;
  report.start(name);
  try {
    if (options.signal?.aborted) throw new InterruptedError('interrupted');
    const { index } = name;
    const look = await ahead.look(index);
    const result = await applyLook(host, task, look, {
      ...options,
      ahead: { start: () => ahead.startBehind(index), forget: () => ahead.forget() },
    });
    if (result.changed) written.add(task);
    return report.end(name, status(result.steps), { result });
  } catch (error) {
    if (error instanceof ConnectionError) {
      report.lose(name);
      throw error.at({ task: task.title, location: task.location });
    }
    if (error instanceof InterruptedError && error.taken === 0) return false;
    return report.fail(name, task, error);
  }
}

/**
 * Law 7: after a play that changed something, every task must still hold.
 * @throws ConvergenceError that names what a later task has undone
 */
async function verify(host: Host, ahead: ReadAhead): Promise<void> {
  const looks = await ahead.all();
  const undone = looks.filter(({ look }) => look.differences.length > 0);
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

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Tells of each task once: its end, or that it was skipped. */
class Report {
  readonly #host: Host;
  readonly #emit: Emit;
  readonly #open: Map<number, TaskName>;
  #started = performance.now();

  constructor(host: Host, tasks: readonly Task[], emit: Emit) {
    this.#host = host;
    this.#emit = emit;
    this.#open = new Map(tasks.map((task, index) => [index, taskName(task, index)]));
  }

  start(task: TaskName): void {
    this.#started = performance.now();
    this.#emit({ type: 'task-start', host: this.#host.name, task });
  }

  end(task: TaskName, status: TaskStatus, more: { result: TaskResult; after?: readonly string[] }): true {
    this.#open.delete(task.index);
    this.#emit({ type: 'task-end', host: this.#host.name, task, status, ...more, seconds: this.#seconds() });
    return true;
  }

  fail(name: TaskName, task: Task, reason: unknown): false {
    const error = asError(reason);
    if (error instanceof KvmPlayError) error.at({ host: this.#host.name, task: task.title, location: task.location });
    this.#open.delete(name.index);
    this.#emit({
      type: 'task-end',
      host: this.#host.name,
      task: name,
      status: 'failed',
      error,
      seconds: this.#seconds(),
    });
    return false;
  }

  /** Nobody knows what became of the task under way when the host was lost: it was neither done nor skipped. */
  lose(task: TaskName): void {
    this.#open.delete(task.index);
  }

  skipRest(): void {
    for (const task of this.#open.values()) {
      this.#emit({ type: 'task-end', host: this.#host.name, task, status: 'skipped', seconds: 0 });
    }
    this.#open.clear();
  }

  #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }
}
