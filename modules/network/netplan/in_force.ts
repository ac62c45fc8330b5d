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

/** Says what the daemon that netplan writes files for says of a bridge: whether it runs the bridge and its ports by them. */
export async function netplanInForce(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
  renderer: Renderer,
): Promise<StackInForce> {
  const links = [...desired.portNames.value, desired.name];
  const [addressing, notRun] = await Promise.all([
    readAddressing(host, desired, owned, live, renderer),
    renderer === 'networkd' ? notRunByNetworkd(host, links) : notRunByManager(host, links),
  ]);
  // What is not there yet is told by the links themselves.
  return { addressing, loaded: desired.bridge !== 'absent' && live.isBridge ? notRun : [] };
}

async function notRunByNetworkd(host: ReadonlyHost, links: readonly string[]): Promise<readonly Difference[]> {
  return unmanagedLinks((await readNetworkdLinks(host, links)) ?? [], links);
}

async function notRunByManager(host: ReadonlyHost, links: readonly string[]): Promise<readonly Difference[]> {
  const found = (await readManagerLinks(host, links)) ?? [];
  return links.flatMap((link) => {
    const seen = found.find((each) => each.link === link);
    if (seen !== undefined && isRunByNetplan(seen)) return [];
    const actual = seen === undefined ? 'unknown' : `${seen.state}${seen.file === undefined ? '' : ` by ${seen.file}`}`;
    return [{ path: `networkmanager.${link}`, wanted: "connected by netplan's connection", actual }];
  });
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
