import { shellProgram } from '../process/package_files.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';

/** Who talks to the host, and where it is reached. Addresses of either family, without a zone. */
export interface Connection {
  /** The controller's address, as the host sees it. */
  readonly peer: string;
  /** The host's own address of this connection. */
  readonly local: string;
}

/** The next hop of packets. */
export interface Way {
  readonly link: string;
  /** The gateway; undefined where the destination is on the link itself. */
  readonly via: string | undefined;
}

/** The state of a host's network. */
export interface NetworkState {
  /** The connection of this session; undefined on this very machine. */
  readonly connection: Connection | undefined;
  /** Where packets of this connection go, by the host's own rules and all of its tables; undefined where it has no answer. */
  readonly way: Way | undefined;
  /** IPv4 and IPv6 addresses with their prefix, by link. */
  readonly addresses: readonly { readonly link: string; readonly address: string }[];
  /** The default routes of the main table that go via a gateway: first IPv4, then IPv6, the preferred ones first. */
  readonly gateways: readonly { readonly link: string; readonly via: string }[];
  /** Every link, and the one that it is plugged into; empty where that is none. */
  readonly masters: ReadonlyMap<string, string>;
  /** Every link's MAC. */
  readonly macs: ReadonlyMap<string, string>;
}

/** Script text that asks for the route of the connection's packets. A link-local address needs its link, which sshd shows as the zone. */
export function wayScript(): string {
  return shellProgram('lib/network_change/on_host/way.sh');
}

/** Script text that prints each link's name, MAC and bridge. */
export function linksScript(): string {
  return shellProgram('lib/network_change/on_host/links.sh');
}

/** Looks at a host's network, in one request. Text and `/sys` only: EL7's `ip` knows no JSON. */
export async function readNetworkState(host: ReadonlyHost): Promise<NetworkState> {
  const [connection, way, addresses, ipv4Routes, ipv6Routes, links] = await Promise.all([
    host.query(['sh', '-c', 'printf %s "$SSH_CONNECTION"']),
    host.query(['sh', '-c', wayScript()]),
    host.query(['ip', '-o', 'address', 'show']),
    host.query(['ip', '-4', 'route', 'show', 'default']),
    host.query(['ip', '-6', 'route', 'show', 'default']),
    host.query(['sh', '-c', linksScript()]),
  ]);
  const ofLinks = [...links.stdout.matchAll(/^(\S+) (\S*) (?:\S*\/)?(\S*)$/gm)];
  return {
    connection: parseConnection(connection.stdout),
    way: parseWay(way.stdout),
    addresses: parseAddresses(addresses.stdout),
    gateways: [...parseGateways(ipv4Routes.stdout), ...parseGateways(ipv6Routes.stdout)],
    masters: new Map(ofLinks.map(([, link = '', , master = '']) => [link, master])),
    macs: new Map(ofLinks.map(([, link = '', mac = '']) => [link, mac])),
  };
}

/** The link that carries an address; undefined when none does (an address that is translated on the way). */
export function linkOf({ addresses }: NetworkState, address: string): string | undefined {
  return addresses.find((found) => found.address.split('/')[0] === address)?.link;
}

/** Tells whether an address is one of IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}

/** Reads what sshd says: the client's address and port, the server's address and port. */
function parseConnection(text: string): Connection | undefined {
  const [peer, , local] = text.trim().split(' ');
  return peer === undefined || local === undefined ? undefined : { peer: plain(peer), local: plain(local) };
}

/** sshd that listens on IPv6 alone shows IPv4 addresses as `::ffff:192.0.2.1`, and link-local ones with their zone. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}

/** Reads `10.0.0.5 from 192.168.221.150 via 192.168.221.1 dev ens33 …`. */
function parseWay(text: string): Way | undefined {
  const [first = ''] = text.split('\n');
  const link = wordAfter('dev', first);
  return link === undefined ? undefined : { link, via: wordAfter('via', first) };
}

/** Reads `2: ens33    inet 192.168.221.150/24 brd …`; a VLAN's name is `eth0.5@eth0`. A peer's address has none of the host's. */
function parseAddresses(text: string): NetworkState['addresses'] {
  return [...text.matchAll(/^\d+: ([^\s@]+)\S*\s+inet6? (\S+)(.*)$/gm)].flatMap(
    ([, link = '', address = '', rest = '']) => (rest.includes(' dadfailed') ? [] : [{ link, address }]),
  );
}

/** Reads `default via 192.168.221.1 dev ens33 …`, and the hops of a route that has several. */
function parseGateways(text: string): NetworkState['gateways'] {
  return text.split('\n').flatMap((line) => {
    if (!/^(?:default|\s+nexthop) /.test(line)) return [];
    const [via, link] = [wordAfter('via', line), wordAfter('dev', line)];
    return via === undefined || link === undefined ? [] : [{ link, via }];
  });
}

/** `via inet6 fe80::1` is what an IPv4 route says that goes via an IPv6 gateway. */
function wordAfter(word: string, line: string): string | undefined {
  return new RegExp(`(?:^|\\s)${word} (?:inet6? )?(\\S+)`).exec(line)?.[1];
}
