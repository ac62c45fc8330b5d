import type { PlannedTask } from '../engine/plan_steps.ts';
import { UnsupportedChangeError } from '../errors.ts';
import { inSubnet, parseIpv4, parseIpv4Network } from '../formats/ipv4.ts';
import {
  addressByMac,
  formatIpv6,
  type Ipv6Network,
  inIpv6Subnet,
  isLinkLocal,
  parseIpv6,
  parseIpv6Network,
} from '../formats/ipv6.ts';
import type { ExpectedIpv6, ExpectedLink, TaskReading } from '../task/task.ts';
import type { NetworkChange } from './network_change.ts';
import { type Connection, isIpv6, linkOf, type NetworkState } from './network_state.ts';

/** Seconds that a DHCP server may take to answer. */
const dhcpLimit = 30;
/** Seconds of reserve for everything else. */
const margin = 30;
/** The shortest default, in seconds. */
const leastTime = 60;

/** Returns the seconds within which a change must be confirmed. */
export function timeFor(links: readonly ExpectedLink[]): number {
  const delay = Math.max(0, ...links.map((link) => link.delay ?? 0));
  const dhcp = links.some(({ ipv4 }) => ipv4 === 'dhcp') ? dhcpLimit : 0;
  return Math.max(leastTime, Math.ceil(delay) + dhcp + margin);
}

/** Addresses that the tasks themselves give to the link by which the host is reached, in place of the one that it has. */
export function addressesToCome(links: readonly ExpectedLink[], state: NetworkState): readonly string[] {
  const { connection } = state;
  const carrier = carrierAfter(links, state);
  if (connection === undefined || carrier === undefined) return [];
  if (isIpv6(connection.local)) return ipv6ToCome(carrier, connection, state);
  const address = carrier.ipv4.split('/')[0] ?? '';
  return parseIpv4(address) === undefined || address === connection.local ? [] : [address];
}

function ipv6ToCome(carrier: ExpectedLink, { local }: Connection, state: NetworkState): readonly string[] {
  const { ipv6 } = carrier;
  const address = parseIpv6(local);
  if (address === undefined || staticNetworks(ipv6).some((network) => network.address === address)) return [];
  const own = madeByMac(carrier, address, state);
  const fixed = isLinkLocal(address) ? [] : staticNetworks(ipv6).map((network) => network.address);
  const automatic = own !== undefined && (isLinkLocal(address) || ipv6?.isAutomatic === true) ? [own] : [];
  const coming = [...automatic, ...fixed];
  return coming.includes(address) ? [] : coming.map(formatIpv6);
}

/**
 * The address that the carrier makes for itself in the subnet of an address that it has made for itself before. One that a
 * DHCPv6 server has given (its prefix is 128) comes from there again.
 */
function madeByMac(carrier: ExpectedLink, address: bigint, state: NetworkState): bigint | undefined {
  const has = state.addresses.map((each) => parseIpv6Network(each.address));
  const prefix = has.find((network) => network?.address === address)?.prefix;
  return carrier.mac === undefined || prefix !== 64 ? undefined : addressByMac(address, carrier.mac);
}

/**
 * Refuses a network change after which no path to the controller would be left, of which a secret would stay on the host, or in which
 * one task would write over what another has written. It only computes: the preview refuses so before the first write, and the change
 * once more in its turn.
 * @throws UnsupportedChangeError
 */
export function refuseLockout(
  { options, tasks }: NetworkChange,
  planned: readonly PlannedTask[],
  state: NetworkState,
): void {
  const readings = planned.map(({ inspection }) => inspection.reading);
  const reasons = [
    ...lockoutReasons(readings, state, options.reachAt),
    ...secretReasons(planned),
    ...sharedFileReasons(planned),
  ];
  if (reasons.length > 0) throw new UnsupportedChangeError(reasons.join('\n')).at({ task: tasks[0]?.title });
}

/** The snapshot of a change stays on the host until the next one. */
function secretReasons(planned: readonly PlannedTask[]): readonly string[] {
  return planned.flatMap(({ steps }) =>
    steps.flatMap((step) =>
      'secret' in step && step.secret === true
        ? [`${step.path} holds a secret, and what a network change replaces is kept on the host; change it before`]
        : [],
    ),
  );
}

/** All tasks of a change are planned from one set of reads: the second would write what it has read before the first one wrote. */
function sharedFileReasons(planned: readonly PlannedTask[]): readonly string[] {
  const writers = new Map<string, string[]>();
  for (const { task, steps } of planned) {
    const paths = new Set(
      steps.flatMap((step) => (step.kind === 'write' || step.kind === 'remove' ? [step.path] : [])),
    );
    for (const path of paths) writers.set(path, [...(writers.get(path) ?? []), `'${task.title}'`]);
  }
  return [...writers].flatMap(([path, titles]) =>
    titles.length < 2
      ? []
      : [
          `${titles.join(' and ')} write ${path}, and all tasks of a network change are planned before the first of them writes: put them into network changes of their own, one after the other`,
        ],
  );
}

/**
 * Says why no path to the controller would be left once the tasks are in force, or after the next boot; empty when nothing
 * speaks against it. What cannot be foreseen is proved afterwards.
 * @param elsewhere addresses besides its own at which the host may answer afterwards, by the user's own words
 */
export function lockoutReasons(
  readings: readonly TaskReading[],
  state: NetworkState,
  elsewhere: readonly string[] = [],
): readonly string[] {
  const links = readings.flatMap(({ network }) => network.links);
  return [...readings.flatMap(({ network }) => network.lockout), ...pathReasons(links, state, elsewhere)];
}

function pathReasons(
  links: readonly ExpectedLink[],
  state: NetworkState,
  elsewhere: readonly string[],
): readonly string[] {
  const { connection } = state;
  const link = carrierBefore(state);
  const own = links.find((each) => each.link === link);
  if (connection === undefined || own === undefined) return [];
  const carrier = carrierAfter(links, state);
  const carries = `${link} carries this connection (${connection.local})`;
  if (carrier === undefined) {
    return [`${carries}, and would be plugged into ${own.bridge}, whose address none of these tasks says`];
  }
  if (carrier.isUpAtBoot === false) {
    return [
      `${carries}, and ${carrier.link}, which takes its place, would not come up at the next boot (onboot: false)`,
    ];
  }
  const reason = isIpv6(connection.local)
    ? ipv6Reason(carrier, connection, state, elsewhere)
    : ipv4Reason(carrier, connection);
  return reason === undefined ? [] : [`${carries}, and ${reason}`];
}

function ipv4Reason(carrier: ExpectedLink, { peer }: Connection): string | undefined {
  if (carrier.ipv4 === 'none') return `${carrier.link} would end without an address`;
  const network = parseIpv4Network(carrier.ipv4);
  const address = parseIpv4(peer);
  if (network === undefined || address === undefined || inSubnet(address, network)) return undefined;
  if (carrier.gateway !== undefined || (carrier.routes ?? []).some((route) => leadsTo(route, peer))) return undefined;
  return `${carrier.link} would have ${carrier.ipv4} without a gateway, from where ${peer} (this controller) is out of reach`;
}

function ipv6Reason(
  carrier: ExpectedLink,
  { peer, local }: Connection,
  state: NetworkState,
  elsewhere: readonly string[],
): string | undefined {
  const { link, ipv6, routes = [] } = carrier;
  const address = parseIpv6(local);
  // Every link that is up has an address of its own that holds on the link.
  if (ipv6 === undefined || address === undefined || isLinkLocal(address)) return undefined;
  const networks = staticNetworks(ipv6);
  if (networks.length === 0 && !ipv6.isAutomatic) return `${link} would end without an IPv6 address`;
  if (networks.some((network) => network.address === address) || !ipv6.isAutomatic) {
    const to = parseIpv6(peer);
    const isNear = to !== undefined && networks.some((network) => inIpv6Subnet(to, network));
    const isFar = ipv6.gateway !== undefined || ipv6.isAutomatic || routes.some((route) => leadsTo(route, peer));
    return isNear || isFar
      ? undefined
      : `${link} would have ${ipv6.addresses.join(', ')} without an IPv6 gateway, from where ${peer} (this controller) is out of reach`;
  }
  // One that the host did not make from its MAC may come from a DHCPv6 server, or from a key that nobody sees.
  const before = state.macs.get(carrierBefore(state) ?? '');
  const isByMac = before !== undefined && addressByMac(address, before) === address;
  return isByMac && carrier.mac === undefined && networks.length === 0 && elsewhere.length === 0
    ? `${link} would have a MAC of its own, and so another address from router advertisements, which cannot be foreseen; say mac: 'port', or name the new address in reachAt`
    : undefined;
}

function staticNetworks(ipv6: ExpectedIpv6 | undefined): readonly Ipv6Network[] {
  return (ipv6?.addresses ?? []).flatMap((text) => parseIpv6Network(text) ?? []);
}

/** Tells whether a route's destination holds an address. */
function leadsTo(destination: string, address: string): boolean {
  if (destination === 'default') return true;
  if (isIpv6(address)) {
    const network = parseIpv6Network(destination.includes('/') ? destination : `${destination}/128`);
    const to = parseIpv6(address);
    return network !== undefined && to !== undefined && inIpv6Subnet(to, network);
  }
  const network = parseIpv4Network(destination.includes('/') ? destination : `${destination}/32`);
  const to = parseIpv4(address);
  return network !== undefined && to !== undefined && inSubnet(to, network);
}

/** The link that carries the connection: the one with its address, or, where that is the loopback's or no link's, the way out. */
function carrierBefore(state: NetworkState): string | undefined {
  const { connection, way } = state;
  if (connection === undefined) return undefined;
  const link = linkOf(state, connection.local);
  return link === undefined || link === 'lo' ? way?.link : link;
}

/** What the link that carries the connection comes to. */
function carrierAfter(links: readonly ExpectedLink[], state: NetworkState): ExpectedLink | undefined {
  const link = carrierBefore(state);
  const own = links.find((each) => each.link === link);
  return own && successorOf(own, links);
}

/** What has a link's addresses after the change: itself, the bridge that it is plugged into, or what takes its place. */
export function successorOf(own: ExpectedLink, links: readonly ExpectedLink[]): ExpectedLink | undefined {
  const name = own.bridge ?? own.heir;
  return name === undefined ? own : links.find(({ link }) => link === name);
}
