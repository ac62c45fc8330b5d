import type { Difference } from '../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import { type LiveBridge, mtuOf } from '../live.ts';
import type { OwnedLinks, StackInForce } from '../stack.ts';
import { type NetworkdFiles, readNetworkdFiles } from './files.ts';
import { type NetworkdLink, readNetworkdLinks, unmanagedLinks } from './owner.ts';
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
  const loaded = live.isBridge ? [...unmanagedLinks(links, [...ports, name]), ...otherFile(name, links, files)] : [];
  const mtus = bridge.mtu === undefined ? [] : otherMtus(ports, bridge.mtu, live);
  return { loaded: [...loaded, ...mtus], addressing: addressingBy(files.network) };
}

/** A bridge that another file was given to is not addressed by its own: that file comes first and matches the bridge too. */
function otherFile(name: string, links: readonly NetworkdLink[], { network }: NetworkdFiles): readonly Difference[] {
  const actual = links.find(({ link }) => link === name)?.file;
  if (actual === undefined || network === undefined || actual === network.path) return [];
  return [{ path: `networkd.${name}.file`, wanted: network.path, actual }];
}

function otherMtus(ports: readonly string[], wanted: number, live: LiveBridge): readonly Difference[] {
  return ports.flatMap((port) => {
    const actual = mtuOf(live, port);
    return actual === undefined || actual === wanted ? [] : [{ path: `live.${port}.mtu`, wanted, actual }];
  });
}
