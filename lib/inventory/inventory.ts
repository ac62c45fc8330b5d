import { PlaybookError } from '../errors.ts';
import type { HostSpec } from '../hosts/ssh/host_spec.ts';
import { connectionOf } from './ansible/connection.ts';
import type { GroupEntry, InventoryEntries, InventoryValues, ValuesBeside } from './ansible/entries.ts';
import { remedyOf } from './ansible/variables.ts';

/** A host of an inventory. */
export interface InventoryHost {
  /** The name by which the inventory knows it. */
  readonly name: string;
  /** How it is reached: by its name, unless `ansible_host` and the like say otherwise. */
  readonly spec: HostSpec;
  /** Whether to become root (`ansible_become`); undefined where nothing is said. */
  readonly become: boolean | undefined;
  /** Groups that it is in, those of groups of groups included, sorted; without `all`. */
  readonly groups: readonly string[];
  /** Its values: its own win over its groups', a child group's over its parent's. */
  readonly values: InventoryValues;
  /** Settings of the host that are not supported. A run in which the host takes part is refused. Default: none. */
  readonly problems?: readonly string[];
}

/** Hosts and groups, looked up by name. */
export interface Inventory {
  readonly hosts: ReadonlyMap<string, InventoryHost>;
  /** Hosts by group, in the inventory's order; `all` and `ungrouped` among them. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Settings without an effect, and likely mistakes. Default: none. */
  readonly warnings?: readonly string[];
}

/**
 * Makes an inventory of what is written: group memberships and values of groups come down to the hosts.
 *
 * Values win over each other as in Ansible: groups are taken from the outermost to the innermost, those of one depth by
 * `ansible_group_priority` and then by name; what `group_vars/` says of any group wins over what the inventory itself says of groups,
 * and so does `host_vars/` with hosts; a host's values win over its groups'.
 * @param beside what stands beside the inventories, and beside the site; a later one wins
 * @throws PlaybookError for groups that hold each other
 */
export function makeInventory(entries: InventoryEntries, beside: readonly ValuesBeside[] = []): Inventory {
  const groups = withImplied(entries);
  const depths = depthsOf(groups);
  const members = new Map([...groups.keys()].map((name) => [name, membersOf(groups, name)]));
  const order = [...groups.keys()].toSorted(
    (one, other) =>
      (depths.get(one) ?? 0) - (depths.get(other) ?? 0) ||
      priorityOf(groups.get(one)) - priorityOf(groups.get(other)) ||
      compare(one, other),
  );
  const hosts = (members.get('all') ?? []).map((name) => {
    const all = order.filter((group) => members.get(group)?.includes(name));
    const inner = all.filter((group) => group !== 'all');
    const { ansible_group_priority: _priority, ...values }: InventoryValues = Object.assign(
      {},
      ...all.map((group) => groups.get(group)?.values),
      ...beside.map((place) => place.groups.get('all')),
      ...beside.flatMap((place) => inner.map((group) => place.groups.get(group))),
      entries.hosts[name],
      ...beside.map((place) => place.hosts.get(name)),
    );
    const { unused, ...connection } = connectionOf(name, values);
    return { host: { name, ...connection, groups: inner.toSorted(compare), values }, unused };
  });
  return {
    hosts: new Map(hosts.map(({ host }) => [host.name, host])),
    groups: members,
    warnings: [
      ...unusedWords(hosts.map(({ host, unused }) => ({ name: host.name, unused }))),
      ...[...groups.keys()]
        .filter((name) => hosts.some(({ host }) => host.name === name))
        .map((name) => `'${name}' is a host and a group of the inventory; a pattern '${name}' means the group`),
    ],
  };
}

/** Writes a warning for each unused variable, with the host that has it. */
function unusedWords(
  hosts: readonly { readonly name: string; readonly unused: readonly string[] }[],
): readonly string[] {
  const names = new Set(hosts.flatMap(({ unused }) => unused));
  return [...names].map((variable) => {
    const [first = '', ...others] = hosts.filter(({ unused }) => unused.includes(variable)).map(({ name }) => name);
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const remedy = remedyOf(variable);
    return `the inventory's ${variable} (of ${first}${more}) has no effect here${remedy === undefined ? '' : `; ${remedy}`}`;
  });
}

/** @throws PlaybookError for a priority that is no whole number */
function priorityOf(group: GroupEntry | undefined): number {
  const { ansible_group_priority: given = 1 } = group?.values ?? {};
  const priority = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof priority === 'number' && Number.isInteger(priority)) return priority;
  throw new PlaybookError(`ansible_group_priority is a whole number, and is ${String(given)}`);
}

/** Adds `all`, `ungrouped`, and the groups that are only named as children. */
function withImplied({ groups, hosts }: InventoryEntries): ReadonlyMap<string, GroupEntry> {
  const empty: GroupEntry = { hosts: [], children: [], values: {} };
  const all = new Map(Object.entries(groups));
  for (const { children } of Object.values(groups)) {
    for (const child of children) if (!all.has(child)) all.set(child, empty);
  }
  const grouped = new Set([...all].filter(([name]) => name !== 'all').flatMap(([, group]) => group.hosts));
  const loose = [...new Set([...(all.get('all')?.hosts ?? []), ...Object.keys(hosts)])].filter(
    (name) => !grouped.has(name),
  );
  const ungrouped = all.get('ungrouped') ?? empty;
  all.set('ungrouped', { ...ungrouped, hosts: [...new Set([...ungrouped.hosts, ...loose])] });
  const inner = new Set([...all].filter(([name]) => name !== 'all').flatMap(([, { children }]) => children));
  const top = [...all.keys()].filter((name) => name !== 'all' && !inner.has(name));
  all.set('all', { ...(all.get('all') ?? empty), hosts: [], children: [...new Set(['ungrouped', ...top])] });
  return all;
}

/** The longest way from `all` to each group. @throws PlaybookError for groups that hold each other */
function depthsOf(groups: ReadonlyMap<string, GroupEntry>): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      throw new PlaybookError(
        `the inventory's groups hold each other: ${[...path.slice(path.indexOf(name)), name].join(' > ')}`,
      );
    }
    if ((depths.get(name) ?? -1) >= path.length) return;
    depths.set(name, path.length);
    for (const child of groups.get(name)?.children ?? []) visit(child, [...path, name]);
  };
  for (const name of ['all', ...groups.keys()]) if (!depths.has(name)) visit(name, []);
  return depths;
}

function membersOf(groups: ReadonlyMap<string, GroupEntry>, name: string): readonly string[] {
  const { hosts, children } = groups.get(name) ?? { hosts: [], children: [] };
  return [...new Set([...hosts, ...children.flatMap((child) => membersOf(groups, child))])];
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Hosts as a play or a caller names them: `[user@]name[:port]`, in parts, or from an inventory. */
export type HostReference = string | HostSpec | InventoryHost;
