import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { type CommandStep, command, type Undo } from '../../../lib/task/step.ts';
import { adjustBridge, removeBridge } from '../live_steps.ts';
import { reloadArgv, reloadTitle } from '../networkd/reload.ts';
import { restoreKernelIpv6 } from '../networkmanager/kernel_ipv6.ts';
import { removeLeases } from '../networkmanager/leases.ts';
import type { LoadedBridge } from '../stack.ts';
import { definitions } from './definitions.ts';
import { readNetplanFiles } from './files.ts';
import { findOwnedByManager } from './owner.ts';

const generate = ['netplan', 'generate'] as const;

/**
 * The rollback at boot comes before the daemon, and before netplan's own unit where there is one (from 1.2 on). Older versions write
 * the daemon's files in a generator, which has run by then: so it is run once more.
 */
function takeBack(
  unit: string,
  withOldFiles: readonly (readonly string[])[],
  always: readonly (readonly string[])[] = [],
): Undo {
  return {
    withOldFiles: [generate, ...withOldFiles, ...always],
    atBoot: [generate, ...always],
    before: [`${unit}.service`, 'netplan-configure.service'],
  };
}

function cut(argv: readonly string[], options: Parameters<typeof command>[1] = {}): CommandStep {
  return command(argv, { disrupts: 'link', timeLimit: 60, ...options });
}

/**
 * `netplan generate` writes the files of systemd-networkd, and fails where netplan cannot read its own; nothing has been touched then.
 * `networkctl reload` does the rest, as it does for systemd-networkd's own files.
 */
export async function loadByNetworkd(
  _host: ReadonlyHost,
  bridges: readonly LoadedBridge[],
): Promise<readonly CommandStep[]> {
  const unit = 'systemd-networkd';
  const reload = reloadArgv(bridges);
  return [
    cut(generate, { undo: takeBack(unit, [reload]) }),
    cut(reload, { title: reloadTitle(bridges), judgedBy: 'state', units: [unit] }),
    ...bridges.flatMap(({ desired, live }) =>
      desired.bridge === 'absent' ? removeBridge(desired, live) : adjustBridge(desired, live),
    ),
  ];
}

/**
 * NetworkManager makes the bridge when it is told of new connections, and plugs a port in when that port's connection is activated.
 * A bridge that it has is not activated again: that would throw guests out.
 */
export async function loadByManager(
  host: ReadonlyHost,
  bridges: readonly LoadedBridge[],
): Promise<readonly CommandStep[]> {
  const [files, owned] = await Promise.all([
    readNetplanFiles(host),
    findOwnedByManager(
      host,
      bridges.flatMap(({ desired: { portNames } }) => portNames.value),
    ),
  ]);
  const unit = 'NetworkManager';
  const connections = (loaded: LoadedBridge): readonly { readonly port: string; readonly connection: string }[] => {
    const { ports } = definitions(files, loaded.desired, owned, loaded.live);
    return loaded.desired.portNames.value.map((port) => ({
      port,
      connection: `netplan-${ports[port]?.id ?? owned.links.find(({ link }) => link === port)?.id ?? port}`,
    }));
  };
  const up = (connection: string): readonly string[] => ['nmcli', '--wait', '30', 'connection', 'up', connection];
  const reload = ['nmcli', 'connection', 'reload'];
  const handOff = ({ desired: { name } }: LoadedBridge): readonly string[] => [
    ...['nmcli', 'device', 'set', name, 'managed', 'no'],
  ];
  const before = bridges.flatMap((loaded) => connections(loaded).map(({ connection }) => up(connection)));
  const leases = bridges.filter(({ live }) => !live.isBridge).map(({ desired: { name } }) => removeLeases(name));
  const gone = bridges.filter(({ desired, live }) => desired.bridge === 'absent' && live.isBridge);
  return [
    cut(generate, { undo: { ...takeBack(unit, [reload, ...before], leases), withNewFiles: bridges.map(handOff) } }),
    // NetworkManager would take a bridge away whose connection is gone, with guests in it.
    ...gone.map((loaded) => cut(handOff(loaded), { judgedBy: 'state' })),
    cut(reload, { units: [unit] }),
    ...bridges.flatMap((loaded): readonly CommandStep[] => {
      const { desired, live } = loaded;
      const { name, bridge } = desired;
      const isIn = (port: string): boolean => live.plugged.includes(port);
      const activate = connections(loaded).map(({ port, connection }) => ({ port, step: cut(up(connection)) }));
      if (bridge === 'absent')
        return [
          ...removeBridge(desired, live),
          ...activate.map(({ step }) => step),
          cut(removeLeases(name), { title: `remove NetworkManager's leases of ${name}`, judgedBy: 'state' }),
        ];
      return [
        ...(live.isBridge
          ? [
              cut(['nmcli', '--wait', '10', 'device', 'reapply', name], { judgedBy: 'state' }),
              // netplan leaves automatic IPv6 to the kernel.
              cut(restoreKernelIpv6(name), { title: `make IPv6 addresses of ${name} again`, judgedBy: 'state' }),
            ]
          : []),
        ...adjustBridge(desired, live),
        ...activate.filter(({ port }) => !isIn(port)).map(({ step }) => step),
      ];
    }),
  ];
}
