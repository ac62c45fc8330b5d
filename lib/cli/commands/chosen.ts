import type { Inventory } from '../../inventory/inventory.ts';
import type { TargetOptions } from '../../inventory/targets.ts';
import type { Values } from '../../inventory/values.ts';
import type { Play } from '../../site/play.ts';
import type { TaskSelection } from '../../site/select_tasks.ts';
import type { CommandLine } from '../options/command_line.ts';
import { readExtraVars } from '../options/extra_vars.ts';
import { print } from '../output/print.ts';
import { limitGroups } from './failed_hosts.ts';

/** What a command line chooses of a site: tasks, hosts, and the values of variables. */
export interface Chosen extends TaskSelection, Omit<TargetOptions, 'hosts'> {
  readonly vars: Values;
}

/** Gives what a command line chooses: values, hosts and tasks. @throws PlaybookError for files that cannot be read */
export async function chosenBy(site: string, line: CommandLine): Promise<Chosen> {
  const { inventory: inventories, limit, tags, skipTags, startAtTask } = line;
  const groups = limit === undefined ? undefined : await limitGroups(site, limit);
  const inventory = inventories.length === 0 ? undefined : await inventoryOf(line);
  return {
    tags,
    skipTags,
    vars: await readExtraVars(line.extraVars),
    ...(inventory && { inventory }),
    ...(limit !== undefined && { limit }),
    ...(groups && { limitGroups: groups }),
    ...(startAtTask !== undefined && { startAtTask }),
  };
}

/** Loads a site, and warns of what an inventory and Ansible's settings say without an effect on it. */
export async function loadPlays(
  site: string,
  line: CommandLine,
  inventory: Inventory | undefined,
): Promise<readonly Play[]> {
  const [{ loadSite }, { ansibleSettings, unreadSettings }] = await Promise.all([
    import('../../site/load_site.ts'),
    import('../../inventory/ansible/settings.ts'),
  ]);
  const [plays, settings] = await Promise.all([loadSite(site), ansibleSettings()]);
  warn(unreadSettings(settings, plays, { inventories: line.inventory, hosts: line.host }));
  if (inventory !== undefined) {
    const { likelyMistypes } = await import('../../inventory/mistypes.ts');
    warn(likelyMistypes(plays, inventory));
  }
  return plays;
}

/** Loads the inventories of a command line, and warns of what has no effect in them. */
export async function inventoryOf({ inventory: paths, site }: CommandLine): Promise<Inventory> {
  const { loadInventory } = await import('../../inventory/load.ts');
  const inventory = await loadInventory(paths, site === undefined ? {} : { site });
  warn(inventory.warnings ?? []);
  return inventory;
}

/** Prints warnings on standard error. */
export function warn(warnings: readonly string[]): void {
  for (const warning of warnings) print(process.stderr, `[WARNING]: ${warning}`);
}
