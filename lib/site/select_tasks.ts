import { PlaybookError } from '../errors.ts';
import { nearest } from '../validation/nearest.ts';
import { type Leaf, leavesOf, type PlayItem } from './play_items.ts';

/** Which of a play's tasks are run. */
export interface TaskSelection {
  /** Only tasks with one of these tags, and those tagged `always`. */
  readonly tags?: readonly string[];
  /** No task with one of these tags. */
  readonly skipTags?: readonly string[];
  /** No task before the first one of this title. */
  readonly startAtTask?: string;
}

/** Tags with a meaning of their own: `all`, `tagged` and `untagged` can be asked for, `always` and `never` be given to a task. */
const special: readonly string[] = ['all', 'tagged', 'untagged', 'always', 'never'];

/** Leaves out of a play the tasks that were not chosen, and the blocks and network changes that are empty without them. */
export function selectTasks(items: readonly PlayItem[], selection: TaskSelection): readonly PlayItem[] {
  const { startAtTask, tags = [], skipTags = [] } = selection;
  const hasNever = leavesOf(items).some((leaf) => leaf.tags.includes('never'));
  if (startAtTask === undefined && tags.length === 0 && skipTags.length === 0 && !hasNever) return items;
  let isReached = startAtTask === undefined;
  const chosen = (leaf: Leaf, inherited: readonly string[]): boolean => {
    isReached ||= leaf.title === startAtTask;
    return isReached && isChosen([...inherited, ...leaf.tags], selection);
  };
  const left = (list: readonly PlayItem[], inherited: readonly string[]): readonly PlayItem[] =>
    list.flatMap((item): readonly PlayItem[] => {
      if (!('kind' in item)) return chosen(item, inherited) ? [item] : [];
      switch (item.kind) {
        case 'network-change': {
          const tasks = item.tasks.filter((task) => chosen(task, inherited));
          return tasks.length === 0 ? [] : [{ ...item, tasks }];
        }
        case 'block': {
          const own = [...inherited, ...item.tags];
          const inside = left(item.items, own);
          const rescue = item.rescue && left(item.rescue, own);
          const always = left(item.always, own);
          return inside.length === 0 ? always : [{ ...item, items: inside, rescue, always }];
        }
        default:
          return chosen(item, inherited) ? [item] : [];
      }
    });
  return left(items, []);
}

/**
 * Says what is chosen of each play of a site: the plays behind the one in which `startAtTask` stands are whole.
 * @param plays the items of each play
 */
export function selectionByPlay(
  plays: readonly (readonly PlayItem[])[],
  { tags = [], skipTags = [], startAtTask }: TaskSelection,
): readonly TaskSelection[] {
  const start = plays.findIndex((items) => leavesOf(items).some(({ title }) => title === startAtTask));
  const isStarted = (index: number): boolean => startAtTask === undefined || (start !== -1 && index > start);
  return plays.map((_, index) => ({ tags, skipTags, ...(!isStarted(index) && { startAtTask }) }));
}

/** Lists all tags of a play's tasks and blocks. */
export function tagsOf(items: readonly PlayItem[]): readonly string[] {
  const found = items.flatMap((item): readonly string[] => {
    if (!('kind' in item)) return item.tags;
    switch (item.kind) {
      case 'network-change':
        return tagsOf(item.tasks);
      case 'block':
        return [...item.tags, ...tagsOf([...item.items, ...(item.rescue ?? []), ...item.always])];
      default:
        return item.tags;
    }
  });
  return [...new Set(found)];
}

/**
 * Checks a selection against the items of all plays.
 * @throws PlaybookError for a tag or a title that none of them has, and names the nearest
 */
export function checkSelection(
  items: readonly PlayItem[],
  { tags = [], skipTags = [], startAtTask }: TaskSelection,
): void {
  const known = tagsOf(items);
  for (const tag of [...tags, ...skipTags]) {
    if (special.includes(tag) || known.includes(tag)) continue;
    const close = nearest(tag, [...known, ...special]);
    const hint = close === undefined ? `there are ${known.join(', ') || 'none'}` : `did you mean '${close}'?`;
    throw new PlaybookError(`no task has the tag '${tag}'; ${hint}`);
  }
  const titles = leavesOf(items).map(({ title }) => title);
  if (startAtTask === undefined || titles.includes(startAtTask)) return;
  const close = nearest(startAtTask, titles);
  throw new PlaybookError(
    `no task has the title '${startAtTask}'${close === undefined ? '' : `; did you mean '${close}'?`}`,
  );
}

function isChosen(
  tags: readonly string[],
  { tags: wanted = [], skipTags = [] }: Pick<TaskSelection, 'tags' | 'skipTags'>,
): boolean {
  const fits = (asked: readonly string[]): boolean =>
    tags.some((tag) => asked.includes(tag)) ||
    asked.includes('all') ||
    (asked.includes('tagged') && tags.length > 0) ||
    (asked.includes('untagged') && tags.length === 0);
  if (fits(skipTags) && !(tags.includes('always') && !tags.some((tag) => skipTags.includes(tag)))) return false;
  if (tags.includes('never') && !tags.some((tag) => wanted.includes(tag))) return false;
  return wanted.length === 0 || tags.includes('always') || fits(wanted);
}
