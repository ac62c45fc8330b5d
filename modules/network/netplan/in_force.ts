import type { Difference } from '../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import { addressingOf } from '../expected.ts';
import type { LiveBridge } from '../live.ts';
import { readNetworkdLinks, unmanagedLinks } from '../networkd/owner.ts';
import type { Addressing, OwnedLinks, StackInForce } from '../stack.ts';
import { definitions } from './definitions.ts';
import { readNetplanFiles } from './files.ts';
import { isRunByNetplan, readManagerLinks } from './owner.ts';
import { type Renderer, settingsOf } from './settings.ts';

/** Says what systemd-networkd says of a bridge: whether it runs the bridge and its ports. */
export async function inForceByNetworkd(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackInForce> {
  const links = [...desired.portNames.value, desired.name];
  const [addressing, found = []] = await Promise.all([
    readAddressing(host, desired, owned, live, 'networkd'),
    readNetworkdLinks(host, links),
  ]);
  const isLooked = desired.bridge !== 'absent' && live.isBridge;
  return { addressing, loaded: isLooked ? unmanagedLinks(found, links) : [] };
}

/** Says what NetworkManager says of a bridge: whether it runs the bridge and its ports by netplan's connections. */
export async function inForceByManager(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackInForce> {
  const links = [...desired.portNames.value, desired.name];
  const [addressing, found = []] = await Promise.all([
    readAddressing(host, desired, owned, live, 'NetworkManager'),
    readManagerLinks(host, links),
  ]);
  if (desired.bridge === 'absent' || !live.isBridge) return { addressing, loaded: [] };
  const loaded = links.flatMap((link): readonly Difference[] => {
    const seen = found.find((each) => each.link === link);
    if (seen !== undefined && isRunByNetplan(seen)) return [];
    const actual = seen === undefined ? 'unknown' : `${seen.state}${seen.file === undefined ? '' : ` by ${seen.file}`}`;
    return [{ path: `networkmanager.${link}`, wanted: "connected by netplan's connection", actual }];
  });
  return { addressing, loaded };
}

/** How the bridge, or its first port once it is absent, is to be addressed. */
async function readAddressing(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
  renderer: Renderer,
): Promise<Addressing> {
  const { bridge, ports } = definitions(await readNetplanFiles(host), desired, owned, live);
  const value = desired.bridge === 'absent' ? ports[desired.portNames.value[0] ?? '']?.value : bridge;
  return addressingOf(value && settingsOf(value, undefined, undefined, renderer));
}
