import { isDeepStrictEqual } from 'node:util';
import { PlanMismatchError } from '../errors.ts';
import type { ChangePlan, TaskName, TaskStatus } from '../events/events.ts';
import type { PreviewEntry } from '../preview/preview.ts';
import type { LeafNode } from '../site/flatten.ts';
import type { Step } from '../task/step.ts';
import { stepDifferences } from './mismatch.ts';
import type { PlanHost, PlanStep, PlanTask } from './plan.ts';
import { planStep } from './plan_step.ts';
import type { SecretDigests } from './secret_digests.ts';

/** What was reviewed of one play on one host. What is about to be done is compared with it. */
export class ReviewedPlay {
  readonly #plan: PlanHost;
  readonly #digests: SecretDigests;
  /** Tasks of the plan that have not had their turn. */
  readonly #open: PlanTask[];
  /** Tasks that have: one that is tried again has the same steps. */
  readonly #taken = new Map<LeafNode, PlanTask>();

  constructor(plan: PlanHost, digests: SecretDigests) {
    this.#plan = plan;
    this.#digests = digests;
    this.#open = plan.tasks.filter(isPreviewed);
  }

  /**
   * Compares a whole preview with the plan, before anything is written.
   * @throws PlanMismatchError that names everything that differs
   */
  async comparePreview(entries: readonly PreviewEntry[]): Promise<void> {
    const left = this.#plan.tasks.filter(isPreviewed);
    const lines: string[] = [];
    for (const entry of entries) {
      if (entry.kind === 'change') continue;
      const { name } = entry.node;
      const now = { status: statusOf(entry), steps: await this.#shown(entry.kind === 'task' ? entry.steps : []) };
      lines.push(...taskDifferences(name, takeOut(left, name), now));
    }
    lines.push(...left.map((task) => `'${task.title}': planned ${statusWords(task)}, and now it is not there`));
    if (lines.length === 0) return;
    throw new PlanMismatchError(
      `the host is not as it was when the plan was made, and nothing was written; make a new plan and review it\n${lines.join('\n')}`,
    );
  }

  /**
   * Compares a task's steps with the plan in its turn, before any of them is taken.
   * @throws PlanMismatchError
   */
  async compareSteps(node: LeafNode, steps: readonly Step[]): Promise<void> {
    const { title } = node.name;
    const planned = this.#taken.get(node) ?? takeOut(this.#open, node.name);
    if (planned === undefined) {
      throw new PlanMismatchError(
        `'${title}' is not in the plan, so nothing of it was done; make a new plan and review it`,
      );
    }
    this.#taken.set(node, planned);
    const lines = stepDifferences(planned.steps, await this.#shown(steps));
    if (lines.length === 0) return;
    throw new PlanMismatchError(
      `what '${title}' would do is not what was planned, so nothing of it was done; make a new plan and review it\n${lines.join('\n')}`,
    );
  }

  /**
   * Compares with the plan how a network change is made and proved, before anything of it is done. To prove more is no harm.
   * @throws PlanMismatchError
   */
  compareChange(title: string, now: ChangePlan): void {
    const planned = this.#plan.networkChanges.filter((change) => change.title === title);
    if (planned.some((change) => isKept(change, now))) return;
    const lines = [...planned.map((change) => `planned: ${changeWords(change)}`), `now: ${changeWords(now)}`];
    throw new PlanMismatchError(
      `the network change '${title}' is not as it was planned, so nothing of it was done; make a new plan and review it\n${lines.join('\n')}`,
    );
  }

  /** @throws PlanMismatchError for steps of the plan that were not taken, though nothing else went wrong */
  compareEnd(): void {
    const undone = this.#open.filter(({ steps }) => steps.length > 0).map(({ title }) => `'${title}'`);
    if (undone.length === 0) return;
    throw new PlanMismatchError(
      `the plan has steps of ${undone.join(', ')}, which were not taken in this run; make a new plan and review it`,
    );
  }

  async #shown(steps: readonly Step[]): Promise<readonly PlanStep[]> {
    return Promise.all(steps.map((step) => planStep(step, this.#digests)));
  }
}

/** A task that was not attempted, because an earlier one failed, is in no preview. */
function isPreviewed({ status, reason }: PlanTask): boolean {
  return status !== 'skipped' || reason !== undefined;
}

/** Takes the first task of a name out of a list. Several may share one: what is made in one place, for the same. */
function takeOut(tasks: PlanTask[], { index, title, fingerprint }: TaskName): PlanTask | undefined {
  const place = tasks.findIndex(
    (each) => each.index === index && each.title === title && each.fingerprint === fingerprint,
  );
  return place === -1 ? undefined : tasks.splice(place, 1)[0];
}

function taskDifferences(
  { title }: TaskName,
  planned: PlanTask | undefined,
  now: Pick<PlanTask, 'status' | 'steps'>,
): readonly string[] {
  if (planned === undefined) return [`'${title}': not in the plan, and now ${statusWords(now)}`];
  const lines = stepDifferences(planned.steps, now.steps);
  if (lines.length === 0 && planned.status === now.status) return [];
  const [before, after] = [statusWords(planned), statusWords(now)];
  const words =
    before === after
      ? `${before}, and now by ${now.steps.length === 1 ? 'another' : 'others'}`
      : `planned ${before}, now ${after}`;
  return [`'${title}': ${words}`, ...lines.map(indented)];
}

function indented(line: string): string {
  return line.replaceAll(/^/gm, '  ');
}

function statusWords({ status, steps }: Pick<PlanTask, 'status' | 'steps'>): string {
  if (steps.length === 0) return status;
  return `${status} by ${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`;
}

function isKept(planned: ChangePlan, now: ChangePlan): boolean {
  return (
    planned.confirmWithin === now.confirmWithin &&
    isDeepStrictEqual(planned.files, now.files) &&
    planned.proves.every((words) => now.proves.includes(words))
  );
}

function changeWords({ confirmWithin, files, proves }: ChangePlan): string {
  return [`confirmed within ${confirmWithin} s`, `files ${files.join(', ') || 'none'}`, ...proves].join('; ');
}

function statusOf(entry: Exclude<PreviewEntry, { kind: 'change' }>): TaskStatus {
  switch (entry.kind) {
    case 'task':
      return entry.steps.length > 0 ? 'changed' : 'ok';
    case 'assertion':
      return 'ok';
    case 'skipped':
    case 'failed':
      return entry.kind;
  }
}
