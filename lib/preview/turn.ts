import { AssertionError } from '../errors.ts';
import {
  type BlockNode,
  isTaskNode,
  type LeafNode,
  leafNode,
  type Node,
  type OwnedCondition,
} from '../site/flatten.ts';
import type { Assertion, Later } from '../site/play_items.ts';
import type { Task } from '../task/task.ts';
import { fromUser } from '../task/user_code.ts';
import type { KeptTasks } from './kept_tasks.ts';
import type { Results } from './results.ts';

/**
 * How a list of nodes has ended: all of them are done; one of them failed, and somebody deals with it; one of them failed for good,
 * and only what follows in any case does; or nothing may follow.
 */
export type End = 'done' | 'failed' | 'broken' | 'ended';

/** Takes nodes one after the other, up to the first that is not done. */
export async function inTurn(nodes: readonly Node[], take: (node: Node) => Promise<End>): Promise<End> {
  for (const node of nodes) {
    const end = await take(node);
    if (end !== 'done') return end;
  }
  return 'done';
}

/** Whoever takes the nodes of a play in turn, and what it keeps of them. */
export interface Taker {
  readonly results: Results;
  readonly kept: KeptTasks;
  /** Takes nodes one after the other. */
  take(nodes: readonly Node[]): Promise<End>;
  /** Gets a task that is not attempted. */
  leaveOut(task: Task): void;
  /** Says which of these do not hold any more; where nobody can know, all of them. */
  undone(tasks: readonly Task[]): Promise<readonly Task[]>;
}

/**
 * Takes a block: its rescue where it failed, and in any case what is to follow always. What a rescue takes back of its block, and
 * what `always` takes back of either, is taken back on purpose: those tasks need not hold in the end.
 */
export async function takeBlock({ nodes, rescue, always }: BlockNode, taker: Taker): Promise<End> {
  const { kept } = taker;
  const before = kept.all();
  let end = await taker.take(nodes);
  if (end === 'failed' && rescue !== undefined) {
    kept.release(kept.since(before));
    leaveOut(nodes, taker);
    end = await taker.take(rescue);
  } else if (end === 'done') leaveOut(rescue ?? [], taker);
  if (end === 'ended') return end;
  const own = kept.since(before);
  kept.suspend(own);
  const last = await taker.take(always);
  kept.resume(own);
  const hasChanged = tasksIn(always).some((task) => taker.results.statusOf(task) === 'changed');
  if (last === 'done' && hasChanged && own.length > 0) kept.release(await taker.undone(own));
  return last === 'done' ? end : last;
}

/** Notes of tasks without an outcome that they will have none. */
function leaveOut(nodes: readonly Node[], taker: Taker): void {
  for (const task of tasksIn(nodes)) {
    if (taker.results.statusOf(task) !== undefined) continue;
    taker.results.addWithout(task, 'skipped');
    taker.leaveOut(task);
  }
}

/** Lists all tasks that are known from the start, rescues included. */
function tasksIn(nodes: readonly Node[]): readonly Task[] {
  return nodes.flatMap((node): readonly Task[] => {
    if (node.kind === 'leaf') return isTaskNode(node) ? [node.item] : [];
    if (node.kind === 'change') return node.nodes.map(({ item }) => item);
    return tasksIn([...node.nodes, ...(node.rescue ?? []), ...node.always]);
  });
}

/** Why an item that makes its tasks in its turn is skipped. */
export const noTask = 'there is no task to be made';

/** @returns why an item is not wanted on this host; undefined when it is @throws PlaybookError for a condition that cannot be asked */
export function reasonToSkip(conditions: readonly OwnedCondition[], results: Results): string | undefined {
  for (const { owner, holds } of conditions) {
    if (!fromUser(owner, () => holds(results.knownTo(owner)))) return `the condition of '${owner.title}' does not hold`;
  }
  return undefined;
}

/** Makes the tasks of an item that makes them in its turn, in its place. @throws PlaybookError, ArgumentError */
export function madeNow(
  { item, name, handling, become }: LeafNode<Later>,
  results: Results,
): readonly LeafNode<Task>[] {
  const tasks = fromUser(item, () => item.make(results.knownTo(item)));
  return tasks.map((task) => leafNode(task, name.index, { conditions: [], handling, become }));
}

/** @throws AssertionError when it does not hold */
export function hold(item: Assertion, results: Results): void {
  if (fromUser(item, () => item.that(results.knownTo(item)))) return;
  const { title, remedy } = item;
  throw new AssertionError(`it does not hold: ${title}${remedy === undefined ? '' : `\n${remedy}`}`);
}
