import { markerPath } from '../engine/marker.ts';
import { cutsLink, type PlannedTask } from '../engine/plan_steps.ts';
import { resultOf, warningsBefore } from '../engine/result.ts';
import { type TakeOptions, takeSteps } from '../engine/take_steps.ts';
import { ConvergenceError, InterruptedError } from '../errors.ts';
import type { ChangePlan } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import type { Task, TaskResult } from '../task/task.ts';
import { addressesToCome, refuseLockout, timeFor } from './lockout.ts';
import { readNeighbours } from './neighbours.ts';
import { fingerprintOf, type NetworkChange, type Probe } from './network_change.ts';
import { linkOf, type NetworkState, readNetworkState } from './network_state.ts';
import { OpenChange, type TellPhase } from './open_change.ts';
import { passes } from './probes.ts';
import { type Promises, promisesInWords } from './proof.ts';
import type { Touched } from './transaction.ts';

/** How a change is made. */
export interface ChangeOptions extends TakeOptions {
  /** Gets what the change is about to do, before anything of it is done; what it throws ends it. */
  readonly reviewPlan?: (plan: ChangePlan) => void;
}

/** What is known before the first write. */
interface Preparation extends Omit<Promises, 'tasks'> {
  readonly plan: ChangePlan;
}

/**
 * Says what a change would do, as {@link applyChange} would before its first write.
 * @throws UnsupportedChangeError when no path to the host would be left
 */
export async function planChange(
  host: Host,
  change: NetworkChange,
  planned: readonly PlannedTask[],
): Promise<ChangePlan> {
  return (await prepare(host, change, planned)).plan;
}

/**
 * Makes a change: look, snapshot, arm, apply, prove, confirm. When something is not as promised the host goes back.
 * @returns what became of each task, in order
 * @throws RolledBackError, RollBackUnverifiedError; UnsupportedChangeError, CommandError before anything was written
 */
export async function applyChange(
  host: Host,
  change: NetworkChange,
  planned: readonly PlannedTask[],
  options: ChangeOptions,
  tell: TellPhase,
): Promise<readonly TaskResult[]> {
  tell('looking');
  const prepared = await prepare(host, change, planned);
  options.reviewPlan?.(prepared.plan);
  await host.lock();
  if (options.signal?.aborted) throw new InterruptedError('interrupted; no step was taken');
  tell('arming', { plan: prepared.plan });
  const { plan, ...promises } = prepared;
  const { before } = prepared;
  const touched: Touched = {
    title: change.title,
    fingerprint: fingerprintOf(change),
    limit: plan.confirmWithin,
    steps: planned.flatMap(({ steps }) => steps),
    links: [...new Set(prepared.links.map(({ link }) => link))],
    carrier: before.connection && linkOf(before, before.connection.local),
    files: change.tasks.map(markerPath),
  };
  const open = await OpenChange.begin(host, touched, { ...promises, tasks: change.tasks }, tell);
  const doubts = new Map<Task, readonly string[]>();
  return open.carryThrough(async () => {
    for (const { task, steps } of planned) {
      if (steps.length === 0) continue;
      tell('applying', { task });
      const { failures } = await takeSteps(open.host, task, steps, { ...options, detached: open.detached() });
      if (steps.some(cutsLink)) tell('reached');
      doubts.set(
        task,
        failures.map(({ message }) => message),
      );
    }
    const all = planned.flatMap(({ steps }) => steps);
    // After steps that cut the link the host was reached anew; what other steps did since may have changed that.
    if (all.some(cutsLink) && !all.slice(-1).some(cutsLink)) await open.reconnect();
    const failures = [...doubts.values()].flat();
    const { warnings, lost } = await open.proved(options.signal).catch((error: unknown) => {
      if (failures.length === 0 || !(error instanceof ConvergenceError)) throw error;
      throw new ConvergenceError([...failures, error.message].join('\n'), { cause: error });
    });
    return planned.map(({ task, inspection, steps }) => ({
      ...resultOf(inspection, steps),
      warnings: [
        ...new Set([
          ...warningsBefore({ ...inspection, warnings: warnings.get(task) ?? inspection.warnings }),
          ...(doubts.get(task) ?? []).map((words) => `${words}\nyet everything is as wanted`),
          ...(steps.some(cutsLink) ? [...lost, ...movedWords(host, promises.before)] : []),
        ]),
      ],
    }));
  });
}

/** Tells the user the host's new address: a later run needs it, because the old address may then belong to another machine. */
function movedWords({ name, reachedAt }: Host, { connection }: NetworkState): readonly string[] {
  if (reachedAt === undefined || reachedAt === connection?.local) return [];
  return [`${name} is reached at ${reachedAt} now; name that address in the site, the inventory or ssh_config`];
}

async function prepare(host: Host, change: NetworkChange, planned: readonly PlannedTask[]): Promise<Preparation> {
  const { options } = change;
  const links = planned.flatMap(({ inspection }) => inspection.reading.network.links);
  const [before, neighbours] = await Promise.all([readNetworkState(host.reader), readNeighbours(host.reader)]);
  refuseLockout(change, planned, before);
  const wanted = [...gatewayProbe(host, before), ...(options.prove ?? [])];
  const passing = await Promise.all(wanted.map((probe) => passes(host.reader, probe)));
  const probes = wanted.filter((_, index) => passing[index]);
  const coming = addressesToCome(links, before);
  const own = before.connection === undefined ? [] : [before.connection.local];
  const addresses = [...new Set([...(coming.length > 0 ? coming : own), ...(options.reachAt ?? [])])];
  const promises = { before, neighbours, links, addresses, probes };
  const plan: ChangePlan = {
    confirmWithin: options.confirmWithin ?? timeFor(links),
    files: [
      ...new Set(planned.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'command' ? [] : [step.path])))),
    ],
    proves: promisesInWords(promises),
  };
  return { ...promises, plan };
}

/**
 * No connection can prove that this very machine still has its network: its gateway has to answer. A link-local one is asked over
 * a link, which is another one afterwards.
 */
function gatewayProbe(host: Host, { gateways }: NetworkState): readonly Probe[] {
  const gateway = gateways.find(({ via }) => !via.startsWith('fe80:'));
  return host.isLocal && gateway !== undefined ? [{ ping: gateway.via }] : [];
}
