import { type LiveIpRule, parseIpRules, parseRoutingTables } from '../../../../lib/formats/ip_rule.ts';
import type { ReadonlyHost } from '../../../../lib/task/readonly_host.ts';
import { askIp, grepFiles, type LiveAddress, type LiveBridge, linesWith, readLiveBridge } from '../../live.ts';
import { routingTables } from '../network_scripts.ts';

/** Kernel parameters of the links' IPv6. */
const ipv6Parameters = '/proc/sys/net/ipv6/conf';

/** The live state of a bridge and its ports, with what only the network scripts have a part in. */
export interface Live extends LiveBridge {
  /** Values of `disable_ipv6` and `accept_ra`, by `br0/accept_ra`; all are left out where the kernel has no IPv6. */
  readonly ipv6: Readonly<Record<string, string>>;
  /** IPv6 addresses that a router's advertisements, or a DHCP server, gave. */
  readonly givenIpv6: readonly LiveAddress[];
  /** IPv6's default routes that routers advertise. */
  readonly advertisedRoutes: readonly string[];
  /** Links that a DHCP client asks for. */
  readonly dhcpClients: readonly string[];
  readonly rules: { readonly ipv4: readonly LiveIpRule[]; readonly ipv6: readonly LiveIpRule[] };
  /** Names of routing tables by number. */
  readonly tables: ReadonlyMap<string, string>;
}

/**
 * Looks at them in one turn.
 * @param known what has been seen of the links already
 */
export async function readLive(
  host: ReadonlyHost,
  name: string,
  ports: readonly string[],
  known?: LiveBridge,
): Promise<Live> {
  const [live, tableNames, ipv6, dhcpClients, ip] = await Promise.all([
    known ?? readLiveBridge(host, name, ports),
    host.readFile(routingTables),
    grepFiles(host, ipv6Parameters, ipv6Files(name)),
    readDhcpClients(host, [name, ...ports]),
    askIp(host, { rules: ['-4', 'rule', 'show'], rules6: ['-6', 'rule', 'show'] }),
  ]);
  const tables = parseRoutingTables(tableNames?.text ?? '');
  return {
    ...live,
    ipv6,
    givenIpv6: live.ipv6Addresses.filter(({ isDynamic }) => isDynamic),
    advertisedRoutes: live.ipv6DefaultRoutes.filter((route) => linesWith(route, ' proto ra ').length > 0),
    dhcpClients,
    rules: { ipv4: parseIpRules(ip.rules, tables), ipv6: parseIpRules(ip.rules6, tables) },
    tables,
  };
}

async function readDhcpClients(host: ReadonlyHost, among: readonly string[]): Promise<readonly string[]> {
  const [ps, ...pidFiles] = await Promise.all([
    host.query(['ps', '-eo', 'args']),
    ...among.map((link) => host.exists(`/var/run/dhclient-${link}.pid`)),
  ]);
  return among.filter((link, index) => (ps.exitCode === 0 ? hasDhcpClient(ps.stdout, link) : pidFiles[index]));
}

function ipv6Files(name: string): readonly string[] {
  return [`${name}/disable_ipv6`, `${name}/accept_ra`, 'all/disable_ipv6', 'default/disable_ipv6'];
}

/** The scripts start `dhclient … -pf /var/run/dhclient-br0.pid br0`. */
function hasDhcpClient(output: string, link: string): boolean {
  return output.split('\n').some((line) => {
    const words = line.trim().split(/\s+/);
    return /(?:^|\/)dhclient$/.test(words[0] ?? '') && !words.includes('-6') && words.slice(1).includes(link);
  });
}
