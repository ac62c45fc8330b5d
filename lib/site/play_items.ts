import { type Location, PlaybookError } from '../errors.ts';
import type { NetworkChange } from '../network_change/network_change.ts';
import { callerLocation } from '../task/location.ts';
import type { Condition, Known, Task } from '../task/task.ts';
import { fromUser } from '../task/user_code.ts';
import { refuseUnknownKeys } from '../validation/known_keys.ts';
import { refuseOtherItems, refuseWrongTypes } from '../validation/option_types.ts';
import { refuseUnwritable } from '../validation/texts.ts';

/** What a play is made of: tasks, and items that hold or make them. */
export type PlayItem = Task | NetworkChange | Block | Later | Assertion;

/** Options of every item that is no task. */
export interface ItemOptions {
  /** Says on each host, in the item's turn, whether it is wanted there at all. Default: it is. */
  readonly when?: Condition;
  /** Words by which tasks are chosen, as those of a task; what is inside has them too. */
  readonly tags?: readonly string[];
}

/** Options of {@link block}. */
export interface BlockOptions extends ItemOptions {
  /** Do what is inside as root, by `sudo`, or as the user who logs in. Default: as the play. */
  readonly become?: boolean;
  /** Items for the case that one of the block's fails; then the run goes on behind the block, unless one of these fails too. */
  readonly rescue?: readonly PlayItem[];
  /** Items that follow in any case, unless the host was lost or the run was interrupted. */
  readonly always?: readonly PlayItem[];
}

/** Items that belong together. */
export interface Block {
  readonly kind: 'block';
  readonly title: string;
  readonly location: Location | undefined;
  readonly when: Condition | undefined;
  readonly tags: readonly string[];
  readonly become: boolean | undefined;
  readonly items: readonly PlayItem[];
  /** undefined where a failure is nobody's business but the play's. */
  readonly rescue: readonly PlayItem[] | undefined;
  readonly always: readonly PlayItem[];
}

/** Tasks that are made when it is their turn. */
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

/** Something that must hold, or the host's run ends. */
export interface Assertion {
  readonly kind: 'assert';
  readonly title: string;
  readonly module: 'assert';
  readonly location: Location | undefined;
  readonly when: Condition | undefined;
  readonly tags: readonly string[];
  readonly that: Condition;
  /** The message of the error where it does not hold. */
  readonly failure: string;
  readonly remedy: string | undefined;
}

/** An item that has an end of its own in reports. */
export type Leaf = Task | Later | Assertion;

/**
 * Puts items together that have a condition, tags or a way out in common. A function that returns one is a named group of tasks
 * with typed arguments, for any site and any package.
 * @param title names it
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
 * Makes tasks from what is known only in their turn: results of earlier tasks, or facts. Each is reported by itself. They are read
 * in their turn, so this costs round trips that tasks which are known from the start do not cost.
 * @param title shown where there are none yet
 * @param make is called for each host, in check mode with what is foreseen; no task in it is none to be run
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
 * Demands that something holds on a host. Where it does not, in check mode as well, the host's run ends before its first write if
 * that can be foreseen, and else in its turn.
 * @param title what holds, in words: `The NIC is there`
 */
export function assert(title: string, that: Condition, options: AssertOptions = {}): Assertion {
  const location = callerLocation();
  checkItemOptions('assert', options, ['when', 'tags', 'remedy'], { title, location });
  fromUser({ title, location }, () => refuseWrongTypes('assert', { that }, { that: 'function' }, ['that']));
  const { when, tags = [], remedy } = options;
  return Object.freeze({
    kind: 'assert',
    title,
    module: 'assert',
    location,
    when,
    tags,
    that,
    failure: `assertion failed: ${title}`,
    remedy,
  });
}

/**
 * Ends a host's run, in a rescue or under a condition.
 * @param title why, in words
 */
export function fail(title: string, options: AssertOptions = {}): Assertion {
  const location = callerLocation();
  checkItemOptions('fail', options, ['when', 'tags', 'remedy'], { title, location });
  const { when, tags = [], remedy } = options;
  return Object.freeze({
    kind: 'assert',
    title,
    module: 'assert',
    location,
    when,
    tags,
    that: () => false,
    failure: title,
    remedy,
  });
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
