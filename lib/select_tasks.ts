import { PlaybookError } from './errors.ts';
import type { Task } from './module.ts';
import { nearest } from './nearest.ts';
import { isNetworkChange, type PlayItem, tasksOf } from './network_change/network_change.ts';

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

/** Leaves out of a play what was not chosen. A network change keeps those of its tasks that are, and goes with the last of them. */
export function selectTasks(items: readonly PlayItem[], selection: TaskSelection): readonly PlayItem[] {
  const tasks = tasksOf(items);
  const { startAtTask } = selection;
  const first = startAtTask === undefined ? 0 : tasks.findIndex(({ title }) => title === startAtTask);
  const chosen = new Set(tasks.slice(first === -1 ? tasks.length : first).filter((task) => isChosen(task, selection)));
  if (chosen.size === tasks.length) return items;
  return items.flatMap((item): readonly PlayItem[] => {
    if (!isNetworkChange(item)) return chosen.has(item) ? [item] : [];
    const left = item.tasks.filter((task) => chosen.has(task));
    return left.length === 0 ? [] : [{ ...item, tasks: left }];
  });
}

/**
 * Holds a selection against the tasks of all plays.
 * @throws PlaybookError for a tag or a title that none of them has, and names the nearest
 */
export function checkSelection(tasks: readonly Task[], { tags = [], skipTags = [], startAtTask }: TaskSelection): void {
  const known = [...new Set(tasks.flatMap((task) => task.tags))];
  for (const tag of [...tags, ...skipTags]) {
    if (special.includes(tag) || known.includes(tag)) continue;
    const close = nearest(tag, [...known, ...special]);
    const hint = close === undefined ? `there are ${known.join(', ') || 'none'}` : `did you mean '${close}'?`;
    throw new PlaybookError(`no task has the tag '${tag}'; ${hint}`);
  }
  const titles = tasks.map(({ title }) => title);
  if (startAtTask === undefined || titles.includes(startAtTask)) return;
  const close = nearest(startAtTask, titles);
  throw new PlaybookError(
    `no task has the title '${startAtTask}'${close === undefined ? '' : `; did you mean '${close}'?`}`,
  );
}

function isChosen({ tags }: Task, { tags: wanted = [], skipTags = [] }: TaskSelection): boolean {
  const fits = (asked: readonly string[]): boolean =>
    tags.some((tag) => asked.includes(tag)) ||
    asked.includes('all') ||
    (asked.includes('tagged') && tags.length > 0) ||
    (asked.includes('untagged') && tags.length === 0);
  if (fits(skipTags) && !(tags.includes('always') && !tags.some((tag) => skipTags.includes(tag)))) return false;
  if (tags.includes('never') && !tags.some((tag) => wanted.includes(tag))) return false;
  return wanted.length === 0 || tags.includes('always') || fits(wanted);
}
