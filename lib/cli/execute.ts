import { PlaybookError } from '../errors.ts';
import type { CommandLine } from './options/command_line.ts';
import { exitCodes } from './options/exit_codes.ts';

/**
 * Does what a command line asks for, and prints. Each command is loaded only when it is needed, because loading takes longer than
 * most of them.
 * @returns the exit code
 * @throws KvmPlayError for what was wrong before anything was attempted
 */
export async function execute(line: CommandLine): Promise<number> {
  if (line.remove !== undefined) {
    const { destroyLab } = await import('../lab/index.ts');
    await destroyLab(line.remove);
    return exitCodes.ok;
  }
  const { site, networkCommand, pattern, shell } = line;
  if (shell !== undefined) {
    const { completionScript } = await import('./completion/script.ts');
    process.stdout.write(completionScript(shell));
    return exitCodes.ok;
  }
  if (pattern !== undefined) return (await import('./commands/inventory.ts')).showInventory(line, pattern);
  if (networkCommand !== undefined)
    return (await import('./commands/network_hosts.ts')).changeOnHosts(networkCommand, line);
  if (site === undefined) throw new PlaybookError('name a site: npx kvm-play site.ts (see --help)');
  if (line.listTasks || line.listTags || line.listHosts) {
    return (await import('./commands/listing.ts')).listSite(site, line);
  }
  if (line.command === 'rehearse')
    return (await import('./commands/rehearsal/rehearse_site.ts')).rehearseSite(site, line);
  return (await import('./commands/run_site.ts')).runSite(site, line);
}
