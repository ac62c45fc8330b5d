import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks, StackInForce } from '../stack.ts';
import { readNetworkdFiles } from './files.ts';
import { readNetworkdLinks, unmanagedLinks } from './owner.ts';
import { addressingBy } from './read.ts';

/** Says what systemd-networkd itself says of a bridge: whether it runs the bridge and its ports by the files that are there. */
export async function networkdInForce(
  host: ReadonlyHost,
  { name, bridge, portNames }: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackInForce> {
  const ports = portNames.value;
  const [files, links = []] = await Promise.all([
    readNetworkdFiles(host, name, ports, owned),
    readNetworkdLinks(host, [...ports, name]),
  ]);
  const [first = ''] = ports;
  if (bridge === 'absent') return { loaded: [], addressing: addressingBy(files.ports[first]) };
  const loaded = live.isBridge ? unmanagedLinks(links, [...ports, name]) : [];
  return { loaded, addressing: addressingBy(files.network) };
}
