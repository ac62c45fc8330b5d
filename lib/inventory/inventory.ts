import { PlaybookError } from '../errors.ts';
import type { HostSpec } from '../hosts/host_spec.ts';

/** Values of an inventory by name; what they may be is said by the variables of the plays. */
export type InventoryValues = Readonly<Record<string, unknown>>;

/** A group as an inventory writes it. */
export interface GroupEntry {
  readonly hosts: readonly string[];
  readonly children: readonly string[];
  readonly values: InventoryValues;
}

/** An inventory as it is written: groups, and values of single hosts. */
export interface InventoryEntries {
  /** Groups by name. `all` and `ungrouped` need not be there. */
  readonly groups: Readonly<Record<string, GroupEntry>>;
  /** Values by host. */
  readonly hosts: Readonly<Record<string, InventoryValues>>;
}

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
}

/** Hosts and groups, looked up by name. */
export interface Inventory {
  readonly hosts: ReadonlyMap<string, InventoryHost>;
  /** Hosts by group, in the inventory's order; `all` and `ungrouped` among them. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/**
 * Makes an inventory of what is written: group memberships and values of groups come down to the hosts.
 * As in Ansible, groups are merged from the outermost to the innermost, those of one depth by name.
 * @throws PlaybookError for groups that hold each other, and for a value that says nonsense of how a host is reached
 */
export function makeInventory(entries: InventoryEntries): Inventory {
  const groups = withImplied(entries);
  const depths = depthsOf(groups);
  const members = new Map([...groups.keys()].map((name) => [name, membersOf(groups, name)]));
  const order = [...groups.keys()].toSorted(
    (one, other) => (depths.get(one) ?? 0) - (depths.get(other) ?? 0) || compare(one, other),
  );
  const names = members.get('all') ?? [];
  const hosts = names.map((name) => {
    const own = order.filter((group) => members.get(group)?.includes(name));
    const values = Object.assign({}, ...own.map((group) => groups.get(group)?.values), entries.hosts[name]);
    return [name, makeHost(name, own, values)] as const;
  });
  return { hosts: new Map(hosts), groups: members };
}

function makeHost(name: string, groups: readonly string[], values: InventoryValues): InventoryHost {
  const text = (key: string): string | undefined => {
    const value = values[key];
    return value === undefined || value === null ? undefined : String(value);
  };
  const first = (...keys: readonly string[]): string | undefined => keys.map(text).find((value) => value !== undefined);
  const port = first('ansible_port', 'ansible_ssh_port');
  const user = first('ansible_user', 'ansible_ssh_user');
  const become = first('ansible_become');
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) {
    throw new PlaybookError(`the inventory says ansible_port=${port} of ${name}; a port is a number from 1 to 65535`);
  }
  const privateKey = first('ansible_ssh_private_key_file', 'ansible_private_key_file');
  const isLocal = text('ansible_connection') === 'local';
  return {
    name,
    spec: isLocal
      ? { name: 'localhost', alias: name }
      : {
          name: first('ansible_host', 'ansible_ssh_host') ?? name,
          alias: name,
          ...(user !== undefined && { user }),
          ...(port !== undefined && { port: Number(port) }),
          ...(privateKey !== undefined && { privateKey }),
        },
    become: become === undefined ? undefined : /^(?:true|yes|on|1|t|y)$/i.test(become),
    groups: groups.filter((group) => group !== 'all').toSorted(compare),
    values,
  };
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
