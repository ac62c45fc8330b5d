import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import { ArgumentError } from '../lib/errors.ts';
import {
  formatIpv4,
  type Ipv4Network,
  inSubnet,
  parseIpv4,
  prefixOfNetmask,
  whyNoHostAddress,
} from '../lib/formats/ipv4.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { once } from '../lib/task/diff.ts';
import type { TaskOptions } from '../lib/task/task.ts';
import { found, line } from '../lib/validation/schemas.ts';
import { portMacWord } from './network/network_scripts/file.ts';
import { bridgeInForce } from './network/network_scripts/in_force.ts';
import { planBridge } from './network/network_scripts/plan.ts';
import { readBridge } from './network/network_scripts/read.ts';
import type { BridgeValues, IfcfgBridgeState } from './network/network_scripts/state.ts';

/** Arguments of {@link ifcfgBridge}. */
export interface IfcfgBridgeArgs {
  /** The bridge's name, e.g. `br0`: at most 15 letters, digits, `-` and `_`. */
  readonly name: string;
  /** The interface that becomes its port, e.g. `ens33`. */
  readonly port: string;
  /**
   * How the bridge gets its address: from a DHCP server (`dhcp`, the default), or `static` from `address` or, without it, from
   * what the port's file says. `none` is a bridge without an address, unless one is given or the port has one.
   */
  readonly bootproto?: 'dhcp' | 'static' | 'none';
  /** The bridge's IPv4 address, `192.168.221.150/24`, or without the prefix beside `netmask`. Not with DHCP. */
  readonly address?: string;
  /** The netmask of an `address` without prefix, e.g. `255.255.255.0`. */
  readonly netmask?: string;
  /** The default route's gateway, in the address's subnet. */
  readonly gateway?: string;
  /** Name servers, at most three. */
  readonly dns?: readonly string[];
  /** IPv6 by router advertisements (true, the default), from what the port's file says only (`static`), or none (false). */
  readonly ipv6?: boolean | 'static';
  /** Spanning tree. Left as it is unless given; with it, `delay` must be 2 to 30. */
  readonly stp?: boolean;
  /** The forward delay in seconds, 0 to 30. Default 0, with which a port forwards at once. */
  readonly delay?: number;
  /** MTU in bytes, 68 to 65535, of the bridge and its port. Left as it is unless given. */
  readonly mtu?: number;
  /** The bridge's MAC: its port's (`port`, the default, with which a DHCP server knows the host again), one of its own (`own`), or this one. */
  readonly mac?: string;
  /** firewalld's zone. Unless given, the port's moves to the bridge. */
  readonly zone?: string;
  /** Whether it comes up when the network starts. Default true. */
  readonly onboot?: boolean;
  /** Whether NetworkManager may have the bridge and its port. Default false. */
  readonly nmControlled?: boolean;
  /** `absent` removes the bridge and gives its port back what it had. Default `present`. */
  readonly state?: 'present' | 'absent';
}

/** Names that the kernel or the scripts use for something else. */
const reservedNames: readonly string[] = ['lo', 'all', 'default', 'bonding_masters'];

const args = v.strictObject({
  name: v.pipe(
    line("the bridge's name"),
    v.check(isBridgeName, ({ input }) => describeName(input, 'a bridge')),
  ),
  port: v.pipe(
    line("the port's name"),
    v.check(isPortName, ({ input }) => describeName(input, 'a port')),
  ),
  bootproto: v.optional(v.picklist(['dhcp', 'static', 'none']), 'dhcp'),
  address: v.optional(line('the address')),
  netmask: v.optional(line('the netmask')),
  gateway: v.optional(line('the gateway')),
  dns: v.optional(
    v.pipe(v.array(line('a name server')), v.maxLength(3, 'the scripts know at most three name servers')),
  ),
  ipv6: v.optional(v.union([v.boolean(), v.literal('static')]), true),
  stp: v.optional(v.boolean()),
  delay: v.optional(range(0, 30, 'the forward delay is a whole number of seconds'), 0),
  mtu: v.optional(range(68, 65535, 'the MTU is a whole number of bytes')),
  mac: v.optional(line('the MAC'), portMacWord),
  zone: v.optional(
    v.pipe(
      line('the zone'),
      v.regex(
        /^[A-Za-z0-9_][A-Za-z0-9_/-]*$/,
        found("a zone's name in firewalld is made of letters, digits and _ / -"),
      ),
    ),
  ),
  onboot: v.optional(v.boolean(), true),
  nmControlled: v.optional(v.boolean(), false),
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
} satisfies SchemaEntries<IfcfgBridgeArgs>);

type Parsed = v.InferOutput<typeof args>;

/**
 * Makes an interface the port of a bridge that takes over its address, in the files of the RHEL and CentOS network scripts
 * (`/etc/sysconfig/network-scripts`); or takes the bridge away and gives the interface back what it had.
 *
 * It writes files and loads nothing: that is for a `service` task that reflects this one. What addresses the host (addresses,
 * gateway, name servers, DHCP options, zone, files of routes and rules) moves from the port to the bridge. The lines that it
 * takes from the port's file stay there as comments (`# before br0: BOOTPROTO = dhcp`), from which `state: 'absent'` puts the
 * file back byte for byte, a missing line break at its end excepted. Where the bridge has been given another address meanwhile, the
 * port takes that one over, because it is where the host is reached. All other lines stay as they are.
 *
 * Beyond the post whose files it writes: `MACADDR` of the port, or newer systemd makes the host a stranger to its DHCP server;
 * and `NM_CONTROLLED=no` for the port as well where NetworkManager is installed, because a NetworkManager that is stopped and
 * not disabled comes back at boot, takes the port, and finds no bridge for it.
 *
 * @example
 * ```ts
 * const bridge = ifcfgBridge({ name: 'br0', port: 'ens33', bootproto: 'dhcp' });
 * ```
 */
export const ifcfgBridge: Module<IfcfgBridgeArgs, IfcfgBridgeState> = defineModule({
  name: 'ifcfg_bridge',
  args,
  needsRoot: true,
  desired,
  subject: ({ name }) => name,
  provides: ({ name, bridge }) => (bridge === 'absent' ? [] : [`link:${name}`]),
  read: readBridge,
  plan: planBridge,
  inForce: bridgeInForce,
});

function desired(parsed: Parsed, { disrupts = [] }: TaskOptions): IfcfgBridgeState {
  const mayCutGuests = once(disrupts.includes('guest'));
  const { name, port, nmControlled, onboot, mtu } = parsed;
  if (name === port) refuse(`a bridge cannot be its own port: 'name' and 'port' are both ${name}`);
  if (port.startsWith(`${name}.`)) refuse(`'port' ${port} is a VLAN of ${name} itself`);
  const values = bridge(parsed);
  if (parsed.state === 'absent') {
    const portState = { name: port, BRIDGE: '', remembered: [] };
    return { name, bridge: 'absent', port: portState, routeFiles: [], parameters: [], mayCutGuests };
  }
  return {
    name,
    bridge: values,
    parameters: parametersOf(parsed),
    mayCutGuests,
    port: {
      name: port,
      DEVICE: port,
      BRIDGE: name,
      // A port that does not come up leaves the bridge without a link; one that does makes the bridge come up without its address.
      ONBOOT: yesNo(onboot),
      ...(!nmControlled && { NM_CONTROLLED: 'no' }),
      ...(mtu !== undefined && { MTU: String(mtu) }),
      addressKeys: [],
    },
    routeFiles: [],
  };
}

/** The keys of the bridge's file: first those of the post, in its order. */
function bridge(args: Parsed): BridgeValues {
  const { name, bootproto, ipv6, nmControlled, onboot, stp, mtu, zone, gateway } = args;
  const address = networkOf(args);
  if (bootproto === 'dhcp' && (address ?? gateway) !== undefined) {
    refuse(`'address' and 'gateway' go with bootproto: 'static', and it is 'dhcp'`);
  }
  refuseGateway(gateway, address);
  return {
    DEVICE: name,
    BOOTPROTO: bootproto,
    IPV6INIT: yesNo(ipv6 !== false),
    IPV6_AUTOCONF: yesNo(ipv6 === true),
    NM_CONTROLLED: yesNo(nmControlled),
    ONBOOT: yesNo(onboot),
    TYPE: 'Bridge',
    DELAY: delayOf(args),
    ...macOf(args.mac),
    ...(stp !== undefined && { STP: stp ? 'on' : 'off' }),
    ...(mtu !== undefined && { MTU: String(mtu) }),
    ...(zone !== undefined && { ZONE: zone }),
    ...(address !== undefined && { address: `${formatIpv4(address.address)}/${address.prefix}` }),
    ...(gateway !== undefined && { GATEWAY: gateway }),
    ...nameServers(args.dns),
  };
}

/**
 * The scripts leave IPv6 of a bridge with IPV6INIT=no as the kernel made it, which takes any router's advertisements (initscripts,
 * ifup-ipv6); with IPV6_AUTOCONF=no they refuse them only once the bridge is up.
 */
function parametersOf({ name, ipv6 }: Parsed): readonly string[] {
  if (ipv6 === true) return [];
  return [`net.ipv6.conf.${name}.${ipv6 === false ? 'disable_ipv6 = 1' : 'accept_ra = 0'}`];
}

function delayOf({ stp, delay }: Parsed): string {
  // The kernel refuses less than 2 s with spanning tree on; without DELAY the scripts start no DHCP client, or exit at once.
  if (stp === true && delay < 2) {
    refuse(`with stp: true the forward delay must be 2 to 30 seconds, and 'delay' is ${delay}; the standard's is 15`);
  }
  return String(delay);
}

function macOf(mac: string): { MACADDR?: string } {
  if (mac === 'own') return {};
  if (mac === portMacWord) return { MACADDR: portMacWord };
  const lower = mac.toLowerCase();
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(lower)) {
    refuse(`'mac' is ${mac}, and must be 'port', 'own' or an address such as 52:54:00:aa:00:01`);
  }
  if (Number.parseInt(lower.slice(0, 2), 16) % 2 === 1)
    refuse(`'mac' ${mac} is a multicast address, which no link can have`);
  if (lower === '00:00:00:00:00:00') refuse(`'mac' is all zeros, which is no address`);
  return { MACADDR: lower };
}

function networkOf({ address, netmask }: Parsed): Ipv4Network | undefined {
  if (address === undefined) {
    if (netmask !== undefined) refuse(`'netmask' is given without 'address'`);
    return undefined;
  }
  const [host = '', length, ...rest] = address.split('/');
  const number = parseIpv4(host);
  if (number === undefined || rest.length > 0) refuse(`'address' is ${address}, and must be like 192.168.221.150/24`);
  if (length !== undefined && netmask !== undefined)
    refuse(`the prefix is given twice: ${address} and netmask ${netmask}`);
  const prefix = prefixFrom(address, length, netmask);
  const network = { address: number, prefix };
  const why = whyNoHostAddress(network);
  if (why !== undefined) refuse(`'address' ${host}/${prefix} cannot be a host's: ${why}`);
  return network;
}

function prefixFrom(address: string, length: string | undefined, netmask: string | undefined): number {
  if (length !== undefined) {
    if (!/^[1-9]\d?$/.test(length) || Number(length) > 32)
      refuse(`'address' is ${address}; its prefix must be 1 to 32`);
    return Number(length);
  }
  if (netmask === undefined) refuse(`'address' ${address} lacks its prefix; write ${address}/24, or give 'netmask'`);
  const prefix = prefixOfNetmask(netmask);
  if (prefix === undefined || prefix === 0) refuse(`'netmask' is ${netmask}, and must be like 255.255.255.0`);
  return prefix;
}

function refuseGateway(gateway: string | undefined, network: Ipv4Network | undefined): void {
  if (gateway === undefined) return;
  const number = parseIpv4(gateway);
  if (number === undefined) refuse(`'gateway' is ${gateway}, and must be an address like 192.168.221.1`);
  const why = whyNoHostAddress({ address: number, prefix: network?.prefix ?? 32 });
  if (why !== undefined) refuse(`'gateway' ${gateway} cannot be a host's: ${why}`);
  if (network === undefined) return;
  const own = `${formatIpv4(network.address)}/${network.prefix}`;
  if (number === network.address) refuse(`'gateway' ${gateway} is the bridge's own address`);
  if (!inSubnet(number, network)) {
    refuse(`'gateway' ${gateway} is not in the subnet of ${own}, and the scripts would set no default route`);
  }
}

function nameServers(dns: readonly string[] | undefined): Record<string, string> {
  if (dns === undefined) return {};
  for (const server of dns) {
    if (parseIpv4(server) === undefined && !isIpv6(server)) refuse(`'dns' has ${server}, which is no IP address`);
  }
  if (new Set(dns).size < dns.length) refuse(`'dns' names a server twice: ${dns.join(', ')}`);
  // Those that are not wanted are wanted to be empty: the list is the whole list.
  return Object.fromEntries([0, 1, 2].map((index) => [`DNS${index + 1}`, dns[index] ?? '']));
}

function isIpv6(text: string): boolean {
  return /^[0-9a-fA-F:.]+$/.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`);
}

function isBridgeName(name: string): boolean {
  return isPortName(name) && !/[.]|-range\d*$|^cipcb/.test(name);
}

function isPortName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(name) && !reservedNames.includes(name);
}

function describeName(name: string, what: string): string {
  return `${JSON.stringify(name)} cannot be the name of ${what}: 1 to 15 letters, digits, '-' and '_'${what === 'a bridge' ? ' (a dot makes it a VLAN to the scripts)' : ''}, none of ${reservedNames.join(', ')}`;
}

function range(from: number, to: number, what: string): v.GenericSchema<number> {
  const message = found(`${what} from ${from} to ${to}`);
  return v.pipe(v.number(message), v.integer(message), v.minValue(from, message), v.maxValue(to, message));
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function refuse(sentence: string): never {
  throw new ArgumentError(`ifcfg_bridge: ${sentence}`);
}
