import type { Host } from '../hosts/host.ts';
import { describeDifferences } from '../task/diff.ts';
import type { Task } from '../task/task.ts';
import { type Neighbour, readNeighbours } from './neighbours.ts';
import { type Probe, probeWords } from './network_change.ts';
import {
  gatewaysToAsk,
  lostGateways,
  type NetworkPromises,
  neighbourComplaints,
  networkComplaints,
  networkInWords,
} from './network_promises.ts';
import { readNetworkState } from './network_state.ts';
import { passes } from './probes.ts';

/** The conditions that must hold after a change. */
export interface Promises extends NetworkPromises {
  readonly tasks: readonly Task[];
  /** Probes that passed before the change. */
  readonly probes: readonly Probe[];
}

/** What does not hold yet. */
export interface Complaint {
  readonly words: string;
  /** True for what depends on other machines, such as a lease and its routes: it may come late. */
  readonly mayCome: boolean;
}

/** The result of one look at the host after a change. */
export interface Proof {
  readonly complaints: readonly Complaint[];
  /** Warnings of the tasks. */
  readonly warnings: ReadonlyMap<Task, readonly string[]>;
  /** What the host had before and lacks now, although it was not promised. */
  readonly lost: readonly string[];
}

/** Lists, in words, what will be proved. */
export function promisesInWords(promises: Omit<Promises, 'tasks'>): readonly string[] {
  return [
    ...(promises.before.connection === undefined ? [] : ['the host answers over a new connection']),
    'every task of the change holds, and what it wrote is in force',
    ...networkInWords(promises),
    ...promises.probes.map(probeWords),
  ];
}

/** Checks once whether all conditions hold. @throws ConnectionError */
export async function prove(host: Host, promises: Promises): Promise<Proof> {
  const { tasks, probes } = promises;
  const [now, neighbours, warnings, ...complaints] = await Promise.all([
    readNetworkState(host.reader),
    askGateways(host, promises),
    new Map<Task, readonly string[]>(),
    ...tasks.map((task) => taskComplaints(host, task)),
    ...probes.map((probe) => probeComplaints(host, probe)),
  ]);
  for (const { task, warned } of complaints) if (task !== undefined) warnings.set(task, warned);
  const ofNetwork = [...networkComplaints(now, promises), ...neighbourComplaints(now, neighbours, promises)].map(
    (words) => ({ words, mayCome: true }),
  );
  return {
    complaints: [...complaints.flatMap((each) => each.found), ...ofNetwork],
    warnings,
    lost: lostGateways(now, promises),
  };
}

async function askGateways(host: Host, promises: Promises): Promise<readonly Neighbour[]> {
  const gateways = gatewaysToAsk(promises);
  return gateways.length === 0 ? [] : ((await readNeighbours(host.reader, gateways)) ?? []);
}

interface Found {
  readonly task: Task | undefined;
  readonly warned: readonly string[];
  readonly found: readonly Complaint[];
}

async function taskComplaints(host: Host, task: Task): Promise<Found> {
  const [reading, inForce] = await Promise.all([task.read(host.reader), task.inForce?.(host.reader)]);
  const say = (words: string, mayCome: boolean): Complaint => ({ words: `${task.title}: ${words}`, mayCome });
  return {
    task,
    warned: reading.warnings,
    found: [
      ...reading.differences.map((difference) => say(describeDifferences([difference]), reading.settling)),
      ...(reading.settling ? [say('it has not settled', true)] : []),
      ...(inForce?.loaded ?? []).map((difference) => say(describeDifferences([difference]), false)),
      ...(inForce?.settled ?? []).map((difference) => say(describeDifferences([difference]), true)),
    ],
  };
}

async function probeComplaints(host: Host, probe: Probe): Promise<Found> {
  const found = (await passes(host.reader, probe))
    ? []
    : [{ words: `it no longer holds: ${probeWords(probe)}`, mayCome: true }];
  return { task: undefined, warned: [], found };
}
