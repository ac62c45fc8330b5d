import { AssertionError } from '../errors.ts';
import {
  type BlockNode,
  type ChangeNode,
  type Handling,
  isAssertionNode,
  isLaterNode,
  isTaskNode,
  type LeafNode,
  leafNode,
  type Node,
  type OwnedCondition,
} from '../site/flatten.ts';
import type { Assertion, Later } from '../site/play_items.ts';
import type { Task } from '../task/task.ts';
import { fromUser } from '../task/user_code.ts';
import type { Outcomes } from './outcomes.ts';

/**
 * How a list of nodes has ended. `done`: all of them are done. `failed`: one of them failed, and a rescue follows. `broken`: one of
 * them failed for good, and only `always` follows. `ended`: nothing follows.
 */
export type End = 'done' | 'failed' | 'broken' | 'ended';

/** What the preview and the executor each do with the nodes of a play. In which order, and with which of them, is the walk's part. */
export interface Walker {
  readonly outcomes: Outcomes;
  /** Deals with a task, and notes its outcome. What it throws is the task's failure. */
  task(node: LeafNode<Task>): Promise<void>;
  /** Deals with the tasks of a network change, and notes their outcomes. @param onTask gets the task whose failure it would be */
  change(node: ChangeNode, onTask: (node: LeafNode<Task>) => void): Promise<void>;
  /** Gets an assertion that holds. */
  held(node: LeafNode): void;
  /** Gets an item that is skipped; the outcome of a task is noted. */
  skipped(node: LeafNode, reason: string): Promise<void>;
  /** Gets the failure of an item. */
  failed(node: LeafNode, error: unknown): End;
  /** Tells which of these tasks do not hold any more; where that cannot be known, all of them. */
  undone(tasks: readonly Task[]): Promise<readonly Task[]>;
}

/** Walks the nodes of a play, up to the first that is not done. */
export async function walk(nodes: readonly Node[], walker: Walker): Promise<End> {
  for (const node of nodes) {
    const end = await walkNode(node, walker);
    if (end !== 'done') return end;
  }
  return 'done';
}

/** How a failure ends the list of nodes in which it stands. */
export function endOf(handling: Handling): End {
  if (handling === undefined) return 'broken';
  return handling === 'ignored' ? 'done' : 'failed';
}

async function walkNode(node: Node, walker: Walker): Promise<End> {
  switch (node.kind) {
    case 'leaf':
      return walkLeaf(node, walker);
    case 'change':
      return walkChange(node, walker);
    case 'block':
      return walkBlock(node, walker);
  }
}

async function walkLeaf(node: LeafNode, walker: Walker): Promise<End> {
  const { outcomes } = walker;
  try {
    const reason = reasonToSkip(node.conditions, outcomes);
    if (reason !== undefined) await skip(node, reason, walker);
    else if (isTaskNode(node)) await walker.task(node);
    else if (isLaterNode(node)) return await walkMade(node, walker);
    else if (isAssertionNode(node)) {
      refuseFalse(node.item, outcomes);
      walker.held(node);
    }
    return 'done';
  } catch (error) {
    return walker.failed(node, error);
  }
}

/** An item that makes its tasks in its turn. */
async function walkMade(node: LeafNode<Later>, walker: Walker): Promise<End> {
  const { item, name, handling, become } = node;
  const tasks = fromUser(item, () => item.make(walker.outcomes.knownTo(item)));
  if (tasks.length > 0) {
    return walk(
      tasks.map((task) => leafNode(task, name.index, { conditions: [], handling, become })),
      walker,
    );
  }
  await walker.skipped(node, 'there is no task to be made');
  return 'done';
}

/** A network change: its tasks have one end. */
async function walkChange(node: ChangeNode, walker: Walker): Promise<End> {
  let [current] = node.nodes;
  try {
    const reason = reasonToSkip(node.conditions, walker.outcomes);
    if (reason === undefined) {
      await walker.change(node, (each) => {
        current = each;
      });
    } else for (const each of node.nodes) await skip(each, reason, walker);
    return 'done';
  } catch (error) {
    if (current === undefined) throw error;
    return walker.failed(current, error);
  }
}

/**
 * A block: its rescue where it failed, and in any case `always`. What the rescue undoes of its block, and what `always` undoes of
 * either, is undone on purpose: those tasks need not hold at the end.
 */
async function walkBlock({ nodes, rescue, always }: BlockNode, walker: Walker): Promise<End> {
  const { outcomes } = walker;
  const before = outcomes.mustHold();
  let end = await walk(nodes, walker);
  if (end === 'failed' && rescue !== undefined) {
    outcomes.release(outcomes.mustHoldSince(before));
    skipRest(nodes, outcomes);
    end = await walk(rescue, walker);
  } else if (end === 'done') skipRest(rescue ?? [], outcomes);
  if (end === 'ended') return end;
  const own = outcomes.mustHoldSince(before);
  outcomes.suspend(own);
  const last = await walk(always, walker);
  outcomes.resume(own);
  const hasChanged = tasksIn(always).some((task) => outcomes.statusOf(task) === 'changed');
  if (last === 'done' && hasChanged && own.length > 0) outcomes.release(await walker.undone(own));
  return last === 'done' ? end : last;
}

async function skip(node: LeafNode, reason: string, walker: Walker): Promise<void> {
  if (isTaskNode(node)) walker.outcomes.skipped(node.item);
  await walker.skipped(node, reason);
}

/** Tasks that have no outcome by now will have none. */
function skipRest(nodes: readonly Node[], outcomes: Outcomes): void {
  for (const task of tasksIn(nodes)) {
    if (outcomes.statusOf(task) === undefined) outcomes.skipped(task);
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

/** @returns why an item is skipped; undefined when it is wanted @throws PlaybookError for a condition that cannot be evaluated */
function reasonToSkip(conditions: readonly OwnedCondition[], outcomes: Outcomes): string | undefined {
  for (const { owner, holds } of conditions) {
    if (!fromUser(owner, () => holds(outcomes.knownTo(owner))))
      return `the condition of '${owner.title}' does not hold`;
  }
  return undefined;
}

/** @throws AssertionError for an assertion that does not hold */
function refuseFalse(item: Assertion, outcomes: Outcomes): void {
  if (fromUser(item, () => item.that(outcomes.knownTo(item)))) return;
  const { failure, remedy } = item;
  throw new AssertionError(remedy === undefined ? failure : `${failure}\n${remedy}`);
}
