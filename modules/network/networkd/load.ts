import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../../lib/task/step.ts';
import { adjustBridge, removeBridge } from '../live_steps.ts';
import type { LoadedBridge } from '../stack.ts';
import { reloadArgv, reloadTitle } from './reload.ts';

const unit = 'systemd-networkd';

/**
 * `networkctl reload` makes new bridges, plugs ports in and takes them out. It neither removes a bridge whose file is gone, nor changes
 * one that is there.
 */
export async function loadNetworkd(
  _host: ReadonlyHost,
  bridges: readonly LoadedBridge[],
): Promise<readonly CommandStep[]> {
  const argv = reloadArgv(bridges);
  const reload = command(argv, {
    title: reloadTitle(bridges),
    disrupts: 'link',
    judgedBy: 'state',
    timeLimit: 60,
    units: [unit],
    undo: { withOldFiles: [argv], before: [`${unit}.service`] },
  });
  return [
    reload,
    ...bridges.flatMap(({ desired, live }) =>
      desired.bridge === 'absent' ? removeBridge(desired, live) : adjustBridge(desired, live),
    ),
  ];
}
