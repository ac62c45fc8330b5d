import * as v from 'valibot';
import { ArgumentError } from '../../lib/errors.ts';
import {
  formatIpv4,
  type Ipv4Network,
  inSubnet,
  parseIpv4,
  prefixOfNetmask,
  whyNoHostAddress,
} from '../../lib/formats/ipv4.ts';
import { parseIpv6 } from '../../lib/formats/ipv6.ts';
import type { SchemaEntries } from '../../lib/task/argument_types.ts';
import { found, line } from '../../lib/validation/schemas.ts';

/** The word for a bridge's MAC that is its port's own, whatever that is. */
export const portMacWord = 'port';

/** Arguments that every module that makes a bridge takes. */
export interface CommonBridgeArgs {
  /** The bridge's name, e.g. `br0`: at most 15 letters, digits, `-` and `_`. */
  readonly name: string;
  /** The bridge's IPv4 address, `192.168.221.150/24`, or without the prefix beside `netmask`. Not with DHCP. */
  readonly address?: string;
  /** The netmask of an `address` without prefix, e.g. `255.255.255.0`. */
  readonly netmask?: string;
  /** The gateway of the IPv4 default route, in the subnet of an address of the bridge. */
  readonly gateway?: string;
  /** Spanning tree; with it, `delay` must be 2 to 30. Left as it is unless given; a bridge that is made has none. */
  readonly stp?: boolean;
  /** MTU in bytes, 68 to 65535, of the bridge and its ports. Left as it is unless given. */
  readonly mtu?: number;
  /** The bridge's MAC: its first port's (`port`, the default, with which a DHCP server knows the host again), one of its own (`own`), or this one. */
  readonly mac?: string;
  /** firewalld's zone. Unless given, the port's moves to the bridge. */
  readonly zone?: string;
  /** Whether it comes up at boot and when the network is started. Default true. */
  readonly onboot?: boolean;
  /** `absent` removes the bridge and gives its ports back what they had. Default `present`. */
  readonly state?: 'present' | 'absent';
}

/** Throws an ArgumentError with a sentence. */
export type Refuse = (sentence: string) => never;

/** Makes the function with which a module refuses an argument. @param module the module's name */
export function refuser(module: string): Refuse {
  return (sentence) => {
    throw new ArgumentError(`${module}: ${sentence}`);
  };
}

/** Names that the kernel or the network stacks use for something else. */
const reservedNames: readonly string[] = ['lo', 'all', 'default', 'bonding_masters'];

/** Schema of a bridge's name: at most 15 letters, digits, `-` and `_`. */
export function bridgeName(): v.GenericSchema<string> {
  return v.pipe(
    line("the bridge's name"),
    v.check(isBridgeName, ({ input }) => describeName(input, 'a bridge')),
  );
}

/** Schema of the name of an interface that becomes a port. */
export function portName(): v.GenericSchema<string> {
  return v.pipe(
    line("the port's name"),
    v.check(isPortName, ({ input }) => describeName(input, 'a port')),
  );
}

/** Schema of the name of a zone of firewalld. */
export function zoneName(): v.GenericSchema<string> {
  return v.pipe(
    line('the zone'),
    v.regex(/^[A-Za-z0-9_][A-Za-z0-9_/-]*$/, found("a zone's name in firewalld is made of letters, digits and _ / -")),
  );
}

/** The value of an argument of {@link CommonBridgeArgs}. */
type Value<Key extends keyof CommonBridgeArgs> = NonNullable<CommonBridgeArgs[Key]>;
type HasDefault = 'mac' | 'onboot' | 'state';

/** Schemas of {@link CommonBridgeArgs}, by argument. */
export const commonBridgeArgs: { readonly name: v.GenericSchema<string> } & {
  readonly [Key in Exclude<keyof CommonBridgeArgs, 'name' | HasDefault>]: v.OptionalSchema<
    v.GenericSchema<Value<Key>>,
    undefined
  >;
} & { readonly [Key in HasDefault]: v.OptionalSchema<v.GenericSchema<Value<Key>>, Value<Key>> } = {
  name: bridgeName(),
  address: v.optional(line('the address')),
  netmask: v.optional(line('the netmask')),
  gateway: v.optional(line('the gateway')),
  stp: v.optional(v.boolean()),
  mtu: v.optional(range(68, 65535, 'the MTU is a whole number of bytes')),
  mac: v.optional(line('the MAC'), portMacWord),
  zone: v.optional(zoneName()),
  onboot: v.optional(v.boolean(), true),
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
} satisfies SchemaEntries<CommonBridgeArgs>;

/** Schema of a whole number in a range. @param what e.g. `the MTU is a whole number of bytes` */
export function range(from: number, to: number, what: string): v.GenericSchema<number> {
  const message = found(`${what} from ${from} to ${to}`);
  return v.pipe(v.number(message), v.integer(message), v.minValue(from, message), v.maxValue(to, message));
}

/** The kernel refuses a forward delay of less than 2 s with spanning tree on. */
export function refuseShortDelay(stp: boolean | undefined, delay: number, refuse: Refuse): void {
  if (stp === true && delay < 2) {
    refuse(`with stp: true the forward delay must be 2 to 30 seconds, and 'delay' is ${delay}; the standard's is 15`);
  }
}

/** Reads the MAC of a bridge. @returns {@link portMacWord}, the address in lower case, or undefined for one of its own */
export function macOf(mac: string, refuse: Refuse): string | undefined {
  if (mac === 'own') return undefined;
  if (mac === portMacWord) return portMacWord;
  const lower = mac.toLowerCase();
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(lower)) {
    refuse(`'mac' is ${mac}, and must be 'port', 'own' or an address such as 52:54:00:aa:00:01`);
  }
  if (Number.parseInt(lower.slice(0, 2), 16) % 2 === 1) {
    refuse(`'mac' ${mac} is a multicast address, which no link can have`);
  }
  if (lower === '00:00:00:00:00:00') refuse(`'mac' is all zeros, which is no address`);
  return lower;
}

/** Reads an IPv4 address of the host, with its prefix or with a netmask beside it. */
export function ipv4Network(address: string, netmask: string | undefined, refuse: Refuse): Ipv4Network {
  const [host = '', length, ...rest] = address.split('/');
  const number = parseIpv4(host);
  if (number === undefined || rest.length > 0)
    return refuse(`'address' is ${address}, and must be like 192.168.221.150/24`);
  if (length !== undefined && netmask !== undefined) {
    refuse(`the prefix is given twice: ${address} and netmask ${netmask}`);
  }
  const prefix = prefixFrom(address, length, netmask, refuse);
  const network = { address: number, prefix };
  const why = whyNoHostAddress(network);
  if (why !== undefined) refuse(`'address' ${host}/${prefix} cannot be a host's: ${why}`);
  return network;
}

/** Writes a network as `192.168.221.150/24`. */
export function ipv4Text({ address, prefix }: Ipv4Network): string {
  return `${formatIpv4(address)}/${prefix}`;
}

function prefixFrom(address: string, length: string | undefined, netmask: string | undefined, refuse: Refuse): number {
  if (length !== undefined) {
    if (!/^[1-9]\d?$/.test(length) || Number(length) > 32) {
      refuse(`'address' is ${address}; its prefix must be 1 to 32`);
    }
    return Number(length);
  }
  if (netmask === undefined) {
    return refuse(`'address' ${address} lacks its prefix; write ${address}/24, or give 'netmask'`);
  }
  const prefix = prefixOfNetmask(netmask);
  if (prefix === undefined || prefix === 0) return refuse(`'netmask' is ${netmask}, and must be like 255.255.255.0`);
  return prefix;
}

/**
 * Refuses a gateway that no host can have, and one outside of the subnets of the addresses given.
 * @param networks the addresses of the task; with none the gateway's subnet is not known yet
 */
export function refuseGateway(gateway: string, networks: readonly Ipv4Network[], refuse: Refuse): void {
  const number = parseIpv4(gateway) ?? refuse(`'gateway' is ${gateway}, and must be an address like 192.168.221.1`);
  const why = whyNoHostAddress({ address: number, prefix: networks[0]?.prefix ?? 32 });
  if (why !== undefined) refuse(`'gateway' ${gateway} cannot be a host's: ${why}`);
  if (networks.length === 0) return;
  if (networks.some(({ address }) => address === number)) refuse(`'gateway' ${gateway} is the bridge's own address`);
  if (!networks.some((network) => inSubnet(number, network))) {
    refuse(
      `'gateway' ${gateway} is not in the subnet of ${networks.map(ipv4Text).join(', ')}, and there would be no default route`,
    );
  }
}

/** Refuses name servers that are no addresses, and one that is named twice. */
export function refuseNameServers(dns: readonly string[], refuse: Refuse): void {
  for (const server of dns) {
    if (parseIpv4(server) === undefined && parseIpv6(server) === undefined) {
      refuse(`'dns' has ${server}, which is no IP address`);
    }
  }
  if (new Set(dns).size < dns.length) refuse(`'dns' names a server twice: ${dns.join(', ')}`);
}

/** Refuses a bridge that would be its own port, directly or through a VLAN. */
export function refuseOwnPort(name: string, port: string, refuse: Refuse): void {
  if (name === port) refuse(`a bridge cannot be its own port: 'name' and 'port' are both ${name}`);
  if (port.startsWith(`${name}.`)) refuse(`'port' ${port} is a VLAN of ${name} itself`);
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
