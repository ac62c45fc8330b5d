import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';

const links = '/sys/class/net';

/** An address with its prefix, and the link that has it. */
export interface LiveAddress {
  readonly link: string;
  readonly address: string;
  /** True where it has a lifetime: a DHCP server or a router has given it. */
  readonly isDynamic: boolean;
}

/** A link as `ip -d link` describes it. */
export interface LinkDetails {
  readonly name: string;
  /** The link that it lies on; undefined where it is none's. */
  readonly lower: string | undefined;
  readonly mtu: number | undefined;
  /** What its addresses are: `ether`, `infiniband`, `none`. */
  readonly addresses: string;
  /** What made it: `bridge`, `vlan`, `macvlan`, `tun`; empty for hardware and for what is not known. */
  readonly kind: string;
}

/** The live state of a bridge and its ports, whatever network stack has made them. */
export interface LiveBridge {
  /** Contents of the files of {@link sysFiles}, e.g. of `br0/bridge/stp_state`; those that do not exist are left out. */
  readonly sys: Readonly<Record<string, string>>;
  /** Names of all links but the loopback. */
  readonly names: readonly string[];
  /** All links, as `ip -d link` describes them. */
  readonly details: readonly LinkDetails[];
  /** The links' MACs in lower case, of the bridge and its ports. */
  readonly macs: Readonly<Record<string, string>>;
  readonly isBridge: boolean;
  /** Ports that are bridges themselves. */
  readonly bridges: readonly string[];
  /** Links that are plugged into the bridge. */
  readonly plugged: readonly string[];
  /** The bridge that each port is plugged into; ports that are in none are left out. */
  readonly masters: Readonly<Record<string, string>>;
  /** Ports that are wireless. */
  readonly wireless: readonly string[];
  /** IPv4 addresses. */
  readonly addresses: readonly LiveAddress[];
  /** IPv6 addresses, without those that hold on one link only. */
  readonly ipv6Addresses: readonly LiveAddress[];
  /** IPv4's default routes of the main table, as `ip` prints them. */
  readonly defaultRoutes: readonly string[];
  /** IPv6's default routes of the main table, as `ip` prints them. */
  readonly ipv6DefaultRoutes: readonly string[];
}

/** Looks at a bridge and its ports in one turn. Only text and `/sys`: EL7's `ip` knows no JSON. */
export async function readLiveBridge(host: ReadonlyHost, name: string, ports: readonly string[]): Promise<LiveBridge> {
  const those = async (names: readonly string[], file: string): Promise<readonly string[]> => {
    const found = await Promise.all(names.map((link) => host.exists(`${links}/${link}/${file}`)));
    return names.filter((_, index) => found[index]);
  };
  const [names, isBridge, bridges, plugged, sys, macs, masters, wireless, ip] = await Promise.all([
    host.listDirectory(links),
    host.exists(`${links}/${name}/bridge`),
    those(ports, 'bridge'),
    host.listDirectory(`${links}/${name}/brif`),
    grepFiles(host, links, sysFiles(name, ports)),
    Promise.all([name, ...ports].map(async (link) => [link, await readMac(host, link)] as const)),
    Promise.all(ports.map((port) => host.query(['readlink', `${links}/${port}/master`]))),
    those(ports, 'phy80211'),
    askIp(host, {
      details: ['-o', '-d', 'link', 'show'],
      addresses: ['-o', '-4', 'address', 'show'],
      addresses6: ['-o', '-6', 'address', 'show'],
      routes: ['-4', 'route', 'show', 'default'],
      routes6: ['-6', 'route', 'show', 'default'],
    }),
  ]);
  return {
    sys,
    names: names.filter((link) => !['bonding_masters', 'lo'].includes(link)),
    details: parseLinkDetails(ip.details),
    macs: Object.fromEntries(macs.flatMap(([link, mac]) => (mac === undefined ? [] : [[link, mac]]))),
    isBridge,
    bridges,
    plugged,
    masters: Object.fromEntries(
      ports.flatMap((port, index) => {
        const master = masters[index]?.stdout.trim().split('/').at(-1) ?? '';
        return master === '' ? [] : [[port, master]];
      }),
    ),
    wireless,
    addresses: parseAddresses(ip.addresses),
    ipv6Addresses: parseAddresses(ip.addresses6).filter(({ address }) => !address.startsWith('fe80:')),
    defaultRoutes: linesWith(ip.routes, ''),
    ipv6DefaultRoutes: linesWith(ip.routes6, ''),
  };
}

/** Asks `ip` several questions in one turn, and gives its answers by the same names. */
export async function askIp<Name extends string>(
  host: ReadonlyHost,
  questions: Readonly<Record<Name, readonly string[]>>,
): Promise<Readonly<Record<Name, string>>>;
export async function askIp(
  host: ReadonlyHost,
  questions: Readonly<Record<string, readonly string[]>>,
): Promise<Readonly<Record<string, string>>> {
  const answers = Object.entries(questions).map(
    async ([name, argv]) => [name, (await host.query(['ip', ...argv])).stdout] as const,
  );
  return Object.fromEntries(await Promise.all(answers));
}

/** Reads small files of `/sys` or `/proc`, by their names below a directory; those that do not exist are left out. */
export async function grepFiles(
  host: ReadonlyHost,
  directory: string,
  names: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  // grep prints the names of several files before their lines, and says nothing of those that are not there.
  const { stdout } = await host.query(['grep', '-s', '', ...names.map((name) => `${directory}/${name}`)]);
  const lines = linesWith(stdout, '').filter((line) => line.startsWith(`${directory}/`));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(directory.length + 1, colon), line.slice(colon + 1).trim()];
    }),
  );
}

/** Tells whether a link is up: IFF_UP, the lowest bit; operstate says nothing of a bridge without a carrier. */
export function isUp({ sys }: LiveBridge, link: string): boolean {
  return (Number(sys[`${link}/flags`] ?? 0) & 1) === 1;
}

/** Returns a link's MAC in lower case; undefined where there is no such link. */
export async function readMac(host: ReadonlyHost, link: string): Promise<string | undefined> {
  const { stdout } = await host.query(['cat', `${links}/${link}/address`]);
  return stdout.trim() === '' ? undefined : stdout.trim().toLowerCase();
}

/** Returns a link's MTU; undefined where there is no such link. */
export function mtuOf({ details }: LiveBridge, link: string): number | undefined {
  return details.find(({ name }) => name === link)?.mtu;
}

/** Returns a link's IPv4 addresses, with their prefixes. */
export function addressesOn({ addresses }: LiveBridge, link: string): readonly string[] {
  return addresses.filter((found) => found.link === link).map(({ address }) => address);
}

/** Tells whether a route's line names this gateway and this device. */
export function isRouteVia(route: string, gateway: string, device: string): boolean {
  const words = route.split(/\s+/);
  return words[words.indexOf('via') + 1] === gateway && words[words.indexOf('dev') + 1] === device;
}

/**
 * Returns the metrics of a link's default routes, where another link has such a route too: NetworkManager puts a bridge's routes behind
 * those of other links (metric 425), and the host would answer by the other link.
 */
export function metricsToKeep(
  link: string,
  { defaultRoutes, ipv6DefaultRoutes }: LiveBridge,
): { readonly ipv4?: string; readonly ipv6?: string } {
  const metricOf = (routes: readonly string[]): string | undefined => {
    const isOwn = (route: string): boolean => ` ${route} `.includes(` dev ${link} `);
    const own = routes.find(isOwn);
    if (own === undefined || routes.every(isOwn)) return undefined;
    return / metric (\d+)/.exec(own)?.[1];
  };
  const [ipv4, ipv6] = [metricOf(defaultRoutes), metricOf(ipv6DefaultRoutes)];
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

/** Returns the lines of an output that hold a text; blank lines are left out. */
export function linesWith(output: string, part: string): readonly string[] {
  return output.split('\n').filter((line) => line !== '' && `${line} `.includes(part));
}

function sysFiles(name: string, ports: readonly string[]): readonly string[] {
  return [
    ...['flags', 'address', 'mtu', 'bridge/stp_state', 'bridge/forward_delay'].map((file) => `${name}/${file}`),
    ...ports.flatMap((port) => ['flags', 'address'].map((file) => `${port}/${file}`)),
  ];
}

/** Reads `2: ens33    inet 192.168.221.150/24 brd …`; a VLAN's name is `eth0.5@eth0`. */
function parseAddresses(output: string): readonly LiveAddress[] {
  return [...output.matchAll(/^\d+: ([^\s@]+)\S*\s+inet6? (\S+)(.*)/gm)].map(([, link = '', address = '', rest]) => ({
    link,
    address,
    isDynamic: / dynamic\b/.test(rest ?? ''),
  }));
}

/** The kind stands behind the addresses, each with details of its own; `bridge_slave` says what it is plugged into. */
const kindPattern =
  /\\\s+(bond|bridge|dummy|geneve|gretap|gre|ipip|ipvlan|ipvtap|macvlan|macvtap|sit|team|tun|veth|vlan|vti|vxlan|wireguard|openvswitch)\b/;

/** Reads `2: ens33@if7: <…> mtu 1500 … \    link/ether 52:54:… brd … promiscuity 0 \    macvlan mode bridge …`. */
export function parseLinkDetails(output: string): readonly LinkDetails[] {
  return output.split('\n').flatMap((line) => {
    const [, name, lower, rest = ''] = /^\d+: ([^\s:@]+)(?:@([^\s:]+))?: (.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const kind = kindPattern.exec(rest)?.[1] ?? '';
    const mtu = / mtu (\d+)/.exec(` ${rest}`)?.[1];
    return [
      {
        name,
        lower,
        mtu: mtu === undefined ? undefined : Number(mtu),
        addresses: /link\/(\S+)/.exec(rest)?.[1] ?? '',
        kind,
      },
    ];
  });
}
