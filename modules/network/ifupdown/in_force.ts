import type { Difference } from '../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks, StackInForce } from '../stack.ts';
import { readIfupdownFiles, stanzasOf } from './files.ts';
import { readIfstate } from './owner.ts';
import { bridgeStanzas } from './plan.ts';
import { addressingBy } from './read.ts';
import { stanzasForPort } from './stanzas.ts';

/** Says what ifupdown itself says of a bridge: whether it has brought it up. */
export async function ifupdownInForce(
  host: ReadonlyHost,
  desired: BridgeState,
  _owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackInForce> {
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const [files, state] = await Promise.all([readIfupdownFiles(host), readIfstate(host)]);
  const isUp = state?.has(name) ?? false;
  if (bridge === 'absent') {
    // Until the files are written, the port's addresses are those of the bridge.
    const own = stanzasOf(files, name);
    const stanzas = own.length > 0 ? stanzasForPort(own, []) : stanzasOf(files, first);
    return { loaded: notedAs(name, 'down', isUp ? 'up' : 'down'), addressing: addressingBy(stanzas) };
  }
  const stanzas = bridgeStanzas(desired, bridge, files, live);
  return { loaded: notedAs(name, 'up', isUp ? 'up' : 'down'), addressing: addressingBy(stanzas) };
}

function notedAs(link: string, wanted: string, actual: string): readonly Difference[] {
  return wanted === actual ? [] : [{ path: `ifupdown.${link}`, wanted, actual }];
}
