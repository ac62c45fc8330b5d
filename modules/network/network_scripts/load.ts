import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { CommandStep } from '../../../lib/task/step.ts';
import { readUnit, startSteps } from '../../systemd/systemd.ts';
import { undoOfLinkUnit } from '../link_units.ts';
import { networkScriptsUnit } from './unit.ts';

/** Seconds: a DHCP server may take its time, and bridges wait for their forward delay. */
const timeLimit = 300;

/**
 * Makes the steps that restart the service `network`, or start it where it has failed. The scripts have no other way to load a file that
 * was measured; it takes every link of the host down and up again, so it is done only when something is due. Taps stay in a bridge
 * that is taken down (case 16 of the captures; ifdown-eth removes a bridge only once nothing is plugged into it).
 */
export async function loadNetworkScripts(host: ReadonlyHost): Promise<readonly CommandStep[]> {
  const { name } = networkScriptsUnit;
  const [unit, undo] = [await readUnit(host, name), undoOfLinkUnit(name)];
  return startSteps('remedy' in unit ? undefined : unit, name, true, (action) => ({
    timeLimit,
    units: [name],
    disrupts: 'link',
    judgedBy: 'state',
    ...(action !== 'stop' && undo && { undo }),
  }));
}
