import { type Location, PlaybookError } from '../errors.ts';
import type { NetworkChange } from '../network_change/network_change.ts';
import { callerLocation } from '../task/location.ts';
import type { Condition, Known, Task } from '../task/task.ts';
import { fromUser } from '../task/user_code.ts';
import { refuseUnknownKeys } from '../validation/known_keys.ts';
import { refuseOtherItems, refuseWrongTypes } from '../validation/option_types.ts';
import { refuseUnwritable } from '../validation/texts.ts';

/** An item of a play: a task, or something that contains or makes tasks. */
export type PlayItem = Task | NetworkChange | Block | Later | Assertion;

/** Options of every item that is not a task. */
export interface ItemOptions {
  /** A condition, evaluated on each host immediately before the item would run: whether it is wanted there. Default: it is. */
  readonly when?: Condition;
  /** Words by which tasks are chosen, as those of a task; the items inside inherit them. */
  readonly tags?: readonly string[];
}

/** Options of {@link block}. */
export interface BlockOptions extends ItemOptions {
  /** Whether the items inside run as root, by `sudo`, or as the user who logs in. Default: as the play. */
  readonly become?: boolean;
  /** Items that run if one of the block's items fails. The run then continues after the block, unless one of these fails too. */
  readonly rescue?: readonly PlayItem[];
  /**
   * Items that run in any case, unless the host was lost, the run was interrupted, a rollback could not be verified, or the run would
   * do something other than the reviewed plan says.
   */
  readonly always?: readonly PlayItem[];
}

/** A group of items. */
export interface Block {
  readonly kind: 'block';
  readonly title: string;
  readonly location: Location | undefined;
  readonly when: Condition | undefined;
  readonly tags: readonly string[];
  readonly become: boolean | undefined;
  readonly items: readonly PlayItem[];
  /** undefined if the block does not handle a failure. */
  readonly rescue: readonly PlayItem[] | undefined;
  readonly always: readonly PlayItem[];
}

/** Tasks that are made only when they are about to run. */
export interface Later {
  readonly kind: 'later';
  readonly title: string;
  readonly module: 'later';
  readonly location: Location | undefined;
  readonly when: Condition | undefined;
  readonly tags: readonly string[];
  make(known: Known): readonly Task[];
}

/** Options of {@link assert}. */
export interface AssertOptions extends ItemOptions {
  /** What to do about it, for the person who gets the error. */
  readonly remedy?: string;
}

/** A condition that must hold; otherwise the host's run ends. */
export interface Assertion {
  readonly kind: 'assert';
  readonly title: string;
  readonly module: 'assert';
  readonly location: Location | undefined;
  readonly when: Condition | undefined;
  readonly tags: readonly string[];
  readonly that: Condition;
  /** The error message if it does not hold. */
  readonly failure: string;
  readonly remedy: string | undefined;
}

/** An item that is reported by itself. */
export type Leaf = Task | Later | Assertion;

/**
 * Groups items that share a condition, tags or error handling. A function that returns a block is a named group of tasks with typed
 * arguments, which any site or package can use.
 * @param title the block's name
 * @throws PlaybookError for a block without items
 *
 * @example
 * ```ts
 * const tuned = (percent: number) =>
 *   block('Tune', [sysctl({ values: { 'vm.swappiness': percent } })], {
 *     when: (known) => known.facts.virtualisation === 'none',
 *     rescue: [service({ name: 'tuned', state: 'started' })],
 *   });
 * ```
 */
export function block(title: string, items: readonly PlayItem[], options: BlockOptions = {}): Block {
  const location = callerLocation();
  refuseTitle('block', title, location);
  fromUser({ title, location }, () => refuseOtherItems('block', items));
  if (items.length === 0) throw new PlaybookError('block: it holds no tasks').at({ task: title, location });
  checkItemOptions('block', options, ['when', 'tags', 'become', 'rescue', 'always'], { title, location });
  const { when, tags = [], become, rescue, always = [] } = options;
  fromUser({ title, location }, () => {
    refuseOtherItems("block's rescue", rescue ?? []);
    refuseOtherItems("block's always", always);
  });
  return Object.freeze({ kind: 'block', title, location, when, tags, become, items, rescue, always });
}

/**
 * Makes tasks from what is known only when they are about to run: results of earlier tasks, or facts. Each task is reported by itself.
 * The tasks are read only after they are made, which costs round trips that tasks known from the start do not cost.
 * @param title shown before the tasks are made
 * @param make is called for each host, in check mode with predicted results; it may return no task
 *
 * @example
 * ```ts
 * const release = query({ argv: ['uname', '-r'] });
 * later('Note the kernel', (known) =>
 *   file({ path: '/etc/motd', content: `Linux ${known.after(release).stdout ?? ''}` }));
 * ```
 */
export function later(
  title: string,
  make: (known: Known) => Task | readonly Task[] | undefined,
  options: ItemOptions = {},
): Later {
  const location = callerLocation();
  checkItemOptions('later', options, ['when', 'tags'], { title, location });
  fromUser({ title, location }, () => refuseWrongTypes('later', { make }, { make: 'function' }, ['make']));
  const { when, tags = [] } = options;
  return Object.freeze({
    kind: 'later',
    title,
    module: 'later',
    location,
    when,
    tags,
    make(known: Known): readonly Task[] {
      const made = make(known) ?? [];
      const tasks = typeof made === 'object' && 'read' in made ? [made] : made;
      refuseOtherItems('later', tasks);
      return tasks;
    },
  });
}

/**
 * Requires that a condition holds on a host. If it does not, the host's run ends, in check mode as well: before its first write if the
 * outcome can be predicted, otherwise when the assertion is reached.
 * @param title what holds, in words: `The NIC is there`
 */
export function assert(title: string, that: Condition, options: AssertOptions = {}): Assertion {
  return assertion('assert', { title, that, failure: `assertion failed: ${title}` }, options);
}

/**
 * Ends a host's run, in a rescue or under a condition.
 * @param title why, in words
 */
export function fail(title: string, options: AssertOptions = {}): Assertion {
  return assertion('fail', { title, that: () => false, failure: title }, options);
}

function assertion(
  caller: 'assert' | 'fail',
  { title, that, failure }: Pick<Assertion, 'title' | 'that' | 'failure'>,
  options: AssertOptions,
): Assertion {
  const location = callerLocation();
  checkItemOptions(caller, options, ['when', 'tags', 'remedy'], { title, location });
  fromUser({ title, location }, () => refuseWrongTypes(caller, { that }, { that: 'function' }, ['that']));
  const { when, tags = [], remedy } = options;
  return Object.freeze({ kind: 'assert', title, module: 'assert', location, when, tags, that, failure, remedy });
}

/** Running a site does not check its types. @throws PlaybookError */
function checkItemOptions(
  what: string,
  options: object,
  known: readonly string[],
  { title, location }: Pick<Block, 'title' | 'location'>,
): void {
  refuseTitle(what, title, location);
  fromUser({ title, location }, () => {
    refuseUnknownKeys(what, options, known);
    refuseWrongTypes(what, options, { when: 'function', tags: 'texts', become: 'boolean', remedy: 'text' });
  });
}

function refuseTitle(what: string, title: unknown, location: Location | undefined): void {
  fromUser({ title: what, location }, () => {
    refuseWrongTypes(what, { title }, { title: 'text' }, ['title']);
    refuseUnwritable(what, { title });
  });
}

/** Tells a task from other items. */
export function isTask(item: PlayItem): item is Task {
  return !('kind' in item);
}

/** Lists everything that has an end of its own in reports, in order; a rescue comes behind what it is for. */
export function leavesOf(items: readonly PlayItem[]): readonly Leaf[] {
  return items.flatMap((item): readonly Leaf[] => {
    if (!('kind' in item)) return [item];
    switch (item.kind) {
      case 'network-change':
        return item.tasks;
      case 'block':
        return leavesOf([...item.items, ...(item.rescue ?? []), ...item.always]);
      default:
        return [item];
    }
  });
}

/** Lists all tasks that are known from the start, in order. */
export function tasksOf(items: readonly PlayItem[]): readonly Task[] {
  return leavesOf(items).filter(isTask);
}

/** Lists all network changes, in order. */
export function networkChangesOf(items: readonly PlayItem[]): readonly NetworkChange[] {
  return items.flatMap((item) => {
    if (!('kind' in item)) return [];
    if (item.kind === 'block') return networkChangesOf([...item.items, ...(item.rescue ?? []), ...item.always]);
    return item.kind === 'network-change' ? [item] : [];
  });
}
