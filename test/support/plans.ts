import { nothingCounted, type PlayEvent } from '../../lib/events/events.ts';
import { parsePlan } from '../../lib/review/parse_plan.ts';
import type { Plan, PlanStep } from '../../lib/review/plan.ts';
import { planOf } from '../../lib/review/plan_of.ts';
import { planStep } from '../../lib/review/plan_step.ts';
import { ReviewedPlay } from '../../lib/review/reviewed_play.ts';
import { SecretDigests } from '../../lib/review/secret_digests.ts';
import { runOnHost } from '../../lib/run/host_run.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import type { Step } from '../../lib/task/step.ts';
import type { FakeHost } from '../../lib/testing/index.ts';
import { jsonStream } from './json_stream.ts';

/** Events of a run of one play on one host, as `run` tells them. */
export async function runEvents(
  host: FakeHost,
  items: readonly PlayItem[],
  options: { readonly check?: boolean; readonly reviewed?: ReviewedPlay; readonly interrupted?: boolean } = {},
): Promise<readonly PlayEvent[]> {
  const { check = false, interrupted = false, reviewed } = options;
  const events: PlayEvent[] = [
    { type: 'run-start', check },
    { type: 'play-start', play: 'Play', hosts: [host.name], tasks: [] },
  ];
  await runOnHost(host, items, { check, reviewed }, (event) => events.push(event));
  const failed = events.filter(
    (event) =>
      event.type === 'host-failed' ||
      (event.type === 'task-end' && event.status === 'failed' && event.handling === undefined),
  ).length;
  const counts = { ...nothingCounted, failed };
  events.push({ type: 'run-end', summary: { check, hosts: { [host.name]: counts }, interrupted } });
  jsonStream(events);
  return events;
}

/** The plan of a check run, as it comes back out of a file. */
export async function planFor(host: FakeHost, items: readonly PlayItem[]): Promise<Plan> {
  return parsePlan(JSON.stringify(await planOf(await runEvents(host, items, { check: true }))));
}

/** Applies a plan. @returns each task's end as `title status`, the errors, and what the host executed, but for what the engine keeps there */
export async function applyPlan(
  host: FakeHost,
  items: readonly PlayItem[],
  plan: Plan,
): Promise<{ ends: readonly string[]; errors: readonly string[]; executed: readonly PlanStep[] }> {
  const digests = new SecretDigests(plan.salt);
  const own = plan.plays[0]?.hosts[0];
  if (own === undefined) throw new Error('the plan has no host');
  const before = host.executed.length;
  const events = await runEvents(host, items, { reviewed: new ReviewedPlay(own, digests) });
  const steps = host.executed.slice(before).filter((step) => !isOfEngine(step));
  return {
    ends: events.flatMap((event) => (event.type === 'task-end' ? [`${event.task.title} ${event.status}`] : [])),
    errors: events.flatMap((event) => ('error' in event && event.error !== undefined ? [event.error.message] : [])),
    executed: await Promise.all(steps.map((step) => planStep(step, digests))),
  };
}

/** All steps of a plan, in order. */
export function stepsOf({ plays }: Plan): readonly PlanStep[] {
  return plays.flatMap(({ hosts }) => hosts.flatMap(({ tasks }) => tasks.flatMap(({ steps }) => steps)));
}

function isOfEngine(step: Step): boolean {
  return step.kind === 'command'
    ? step.argv.some((argument) => argument.startsWith('/var/lib/kvm-play/'))
    : step.path.startsWith('/var/lib/kvm-play/');
}
