import type { Inventory } from '../../inventory/inventory.ts';
import { chooseHosts } from '../../inventory/pattern.ts';
import { jsonText } from '../../reporters/json_text.ts';

/**
 * Shows what has been read of inventories, in the form of `ansible-inventory --list`: groups with all their hosts, those of their
 * children included, and each host's values as they came out.
 * @param pattern of the hosts that are shown
 * @returns JSON
 * @throws PlaybookError for a pattern that fits nothing
 */
export function inventoryText(inventory: Inventory, pattern: string): string {
  const chosen = new Set(chooseHosts(inventory, pattern));
  const hosts = [...inventory.hosts.values()].filter(({ name }) => chosen.has(name));
  const groups = [...inventory.groups].map(([name, members]) => [
    name,
    { hosts: members.filter((member) => chosen.has(member)) },
  ]);
  return jsonText(
    {
      ...Object.fromEntries(groups),
      _meta: { hostvars: Object.fromEntries(hosts.map(({ name, values }) => [name, values])) },
    },
    4,
  );
}
