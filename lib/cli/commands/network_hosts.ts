import { PlaybookError } from '../../errors.ts';
import { parseHost } from '../../hosts/ssh/host_spec.ts';
import type { InventoryHost } from '../../inventory/inventory.ts';
import type { CommandLine, NetworkCommand } from '../options/command_line.ts';
import { print } from '../output/print.ts';
import { inventoryOf } from './chosen.ts';
import { network } from './network.ts';
import { sshOptions } from './ssh_options.ts';

/** A host, and whether to become root there whatever the command line says. */
type Target = Pick<InventoryHost, 'spec'> & Partial<Pick<InventoryHost, 'become'>>;

/** Carries out `network` on each of its hosts. @returns the highest exit code */
export async function changeOnHosts(command: NetworkCommand, line: CommandLine): Promise<number> {
  const options = await sshOptions(line);
  const targets = await targetsOf(command, line);
  const codes = await Promise.all(
    targets.map(({ spec, become = line.become }) =>
      network(
        command,
        spec,
        { ...options, become },
        (text) => print(process.stdout, text),
        (text) => print(process.stderr, text),
      ),
    ),
  );
  return Math.max(...codes);
}

/** Gives the hosts of `network`: the named one, those of options, or those of an inventory that a pattern names. */
async function targetsOf({ host }: NetworkCommand, line: CommandLine): Promise<readonly Target[]> {
  if (line.inventory.length === 0 || host === undefined) {
    return [...line.host, ...(host === undefined ? [] : [host])].map((name) => ({ spec: parseHost(name) }));
  }
  const [inventory, { chooseHosts }, { refuseProblems }] = await Promise.all([
    inventoryOf(line),
    import('../../inventory/pattern.ts'),
    import('../../inventory/refuse_problems.ts'),
  ]);
  const hosts = chooseHosts(inventory, host).flatMap((name) => inventory.hosts.get(name) ?? []);
  if (hosts.length === 0) throw new PlaybookError(`the pattern '${host}' leaves no host of the inventory`);
  refuseProblems(hosts);
  return hosts;
}
