import { type TaskName, taskName } from '../events/events.ts';
import type { NetworkChange } from '../network_change/network_change.ts';
import type { Asking, Condition, Task } from '../task/task.ts';
import { type Assertion, type Block, isTask, type Later, type Leaf, type PlayItem } from './play_items.ts';

/** What becomes of a failure: the run goes on, or a rescue follows. undefined where it ends the host's run. */
export type Handling = 'ignored' | 'rescued' | undefined;

/** A condition, and whose it is. */
export interface OwnedCondition {
  readonly owner: Asking;
  readonly holds: Condition;
}

/** An item that is reported by itself (a task, an assertion, or one that makes its tasks later), in its place in the play. */
export interface LeafNode<Item extends Leaf = Leaf> {
  readonly kind: 'leaf';
  readonly item: Item;
  readonly name: TaskName;
  /** Its own condition, behind those of the blocks that it is in. */
  readonly conditions: readonly OwnedCondition[];
  readonly handling: Handling;
  /** As root, or as the user who logs in. */
  readonly become: boolean;
}

/** A network change in its place. */
export interface ChangeNode {
  readonly kind: 'change';
  readonly change: NetworkChange;
  readonly conditions: readonly OwnedCondition[];
  readonly nodes: readonly LeafNode<Task>[];
  readonly become: boolean;
}

/** A block in its place. */
export interface BlockNode {
  readonly kind: 'block';
  readonly block: Block;
  readonly nodes: readonly Node[];
  /** undefined where a failure is nobody's business but the play's. */
  readonly rescue: readonly Node[] | undefined;
  readonly always: readonly Node[];
}

/** An item in its place. */
export type Node = LeafNode | ChangeNode | BlockNode;

/** What an item has from the blocks that it is in. */
export interface Around {
  readonly conditions: readonly OwnedCondition[];
  readonly handling: Handling;
  readonly become: boolean;
}

/** Puts an item that is reported by itself in its place. */
export function leafNode<Item extends Leaf>(item: Item, index: number, around: Around): LeafNode<Item> {
  return {
    kind: 'leaf',
    item,
    name: taskName(item, index),
    conditions: [...around.conditions, ...conditionOf(item)],
    handling: isTask(item) && item.mayFail ? 'ignored' : around.handling,
    become: (isTask(item) ? item.become : undefined) ?? around.become,
  };
}

/**
 * Gives each item its place in the play, with what it has from the blocks that it is in.
 * @param become whether tasks are done as root where neither they nor their blocks say anything
 */
export function flatten(items: readonly PlayItem[], become: boolean): readonly Node[] {
  let index = 0;
  const leaf = <Item extends Leaf>(item: Item, around: Around): LeafNode<Item> => {
    index += 1;
    return leafNode(item, index - 1, around);
  };
  const nodes = (list: readonly PlayItem[], around: Around): readonly Node[] =>
    list.map((item) => {
      if (!('kind' in item)) return leaf(item, around);
      switch (item.kind) {
        case 'network-change': {
          // Its tasks have no conditions of their own: they are planned as a whole.
          const its = item.tasks.map((task) => leaf(task, around));
          return { kind: 'change', change: item, conditions: around.conditions, nodes: its, become: around.become };
        }
        case 'block': {
          const conditions = [...around.conditions, ...conditionOf(item)];
          const inside: Around = { ...around, conditions, become: item.become ?? around.become };
          const handling = item.rescue === undefined ? around.handling : 'rescued';
          return {
            kind: 'block',
            block: item,
            nodes: nodes(item.items, { ...inside, handling }),
            rescue: item.rescue && nodes(item.rescue, inside),
            always: nodes(item.always, inside),
          };
        }
        default:
          return leaf(item, around);
      }
    });
  return nodes(items, { conditions: [], handling: undefined, become });
}

/** Lists the leaves that are attempted when nothing fails: a rescue is none of them. */
export function plannedLeaves(nodes: readonly Node[]): readonly LeafNode[] {
  return nodes.flatMap((node): readonly LeafNode[] => {
    if (node.kind === 'leaf') return [node];
    return node.kind === 'change' ? node.nodes : plannedLeaves([...node.nodes, ...node.always]);
  });
}

/** Tells whether any item of a play needs the facts and results of a host. */
export function needsFacts(nodes: readonly Node[]): boolean {
  return nodes.some((node) => {
    if (node.kind === 'block') return needsFacts([...node.nodes, ...(node.rescue ?? []), ...node.always]);
    return node.conditions.length > 0 || (node.kind === 'leaf' && !isTask(node.item));
  });
}

/** Tells whether a leaf is a task. */
export function isTaskNode(node: LeafNode): node is LeafNode<Task> {
  return isTask(node.item);
}

/** Tells whether a leaf makes its tasks in its turn. */
export function isLaterNode(node: LeafNode): node is LeafNode<Later> {
  return !isTask(node.item) && node.item.kind === 'later';
}

/** Tells whether a leaf is something that must hold. */
export function isAssertionNode(node: LeafNode): node is LeafNode<Assertion> {
  return !isTask(node.item) && node.item.kind === 'assert';
}

function conditionOf(item: Leaf | Block): readonly OwnedCondition[] {
  return item.when === undefined ? [] : [{ owner: item, holds: item.when }];
}
