import { PlanMismatchError } from '../errors.ts';
import { type Selection, taskName } from '../events/events.ts';
import { flatten, plannedLeaves } from '../site/flatten.ts';
import { isTask, leavesOf, type PlayItem } from '../site/play_items.ts';
import type { Plan, PlanHost, PlanPlay, PlanTask } from './plan.ts';
import { ReviewedPlay } from './reviewed_play.ts';
import { SecretDigests } from './secret_digests.ts';

/** Differences that are listed, before it is only said how many more there are. */
const listed = 20;

/** A play as it would be run. */
export interface BuiltPlay {
  readonly name: string;
  readonly hosts: readonly BuiltHost[];
}

/** A host of a play, with the items that its values make. */
export interface BuiltHost {
  readonly name: string;
  readonly items: readonly PlayItem[];
}

/** What of a site a run is for. */
export interface RunChoice {
  /** Whether hosts of the plan may be left out. */
  readonly isLimited: boolean;
  readonly selection: Selection;
}

/** The plan of a whole run, and the comparison of the run with it. */
export class ReviewedRun {
  readonly #plan: Plan;
  readonly #digests: SecretDigests;

  /**
   * Compares with the plan what is known before anything is attempted: plays, hosts, and the tasks with their arguments.
   * @param options whether hosts of the plan may be left out, and what was chosen of the site
   * @throws PlanMismatchError that names what differs
   */
  constructor(plan: Plan, plays: readonly BuiltPlay[], { isLimited, selection }: RunChoice) {
    this.#plan = plan;
    this.#digests = new SecretDigests(plan.salt);
    const differing = siteDifferences(plan.plays, plays, isLimited);
    if (differing.length === 0) return;
    const lines = [...selectionDifferences(plan.selection ?? {}, selection), ...differing];
    const more = lines.length > listed ? [`and ${lines.length - listed} more`] : [];
    throw new PlanMismatchError(
      `the plan is not of this site with these hosts, values and tasks; give the same as when it was made, or make a new one\n${[...lines.slice(0, listed), ...more].join('\n')}`,
    );
  }

  /** What was reviewed of a play on a host. */
  of(playIndex: number, hostName: string): ReviewedPlay | undefined {
    const host = this.#plan.plays[playIndex]?.hosts.find(({ host }) => host === hostName);
    return host && new ReviewedPlay(host, this.#digests);
  }
}

/** What the options chose otherwise is why tasks differ. */
function selectionDifferences(planned: Selection, now: Selection): readonly string[] {
  const options = [
    ['--tags', planned.tags?.join(','), now.tags?.join(',')],
    ['--skip-tags', planned.skipTags?.join(','), now.skipTags?.join(',')],
    ['--start-at-task', planned.startAtTask, now.startAtTask],
  ] as const;
  return options.flatMap(([option, before, after]) =>
    before === after ? [] : [`${option}: planned ${before ?? 'without'}, now ${after ?? 'without'}`],
  );
}

function siteDifferences(
  planned: readonly PlanPlay[],
  plays: readonly BuiltPlay[],
  isLimited: boolean,
): readonly string[] {
  const [before, now] = [planned.map(({ play }) => play), plays.map(({ name }) => name)];
  if (before.length !== now.length || before.some((name, index) => name !== now[index])) {
    return [`plays: planned ${quoted(before)}, now ${quoted(now)}`];
  }
  return planned.flatMap((play, index) => hostDifferences(play, plays[index]?.hosts ?? [], isLimited));
}

function hostDifferences(
  { play, hosts: planned }: PlanPlay,
  hosts: readonly BuiltHost[],
  isLimited: boolean,
): readonly string[] {
  const left = planned.filter(({ host }) => !hosts.some(({ name }) => name === host));
  return [
    ...(isLimited ? [] : left.map(({ host }) => `[${host}] is in the plan of '${play}', and not in this run`)),
    ...hosts.flatMap((host) => {
      const own = planned.find((each) => each.host === host.name);
      return own === undefined
        ? [`[${host.name}] is in this run of '${play}', and not in the plan`]
        : taskDifferences(own, host);
    }),
  ];
}

/** Each place of the play has what the plan has there; what a `later` item makes is not known yet. */
function taskDifferences({ host, tasks: planned }: PlanHost, { items }: BuiltHost): readonly string[] {
  const leaves = leavesOf(items);
  const wrong = planned.flatMap((task) => {
    const leaf = leaves[task.index];
    if (leaf === undefined) return [`[${host}] planned '${task.title}', and now there is no such task`];
    if (!isTask(leaf) && leaf.kind === 'later' && task.module !== leaf.module) return [];
    const words = differenceWords(task, taskName(leaf, task.index));
    return words === undefined ? [] : [`[${host}] ${words}`];
  });
  const places = new Set(planned.map(({ index }) => index));
  const unplanned = plannedLeaves(flatten(items, false)).filter(({ name }) => !places.has(name.index));
  return [...wrong, ...unplanned.map(({ name }) => `[${host}] '${name.title}' is not in the plan`)];
}

function differenceWords(
  planned: PlanTask,
  now: Pick<PlanTask, 'title' | 'module' | 'fingerprint'>,
): string | undefined {
  const named = ({ title, module }: Pick<PlanTask, 'title' | 'module'>): string => `'${title}' (${module})`;
  if (named(planned) !== named(now)) return `planned ${named(planned)}, now ${named(now)}`;
  return planned.fingerprint === now.fingerprint ? undefined : `'${now.title}' has other arguments than planned`;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
