import { randomBytes } from 'node:crypto';
import { PlanError } from '../errors.ts';
import type { HostSummary, PlayEvent, Selection, Summary } from '../events/events.ts';
import { masked } from '../process/masking.ts';
import type { Difference } from '../task/diff.ts';
import { type Plan, type PlanChange, type PlanDifference, type PlanHost, type PlanTask, planVersion } from './plan.ts';
import { checkedEvents } from './plan_events.ts';
import { planStep } from './plan_step.ts';
import { SecretDigests } from './secret_digests.ts';

type TaskEnd = Extract<PlayEvent, { type: 'task-end' }>;

/** What happened on one host in one play. */
interface HostNotes {
  readonly host: string;
  readonly ends: TaskEnd[];
  readonly changes: PlanChange[];
}

/** What happened in one play. */
interface PlayNotes {
  readonly play: string;
  readonly hosts: readonly HostNotes[];
}

/**
 * Makes a plan from the events of a run in check mode. It has digests in place of secrets, which only show whether a secret is still the
 * same.
 * @param events of a whole run in check mode
 * @throws PlanError if the plan could not be applied as reviewed: a host failed or was not reached, the run was interrupted or was not
 *   in check mode, or what a task does depends on what an earlier one does to the same file
 *
 * @example
 * ```ts
 * const plan = await planOf(events(site, { hosts: ['root@kvm1'], check: true }));
 * ```
 */
export async function planOf(events: Iterable<PlayEvent> | AsyncIterable<PlayEvent>): Promise<Plan> {
  const plays: PlayNotes[] = [];
  let summary: Summary | undefined;
  let selection: Selection | undefined;
  for await (const event of checkedEvents(events)) {
    if (event.type === 'play-start') {
      plays.push({ play: event.play, hosts: event.hosts.map((host) => ({ host, ends: [], changes: [] })) });
    } else if (event.type === 'run-start') selection = event.selection;
    else if (event.type === 'run-end') summary = event.summary;
    else note(plays.at(-1), event);
  }
  const reasons = [...whatIsWrong(summary), ...dependences(plays.flatMap(({ hosts }) => hosts))];
  if (reasons.length > 0) throw new PlanError(`no plan was made\n${reasons.join('\n')}`);
  const salt = randomBytes(16).toString('hex');
  const digests = new SecretDigests(salt);
  return {
    type: 'kvm-play-plan',
    version: planVersion,
    made: new Date().toISOString(),
    salt,
    ...(selection && { selection }),
    plays: await Promise.all(
      plays.map(async ({ play, hosts }) => ({
        play,
        hosts: await Promise.all(hosts.map((notes) => planHost(notes, digests))),
      })),
    ),
  };
}

function note(play: PlayNotes | undefined, event: PlayEvent): void {
  if (event.type === 'task-end') notesOf(play, event.host)?.ends.push(event);
  if (event.type === 'network-change' && event.phase === 'planned' && event.plan !== undefined) {
    notesOf(play, event.host)?.changes.push({ title: event.title, ...event.plan });
  }
}

function notesOf(play: PlayNotes | undefined, name: string): HostNotes | undefined {
  return play?.hosts.find(({ host }) => host === name);
}

async function planHost({ host, ends, changes }: HostNotes, digests: SecretDigests): Promise<PlanHost> {
  return { host, tasks: await Promise.all(ends.map((end) => planTask(end, digests))), networkChanges: changes };
}

async function planTask(
  { task, status, reason, error, after = [], result }: TaskEnd,
  digests: SecretDigests,
): Promise<PlanTask> {
  const { index, title, module, fingerprint } = task;
  const { differences = [], warnings = [], steps = [] } = result ?? {};
  return {
    index,
    title,
    module,
    ...(fingerprint !== undefined && { fingerprint }),
    status,
    ...(reason !== undefined && { reason }),
    ...(error !== undefined && { error: masked(error.message) }),
    ...(after.length > 0 && { after }),
    differences: differences.map(planDifference),
    warnings: warnings.map(masked),
    steps: await Promise.all(steps.map((step) => planStep(step, digests))),
  };
}

function planDifference({ path, wanted, actual }: Difference): PlanDifference {
  return {
    path,
    ...(wanted !== undefined && { wanted: plainData(wanted) }),
    ...(actual !== undefined && { actual: plainData(actual) }),
  };
}

/** What JSON makes of a value, so that a plan is the same before and after it was in a file. */
function plainData(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, part) => (typeof part === 'string' ? masked(part) : part)));
}

function whatIsWrong(summary: Summary | undefined): readonly string[] {
  if (summary === undefined) return ['the run has no end'];
  if (!summary.check) return ['the run was none in check mode'];
  if (summary.interrupted) return ['the run was interrupted'];
  return Object.entries(summary.hosts).flatMap(([host, counts]) => {
    const words = failureWords(counts);
    return words === undefined ? [] : [`[${host}] ${words}: what cannot be checked cannot be reviewed`];
  });
}

function failureWords({ failed, unreachable }: HostSummary): string | undefined {
  if (unreachable > 0) return 'was not reached';
  return failed > 0 ? 'failed' : undefined;
}

/** What a task would do to a file that an earlier one writes is not known before that one has done it. */
function dependences(all: readonly HostNotes[]): readonly string[] {
  const touched = new Map<string, string>();
  return all.flatMap(({ host, ends }) =>
    ends.flatMap(({ task, result }) => {
      const paths = new Set((result?.steps ?? []).flatMap((step) => (step.kind === 'command' ? [] : [step.path])));
      return [...paths].flatMap((path) => {
        const key = JSON.stringify([host, path]);
        const earlier = touched.get(key);
        touched.set(key, task.title);
        return earlier === undefined
          ? []
          : [
              `[${host}] '${earlier}' and '${task.title}' both change ${path}, so what the second does is known only after the first; make one task of them, or give each a file of its own`,
            ];
      });
    }),
  );
}
