import type { Difference } from '../../lib/diff.ts';
import { parseKeyValue } from '../../lib/formats/key_value.ts';
import type { ReadonlyHost } from '../../lib/hosts/readonly_host.ts';
import type { InForce } from '../../lib/module.ts';
import type { IfcfgBridgeState } from '../ifcfg_bridge.ts';
import { primaryAddress } from './ifcfg_address.ts';
import { type BridgeValues, gatewayOf, portMacWord } from './ifcfg_bridge_file.ts';
import { ifcfgPath, isDhcp } from './network_scripts.ts';

const links = '/sys/class/net';

/** What the live system says of a bridge and its port. */
interface Live {
  /** Contents of the files of {@link sysFiles}; those that do not exist are left out. */
  readonly sys: Readonly<Record<string, string>>;
  readonly isBridge: boolean;
  /** Links that are plugged into the bridge. */
  readonly plugged: readonly string[];
  /** IPv4 addresses with their prefix, by link. */
  readonly addresses: readonly { readonly link: string; readonly address: string }[];
  readonly defaultRoutes: readonly string[];
  readonly hasDhcpClient: boolean;
}

/**
 * Says what of a bridge is in force. With `onboot: false` nothing is: the scripts pass over it when the network starts.
 * Only text and `/sys` are read: EL7's `ip` knows no JSON.
 */
export async function bridgeInForce(host: ReadonlyHost, desired: IfcfgBridgeState): Promise<InForce> {
  const { name, port, bridge } = desired;
  if (bridge !== 'absent' && bridge.ONBOOT === 'no') return { loaded: [], settled: [] };
  const [live, file] = await Promise.all([look(host, name, port.name), host.readFile(ifcfgPath(name))]);
  if (bridge === 'absent') return { loaded: whatIsLeft(live, port.name), settled: [] };
  const content = parseKeyValue(file?.text ?? '');
  const address = bridge.address ?? primaryAddress(content);
  const gateway = bridge.GATEWAY ?? gatewayOf(content);
  const dhcp = isDhcp(bridge.BOOTPROTO);
  return {
    loaded: [
      ...linkDifferences(live, name, port.name, bridge),
      ...addressDifferences(live, name, port.name, dhcp, address),
    ],
    settled: [
      ...differ('live.lease', 'an address from the DHCP server', dhcp && !hasAddress(live, name) ? 'none' : undefined),
      ...differ(
        'live.defaultRoute',
        `via ${gateway} dev ${name}`,
        dhcp || gateway === undefined || live.defaultRoutes.some((route) => isRoute(route, gateway, name))
          ? undefined
          : live.defaultRoutes.join(', ') || 'none',
      ),
    ],
  };
}

function linkDifferences(live: Live, name: string, port: string, wanted: BridgeValues): readonly Difference[] {
  if (!live.isBridge) return [{ path: `live.${name}`, wanted: 'a bridge', actual: undefined }];
  const mac = wanted.MACADDR === portMacWord ? live.sys[`${port}/address`] : wanted.MACADDR;
  const delay = wanted.DELAY === undefined ? undefined : String(Number(wanted.DELAY) * 100);
  const stp = wanted.STP === undefined ? undefined : wanted.STP === 'on' ? '1' : '0';
  return [
    ...differ(`live.${port}.master`, name, live.plugged.includes(port) ? undefined : 'none'),
    ...[name, port].flatMap((link) => differ(`live.${link}`, 'up', isUp(live, link) ? undefined : 'down')),
    ...compare(`live.${name}.mac`, mac, live.sys[`${name}/address`]),
    ...compare(`live.${name}.mtu`, wanted.MTU, live.sys[`${name}/mtu`]),
    ...compare(`live.${name}.stp_state`, stp, live.sys[`${name}/bridge/stp_state`]),
    ...compare(`live.${name}.forward_delay`, delay, live.sys[`${name}/bridge/forward_delay`]),
  ];
}

function addressDifferences(
  live: Live,
  name: string,
  port: string,
  dhcp: boolean,
  address: string | undefined,
): readonly Difference[] {
  const onPort = live.addresses.filter(({ link }) => link === port).map((found) => found.address);
  const onBridge = live.addresses.filter(({ link }) => link === name).map((found) => found.address);
  const isThere = address === undefined || onBridge.includes(address);
  return [
    ...differ(`live.${port}.addresses`, 'none', onPort.length === 0 ? undefined : onPort.join(', ')),
    ...(dhcp
      ? differ(`live.${name}.dhcp`, 'a DHCP client', live.hasDhcpClient ? undefined : 'none')
      : differ(`live.${name}.addresses`, address, isThere ? undefined : onBridge.join(', ') || 'none')),
  ];
}

/** A bridge that guests are plugged into stays, and no restart of the network takes it away. */
function whatIsLeft(live: Live, port: string): readonly Difference[] {
  const isPlugged = live.plugged.includes(port);
  const isEmpty = live.isBridge && live.plugged.length === 0;
  return [
    ...differ(`live.${port}.master`, 'none', isPlugged ? 'the bridge' : undefined),
    ...differ('live.bridge', 'absent', isEmpty ? 'present' : undefined),
  ];
}

function differ(path: string, wanted: unknown, actual: string | undefined): readonly Difference[] {
  return actual === undefined ? [] : [{ path, wanted, actual }];
}

function compare(path: string, wanted: string | undefined, actual: string | undefined): readonly Difference[] {
  return wanted === undefined || wanted === actual ? [] : [{ path, wanted, actual }];
}

function isUp(live: Live, link: string): boolean {
  // IFF_UP, the lowest bit; operstate says nothing of a bridge without a carrier.
  return (Number(live.sys[`${link}/flags`] ?? 0) & 1) === 1;
}

function hasAddress(live: Live, name: string): boolean {
  return live.addresses.some(({ link, address }) => link === name && !address.startsWith('169.254.'));
}

function isRoute(route: string, gateway: string, device: string): boolean {
  const words = route.split(/\s+/);
  return words[words.indexOf('via') + 1] === gateway && words[words.indexOf('dev') + 1] === device;
}

async function look(host: ReadonlyHost, name: string, port: string): Promise<Live> {
  const [isBridge, plugged, sys, addresses, routes, processes, hasPidFile] = await Promise.all([
    host.exists(`${links}/${name}/bridge`),
    host.listDirectory(`${links}/${name}/brif`),
    // grep prints the names of several files before their lines, and says nothing of those that are not there.
    host.query(['grep', '-s', '', ...sysFiles(name, port).map((file) => `${links}/${file}`)]),
    host.query(['ip', '-o', '-4', 'address', 'show']),
    host.query(['ip', '-4', 'route', 'show', 'default']),
    host.query(['ps', '-eo', 'args']),
    host.exists(`/var/run/dhclient-${name}.pid`),
  ]);
  return {
    isBridge,
    plugged,
    sys: parseSys(sys.stdout),
    addresses: parseAddresses(addresses.stdout),
    defaultRoutes: routes.stdout.split('\n').filter((line) => line !== ''),
    hasDhcpClient: processes.exitCode === 0 ? hasDhcpClient(processes.stdout, name) : hasPidFile,
  };
}

function sysFiles(name: string, port: string): readonly string[] {
  return [
    ...['flags', 'address', 'mtu', 'bridge/stp_state', 'bridge/forward_delay'].map((file) => `${name}/${file}`),
    ...['flags', 'address'].map((file) => `${port}/${file}`),
  ];
}

function parseSys(output: string): Readonly<Record<string, string>> {
  const prefix = `${links}/`;
  const lines = output.split('\n').filter((line) => line.startsWith(prefix));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(prefix.length, colon), line.slice(colon + 1).trim()];
    }),
  );
}

/** Reads `2: ens33    inet 192.168.221.150/24 brd …`; a VLAN's name is `eth0.5@eth0`. */
function parseAddresses(output: string): Live['addresses'] {
  return [...output.matchAll(/^\d+: ([^\s@]+)\S*\s+inet (\S+)/gm)].map(([, link = '', address = '']) => ({
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
