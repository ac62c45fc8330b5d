import { inSubnet, parseIpv4, parseIpv4Network } from '../formats/ipv4.ts';
import type { LinkOutlook, Reading } from '../module.ts';
import { linkOf, type Surroundings } from './surroundings.ts';

/** Seconds that a DHCP server may take to answer. */
const dhcpLimit = 30;
/** Seconds beside everything that can be foreseen. */
const margin = 30;
/** The least that is computed. */
const leastTime = 60;

/** Says how many seconds a change may take until it must have been confirmed. */
export function timeFor(links: readonly LinkOutlook[]): number {
  const delay = Math.max(0, ...links.map((link) => link.delay ?? 0));
  const dhcp = links.some(({ ipv4 }) => ipv4 === 'dhcp') ? dhcpLimit : 0;
  return Math.max(leastTime, Math.ceil(delay) + dhcp + margin);
}

/** Addresses that the tasks themselves give to the link by which the host is reached. */
export function addressesToCome(links: readonly LinkOutlook[], around: Surroundings): readonly string[] {
  const carrier = carrierAfter(links, around);
  const address = carrier?.ipv4.split('/')[0] ?? '';
  return parseIpv4(address) === undefined || address === around.connection?.local ? [] : [address];
}

/**
 * Says why no path to the controller would be left once the tasks are in force, or after the next boot; empty when nothing
 * speaks against it. What cannot be foreseen is proved afterwards.
 */
export function strandingReasons(readings: readonly Reading[], around: Surroundings): readonly string[] {
  const links = readings.flatMap((reading) => reading.links);
  return [...readings.flatMap(({ strands }) => strands), ...pathReasons(links, around)];
}

function pathReasons(links: readonly LinkOutlook[], around: Surroundings): readonly string[] {
  const { connection } = around;
  const link = connection && linkOf(around, connection.local);
  if (connection === undefined || link === undefined) return [];
  const own = links.find((outlook) => outlook.link === link);
  if (own === undefined) return [];
  const carrier = carrierAfter(links, around);
  const carries = `${link} carries this connection (${connection.local})`;
  if (carrier === undefined) {
    return [`${carries}, and would be plugged into ${own.bridge}, whose address none of these tasks says`];
  }
  if (carrier.ipv4 === 'none') return [`${carries}, and ${carrier.link} would end without an address`];
  const network = parseIpv4Network(carrier.ipv4);
  const peer = parseIpv4(connection.peer);
  if (network === undefined || peer === undefined || inSubnet(peer, network) || carrier.gateway !== undefined)
    return [];
  return [
    `${carries}, and ${carrier.link} would have ${carrier.ipv4} without a gateway, from where ${connection.peer} (this controller) is out of reach`,
  ];
}

/** What the link that carries the connection comes to: itself, or the bridge that it is plugged into. */
function carrierAfter(links: readonly LinkOutlook[], around: Surroundings): LinkOutlook | undefined {
  const link = around.connection && linkOf(around, around.connection.local);
  const own = links.find((outlook) => outlook.link === link);
  return own?.bridge === undefined ? own : links.find((outlook) => outlook.link === own.bridge);
}
