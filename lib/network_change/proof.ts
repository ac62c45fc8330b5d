import { describeDifferences } from '../diff.ts';
import type { Host } from '../hosts/host.ts';
import type { LinkOutlook, Task } from '../module.ts';
import { type Probe, probeWords } from './network_change.ts';
import { passes } from './probes.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';

/** What has to hold after a change. */
export interface Promises {
  readonly tasks: readonly Task[];
  /** The host's network before the change. */
  readonly before: Surroundings;
  /** What its links come to by the change. */
  readonly links: readonly LinkOutlook[];
  /** Addresses of which the host must have one: its own of before, or one that the site gives it. */
  readonly addresses: readonly string[];
  /** Probes that passed before the change. */
  readonly probes: readonly Probe[];
}

/** What does not hold yet. */
export interface Complaint {
  readonly words: string;
  /** True for what others have a part in (a lease, a route that comes with it): it may take its time. */
  readonly mayCome: boolean;
}

/** What a look at the host after a change came to. */
export interface Proof {
  readonly complaints: readonly Complaint[];
  /** What the tasks warn of. */
  readonly warnings: ReadonlyMap<Task, readonly string[]>;
}

/** Says in words what will be proved. */
export function promisesInWords({ before, addresses, probes }: Omit<Promises, 'tasks'>): readonly string[] {
  return [
    ...(before.connection === undefined ? [] : ['the host answers over a new connection']),
    ...(addresses.length === 0 ? [] : [`it has the address ${addresses.join(' or ')}`]),
    'every task of the change holds, and what it wrote is in force',
    ...before.gateways.map((gateway) => `the default route goes via ${gateway}`),
    ...([...before.masters.values()].some((master) => master !== '') ? ['guests are plugged in where they were'] : []),
    ...probes.map(probeWords),
  ];
}

/** Looks once whether everything holds that was promised. @throws ConnectionError */
export async function prove(host: Host, promises: Promises): Promise<Proof> {
  const { tasks, probes } = promises;
  const [now, warnings, ...complaints] = await Promise.all([
    readSurroundings(host.reader),
    new Map<Task, readonly string[]>(),
    ...tasks.map((task) => taskComplaints(host, task)),
    ...probes.map((probe) => probeComplaints(host, probe)),
  ]);
  for (const { task, warned } of complaints) if (task !== undefined) warnings.set(task, warned);
  return { complaints: [...complaints.flatMap((each) => each.found), ...networkComplaints(now, promises)], warnings };
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

function networkComplaints(now: Surroundings, { before, links, addresses }: Promises): readonly Complaint[] {
  const has = now.addresses.map(({ address }) => address.split('/')[0] ?? '');
  const complaints: string[] = [];
  if (addresses.length > 0 && !addresses.some((address) => has.includes(address))) {
    const list = now.addresses.map(({ link, address }) => `${link} ${address}`).join(', ');
    complaints.push(`the host has no longer the address ${addresses.join(' or ')}, but ${list || 'none'}`);
  }
  const gateways = links.flatMap(({ gateway }) => gateway ?? []);
  const wanted = gateways.length > 0 ? gateways : before.gateways;
  for (const gateway of wanted.filter((each) => !now.gateways.includes(each))) {
    complaints.push(`the default route via ${gateway} is gone; there is ${now.gateways.join(', ') || 'none'}`);
  }
  const touched = new Set(links.map(({ link }) => link));
  for (const [link, master] of before.masters) {
    // A guest that was stopped meanwhile has taken its tap with it.
    const isGone = !now.masters.has(link);
    if (master === '' || touched.has(link) || isGone) continue;
    if (now.masters.get(link) !== master) complaints.push(`${link} is no longer plugged into ${master}`);
  }
  return complaints.map((words) => ({ words, mayCome: true }));
}
