import type { Inventory } from '../../inventory/inventory.ts';
import { chooseHosts } from '../../inventory/pattern.ts';
import { jsonText } from '../../reporters/json_text.ts';
import type { CommandLine } from '../options/command_line.ts';
import { exitCodes } from '../options/exit_codes.ts';
import { print } from '../output/print.ts';
import { inventoryOf, warn } from './chosen.ts';

/** Prints the inventories of a command line, and warns of what a run would refuse. @returns the exit code */
export async function showInventory(line: CommandLine, pattern: string): Promise<number> {
  const inventory = await inventoryOf(line);
  for (const { name, problems = [] } of inventory.hosts.values()) warn(problems.map((words) => `${name}: ${words}`));
  print(process.stdout, inventoryText(inventory, pattern));
  return exitCodes.ok;
}

/**
 * Writes an inventory in the form of `ansible-inventory --list`: groups with all their hosts, those of their children included, and
 * the values of each host after precedence is applied.
 * @param pattern selects the hosts that are shown
 * @returns JSON
 * @throws PlaybookError for a pattern that fits nothing
 */
function inventoryText(inventory: Inventory, pattern: string): string {
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
