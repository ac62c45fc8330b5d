import { AssertionError } from './errors.ts';
import type { Results } from './known.ts';
import { type LeafNode, leafNode, type Node, type OwnedCondition } from './layout.ts';
import type { Task } from './module.ts';
import type { Assertion, Later } from './play_items.ts';
import { fromUser } from './user_code.ts';

/** How a list of nodes has ended: all of them are done; one of them failed, and somebody deals with it; or nothing may follow. */
export type End = 'done' | 'failed' | 'ended';

/** Takes nodes one after the other, up to the first that is not done. */
export async function inTurn(nodes: readonly Node[], take: (node: Node) => Promise<End>): Promise<End> {
  for (const node of nodes) {
    const end = await take(node);
    if (end !== 'done') return end;
  }
  return 'done';
}

/** A block's lists of nodes. */
export interface BlockLists {
  readonly nodes: readonly Node[];
  readonly rescue: readonly Node[] | undefined;
  readonly always: readonly Node[];
}

/** Takes a block: its rescue where it failed, and in any case what is to follow always. */
export async function takeBlock(
  { nodes, rescue, always }: BlockLists,
  take: (nodes: readonly Node[]) => Promise<End>,
): Promise<End> {
  let end = await take(nodes);
  if (end === 'failed' && rescue !== undefined) end = await take(rescue);
  if (end === 'ended') return end;
  const last = await take(always);
  return last === 'done' ? end : last;
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
