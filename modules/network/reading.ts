import type { ModuleReading } from '../../lib/engine/module_spec.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Step } from '../../lib/task/step.ts';
import type { ExpectedLink, InForce } from '../../lib/task/task.ts';
import { bridgeFilterWarnings } from '../common/bridge_netfilter.ts';
import type { BridgeSettings, BridgeState } from './bridge_state.ts';
import { firewalldWarnings } from './firewalld.ts';
import { liveDifferences } from './in_force.ts';
import { type LiveBridge, readLiveBridge } from './live.ts';
import { missingPorts } from './missing_ports.ts';
import { linkRefusals } from './port_refusals.ts';
import { portWarnings } from './port_warnings.ts';
import { findStack } from './stacks.ts';

/** What planning a bridge needs besides the state. */
export interface FoundBridge {
  /** Sentences that say why the bridge cannot be changed. */
  readonly refusals: readonly string[];
  /** The steps that write the desired files. */
  readonly steps: () => readonly Step[];
}

/** Reads what a bridge and its ports are now, by the files of the stack that owns them. */
export async function readBridge(
  host: ReadonlyHost,
  wanted: BridgeState,
): Promise<ModuleReading<BridgeState, FoundBridge>> {
  const { name, bridge, portNames } = wanted;
  const [found, live, ...warned] = await Promise.all([
    findStack(host, wanted),
    readLiveBridge(host, name, portNames.value),
    bridgeFilterWarnings(host, bridge === 'absent' ? [] : [name]),
    bridge === 'absent' ? [] : firewalldWarnings(host, name, portNames.value),
  ]);
  const commonWarnings = warned.flat();
  const missing = missingPorts(wanted, live);
  if ('refusal' in found) {
    const isGone = bridge === 'absent' && !live.isBridge;
    const warnings = isGone ? [] : commonWarnings;
    return { state: { name }, found: { refusals: [found.refusal], steps: () => [] }, missing, warnings };
  }
  const reading = await found.stack.read(host, wanted, found.owned, live);
  const refusals = [
    ...reading.refusals,
    ...(bridge === 'absent' ? guestRefusals(wanted, live) : madeByHand(wanted, live, reading.bridge)),
  ];
  return {
    state: { name, bridge: reading.bridge ?? (bridge === 'absent' ? 'absent' : {}), ports: reading.ports },
    found: { refusals, steps: () => reading.steps() },
    missing: [...missing, ...reading.missing],
    warnings: [
      ...reading.warnings,
      ...(bridge === 'absent' ? [] : portWarnings(wanted, live)),
      ...nameServerWarnings(wanted, reading.bridge, live),
      ...commonWarnings,
    ],
    network: { links: [...reading.links, ...leavingPorts(wanted, reading.links)] },
  };
}

/** Ports that leave the bridge with the first one: a network change must not take them for guests that have lost their bridge. */
function leavingPorts({ bridge, portNames }: BridgeState, links: readonly ExpectedLink[]): readonly ExpectedLink[] {
  if (bridge !== 'absent') return [];
  const others = portNames.value.filter((port) => !links.some(({ link }) => link === port));
  return others.map((link) => ({ link, ipv4: 'none' }));
}

/** A DHCP server's name servers go with its lease, and most stacks have none then. */
function nameServerWarnings(
  { name, bridge, portNames }: BridgeState,
  described: BridgeSettings | undefined,
  { addresses }: LiveBridge,
): readonly string[] {
  if (bridge === 'absent' || typeof bridge.ipv4 !== 'object' || bridge.dns !== undefined) return [];
  const hasOwn = described?.dns !== undefined && described.dns.length > 0;
  const isLeased = addresses.some(({ link, isDynamic }) => isDynamic && [name, ...portNames.value].includes(link));
  if (hasOwn || !isLeased) return [];
  return [
    `${name} gets a static address, and the name servers that the DHCP server has given are gone with its lease: name them by 'dns' (and domains by 'search'), unless files of the host name some`,
  ];
}

/** No stack describes the bridge, and yet it is there: stacks take over such a bridge only in part, or not at all. */
function madeByHand(
  { name, portNames }: BridgeState,
  live: LiveBridge,
  described: BridgeSettings | undefined,
): readonly string[] {
  const refusals = portNames.value.flatMap((port) => linkRefusals(name, port, live));
  if (described !== undefined || !live.names.includes(name)) return refusals;
  const what = live.isBridge
    ? `${name} exists already, and no file describes it: somebody made it by hand, or another program did; ${removalOf(portNames.value, live)}`
    : `${name} exists and is no bridge; choose another name`;
  return [...refusals, what];
}

function removalOf(ports: readonly string[], { plugged }: LiveBridge): string {
  return plugged.some((link) => ports.includes(link))
    ? "a bridge and network task with state: 'absent', in a networkChange, takes it away and has the files of its port loaded (by hand the host would lose its address)"
    : 'remove it first (ip link delete), or choose another name';
}

function guestRefusals({ name, portNames, mayCutGuests }: BridgeState, { plugged }: LiveBridge): readonly string[] {
  const guests = plugged.filter((link) => !portNames.value.includes(link));
  if (guests.length === 0 || mayCutGuests.value) return [];
  return [
    `${guests.join(', ')} on ${name}: without ${portNames.value.join(', ')} in it, what is plugged in there has no way to the LAN; shut those guests down first, or say disrupts: ['guest'] in this task`,
  ];
}

/** Says what of a bridge does not hold in the running system, by what all stacks have in common and by the owner's own words. */
export async function bridgeInForce(host: ReadonlyHost, wanted: BridgeState): Promise<InForce> {
  if (wanted.bridge !== 'absent' && wanted.bridge.onboot === false) return { loaded: [], settled: [] };
  const [found, live] = await Promise.all([
    findStack(host, wanted),
    readLiveBridge(host, wanted.name, wanted.portNames.value),
  ]);
  if ('refusal' in found) {
    const nothing = { isDhcp: false, addresses: [], gateways: [] };
    return liveDifferences(wanted, nothing, live);
  }
  const { addressing, loaded, ...more } = await found.stack.inForce(host, wanted, found.owned, live);
  const common = liveDifferences(wanted, addressing, live);
  return { loaded: [...common.loaded, ...loaded], settled: common.settled, ...more };
}
