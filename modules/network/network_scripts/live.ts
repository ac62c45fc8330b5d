import { type LiveIpRule, parseIpRules, parseRoutingTables } from '../../../lib/formats/ip_rule.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';

const links = '/sys/class/net';
/** Kernel parameters of the links' IPv6. */
const ipv6Parameters = '/proc/sys/net/ipv6/conf';
/** Names of routing tables. */
export const routingTables = '/etc/iproute2/rt_tables';

/** An address with its prefix, and the link that has it. */
interface LiveAddress {
  readonly link: string;
  readonly address: string;
}

/** The live state of a bridge and its port. */
export interface Live {
  /** Contents of the files of {@link sysFiles}; those that do not exist are left out. */
  readonly sys: Readonly<Record<string, string>>;
  /** The same of `disable_ipv6` and `accept_ra`, by `br0/accept_ra`; all are left out where the kernel has no IPv6. */
  readonly ipv6: Readonly<Record<string, string>>;
  readonly isBridge: boolean;
  /** Links that are plugged into the bridge. */
  readonly plugged: readonly string[];
  /** IPv4 addresses. */
  readonly addresses: readonly LiveAddress[];
  /** IPv6 addresses that a router's advertisements, or a DHCP server, gave. */
  readonly givenIpv6: readonly LiveAddress[];
  /** IPv4's default routes, as `ip` prints them. */
  readonly defaultRoutes: readonly string[];
  /** IPv6's default routes that routers advertise. */
  readonly advertisedRoutes: readonly string[];
  /** Links that a DHCP client asks for. */
  readonly dhcpClients: readonly string[];
  readonly rules: { readonly ipv4: readonly LiveIpRule[]; readonly ipv6: readonly LiveIpRule[] };
  /** Names of routing tables by number. */
  readonly tables: ReadonlyMap<string, string>;
}

/** Looks at them in one turn. Only text, `/sys` and `/proc`: EL7's `ip` knows no JSON. */
export async function readLiveBridge(host: ReadonlyHost, name: string, port: string): Promise<Live> {
  const grep = (from: string, files: readonly string[]) =>
    // grep prints the names of several files before their lines, and says nothing of those that are not there.
    host.query(['grep', '-s', '', ...files.map((file) => `${from}/${file}`)]);
  const [isBridge, plugged, tableNames, sys, ipv6, dhcpClients, ip] = await Promise.all([
    host.exists(`${links}/${name}/bridge`),
    host.listDirectory(`${links}/${name}/brif`),
    host.readFile(routingTables),
    grep(links, sysFiles(name, port)),
    grep(ipv6Parameters, ipv6Files(name)),
    readDhcpClients(host, [name, port]),
    askIp(host, {
      addresses: ['-o', '-4', 'address', 'show'],
      addresses6: ['-o', '-6', 'address', 'show'],
      routes: ['-4', 'route', 'show', 'default'],
      routes6: ['-6', 'route', 'show', 'default'],
      rules: ['-4', 'rule', 'show'],
      rules6: ['-6', 'rule', 'show'],
    }),
  ]);
  const tables = parseRoutingTables(tableNames?.text ?? '');
  return {
    isBridge,
    plugged,
    sys: parseFiles(sys.stdout, links),
    ipv6: parseFiles(ipv6.stdout, ipv6Parameters),
    addresses: parseAddresses(ip.addresses),
    givenIpv6: parseAddresses(linesWith(ip.addresses6, ' dynamic').join('\n')),
    defaultRoutes: linesWith(ip.routes, ''),
    advertisedRoutes: linesWith(ip.routes6, ' proto ra '),
    dhcpClients,
    rules: { ipv4: parseIpRules(ip.rules, tables), ipv6: parseIpRules(ip.rules6, tables) },
    tables,
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

async function readDhcpClients(host: ReadonlyHost, among: readonly string[]): Promise<readonly string[]> {
  const [ps, ...pidFiles] = await Promise.all([
    host.query(['ps', '-eo', 'args']),
    ...among.map((link) => host.exists(`/var/run/dhclient-${link}.pid`)),
  ]);
  return among.filter((link, index) => (ps.exitCode === 0 ? hasDhcpClient(ps.stdout, link) : pidFiles[index]));
}

/** Tells whether a link is up: IFF_UP, the lowest bit; operstate says nothing of a bridge without a carrier. */
export function isUp({ sys }: Live, link: string): boolean {
  return (Number(sys[`${link}/flags`] ?? 0) & 1) === 1;
}

/** Returns a link's IPv4 addresses, with their prefixes. */
export function addressesOn({ addresses }: Live, link: string): readonly string[] {
  return addresses.filter((found) => found.link === link).map(({ address }) => address);
}

/** Tells whether a route's line names this gateway and this device. */
export function isRouteVia(route: string, gateway: string, device: string): boolean {
  const words = route.split(/\s+/);
  return words[words.indexOf('via') + 1] === gateway && words[words.indexOf('dev') + 1] === device;
}

function sysFiles(name: string, port: string): readonly string[] {
  return [
    ...['flags', 'address', 'mtu', 'bridge/stp_state', 'bridge/forward_delay'].map((file) => `${name}/${file}`),
    ...['flags', 'address'].map((file) => `${port}/${file}`),
  ];
}

function ipv6Files(name: string): readonly string[] {
  return [`${name}/disable_ipv6`, `${name}/accept_ra`, 'all/disable_ipv6', 'default/disable_ipv6'];
}

function parseFiles(output: string, from: string): Readonly<Record<string, string>> {
  const lines = linesWith(output, '').filter((line) => line.startsWith(`${from}/`));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(from.length + 1, colon), line.slice(colon + 1).trim()];
    }),
  );
}

function linesWith(output: string, part: string): readonly string[] {
  return output.split('\n').filter((line) => line !== '' && `${line} `.includes(part));
}

/** Reads `2: ens33    inet 192.168.221.150/24 brd …`; a VLAN's name is `eth0.5@eth0`. */
function parseAddresses(output: string): readonly LiveAddress[] {
  return [...output.matchAll(/^\d+: ([^\s@]+)\S*\s+inet6? (\S+)/gm)].map(([, link = '', address = '']) => ({
    link,
    address,
  }));
}

/** The scripts start `dhclient … -pf /var/run/dhclient-br0.pid br0`. */
function hasDhcpClient(output: string, link: string): boolean {
  return output.split('\n').some((line) => {
    const words = line.trim().split(/\s+/);
    return /(?:^|\/)dhclient$/.test(words[0] ?? '') && !words.includes('-6') && words.slice(1).includes(link);
  });
}
