/** An inventory's values by name, of any type: the play's variables say which types they take. */
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

/** Values that stand in `group_vars/` and `host_vars/` of a directory, by group and by host. */
export interface ValuesBeside {
  readonly groups: ReadonlyMap<string, InventoryValues>;
  readonly hosts: ReadonlyMap<string, InventoryValues>;
}

/** Puts several inventories into one. What a later one says of a group or a host wins. */
export function mergeEntries(all: readonly InventoryEntries[]): InventoryEntries {
  const groups = new Map<string, GroupEntry>();
  const hosts = new Map<string, InventoryValues>();
  for (const entries of all) {
    for (const [name, { hosts: own, children, values }] of Object.entries(entries.groups)) {
      const before = groups.get(name) ?? { hosts: [], children: [], values: {} };
      groups.set(name, {
        hosts: [...new Set([...before.hosts, ...own])],
        children: [...new Set([...before.children, ...children])],
        values: { ...before.values, ...values },
      });
    }
    for (const [name, values] of Object.entries(entries.hosts)) hosts.set(name, { ...hosts.get(name), ...values });
  }
  return { groups: Object.fromEntries(groups), hosts: Object.fromEntries(hosts) };
}
