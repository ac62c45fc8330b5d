import { AssertionError, KvmPlayError, PlaybookError } from './errors.ts';
import type { Asking, Results } from './known.ts';
import { type LeafNode, leafNode, type Node, type OwnedCondition } from './layout.ts';
import { errorWords } from './load_error.ts';
import { userLocation } from './location.ts';
import type { Task } from './module.ts';
import type { Assertion, Later } from './play_items.ts';

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
    if (!asking(owner, () => holds(results.knownTo(owner)))) return `the condition of '${owner.title}' does not hold`;
  }
  return undefined;
}

/** Makes the tasks of an item that makes them in its turn, in its place. @throws PlaybookError, ArgumentError */
export function madeNow(
  { item, name, handling, become }: LeafNode<Later>,
  results: Results,
): readonly LeafNode<Task>[] {
  const tasks = asking(item, () => item.make(results.knownTo(item)));
  return tasks.map((task) => leafNode(task, name.index, { conditions: [], handling, become }));
}

/** @throws AssertionError when it does not hold */
export function hold(item: Assertion, results: Results): void {
  if (asking(item, () => item.that(results.knownTo(item)))) return;
  const { title, remedy } = item;
  throw new AssertionError(`it does not hold: ${title}${remedy === undefined ? '' : `\n${remedy}`}`);
}

/** Errors of the user's own functions are told with the line that they come from. */
function asking<T>(owner: Asking, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const known =
      error instanceof KvmPlayError
        ? error
        : new PlaybookError(errorWords(error), { cause: error }).at({ location: userLocation(error) });
    throw known.at({ task: owner.title, location: owner.location });
  }
}
