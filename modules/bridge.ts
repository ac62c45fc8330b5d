import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import { UnsupportedChangeError } from '../lib/errors.ts';
import { parseIpv4, parseIpv4Network } from '../lib/formats/ipv4.ts';
import { formatIpv6, inIpv6Subnet, isLinkLocal, parseIpv6, parseIpv6Network } from '../lib/formats/ipv6.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { once } from '../lib/task/diff.ts';
import type { TaskOptions } from '../lib/task/task.ts';
import { line } from '../lib/validation/schemas.ts';
import {
  type CommonBridgeArgs,
  commonBridgeArgs,
  ipv4Network,
  ipv4Text,
  macOf,
  portName,
  type Refuse,
  range,
  refuseGateway,
  refuseNameServers,
  refuseOwnPort,
  refuser,
  refuseShortDelay,
} from './network/arguments.ts';
import {
  type BridgeSettings,
  type BridgeState,
  type Route,
  type StackName,
  stackNames,
} from './network/bridge_state.ts';
import { onUse } from './network/on_use.ts';

/** A route of a {@link BridgeArgs bridge}. */
export interface RouteArgs {
  /** Its destination: `10.0.0.0/8`, `fd00:1::/64`. */
  readonly to: string;
  /** Its gateway. Without one the destination is on the link itself. */
  readonly via?: string;
  /** Its metric; the lowest wins. Default: the network stack's. */
  readonly metric?: number;
  /** The number of its routing table. Default: the main one. */
  readonly table?: number;
}

/** Arguments of {@link bridge}. What is left out moves from the port when the bridge is made, and is left alone afterwards. */
export interface BridgeArgs extends CommonBridgeArgs {
  /** The interface that becomes its port, e.g. `ens33`. */
  readonly port?: string;
  /** Several ports, instead of `port`. The bridge takes over the addresses and the MAC of the first one. */
  readonly ports?: readonly string[];
  /**
   * The network stack that must own the port: `network-scripts`, `networkmanager`, `networkd`, `netplan` or `ifupdown`. The task is
   * refused where another one does. Default: the one that owns it.
   */
  readonly backend?: StackName;
  /** How the bridge gets its IPv4 address: from a DHCP server, from `address` or `addresses`, or not at all. Default: as the port does. */
  readonly bootproto?: 'dhcp' | 'static' | 'none';
  /** Several IPv4 addresses with their prefixes, instead of `address`. */
  readonly addresses?: readonly string[];
  /** IPv6: addresses by router advertisements (true), those of `ipv6Addresses` only (`static`), or none (false). */
  readonly ipv6?: boolean | 'static';
  /** Static IPv6 addresses with their prefixes, e.g. `fd00:221::150/64`. */
  readonly ipv6Addresses?: readonly string[];
  /** The gateway of the IPv6 default route. */
  readonly ipv6Gateway?: string;
  /** Name servers. */
  readonly dns?: readonly string[];
  /** Search domains. */
  readonly search?: readonly string[];
  /** Routes beside the default one. The list is the whole list. */
  readonly routes?: readonly RouteArgs[];
  /** The forward delay in seconds, 0 to 30, for spanning tree. */
  readonly delay?: number;
}

const refuse: Refuse = refuser('bridge');

const routeArgs = v.strictObject({
  to: line("a route's destination"),
  via: v.exactOptional(line("a route's gateway")),
  metric: v.exactOptional(range(0, 4_294_967_295, "a route's metric is a whole number")),
  table: v.exactOptional(range(1, 4_294_967_295, 'a routing table is a whole number')),
} satisfies SchemaEntries<RouteArgs>);

const args = v.strictObject({
  ...commonBridgeArgs,
  port: v.optional(portName()),
  ports: v.optional(v.pipe(v.array(portName()), v.minLength(1, 'a bridge has at least one port'))),
  backend: v.optional(v.picklist(stackNames)),
  bootproto: v.optional(v.picklist(['dhcp', 'static', 'none'])),
  addresses: v.optional(v.pipe(v.array(line('an address')), v.minLength(1, "'addresses' is empty"))),
  ipv6: v.optional(v.union([v.boolean(), v.literal('static')])),
  ipv6Addresses: v.optional(v.pipe(v.array(line('an IPv6 address')), v.minLength(1, "'ipv6Addresses' is empty"))),
  ipv6Gateway: v.optional(line('the IPv6 gateway')),
  dns: v.optional(v.array(line('a name server'))),
  search: v.optional(
    v.array(
      v.pipe(
        line('a search domain'),
        v.regex(/^[A-Za-z0-9_.-]{1,253}$/, 'a search domain is a name such as example.org'),
      ),
    ),
  ),
  routes: v.optional(v.array(routeArgs)),
  delay: v.optional(range(0, 30, 'the forward delay is a whole number of seconds')),
} satisfies SchemaEntries<BridgeArgs>);

type Parsed = v.InferOutput<typeof args>;

/**
 * Makes interfaces the ports of a bridge that takes over the addresses of the first one; or removes the bridge and gives the
 * interfaces back what they had. It finds out which network stack owns the port now, and writes that stack's own files: those of
 * network-scripts, NetworkManager, systemd-networkd, netplan or ifupdown.
 *
 * It writes files and loads nothing: that is for a `network` task that reflects this one. Addresses, gateways, name servers, search
 * domains, routes, DHCP options, IPv6 and the zone move from the port to the bridge, as far as the task does not name others.
 *
 * @example
 * ```ts
 * const br0 = bridge({ name: 'br0', port: 'ens33' });
 * const loaded = network({ reflects: [br0], disrupts: ['link'] });
 * ```
 */
export const bridge: Module<BridgeArgs, BridgeState> = defineModule({
  name: 'bridge',
  args,
  needsRoot: true,
  desired,
  subject: ({ name }) => name,
  provides: ({ name, bridge }) => (bridge === 'absent' ? [] : [`link:${name}`]),
  read: async (host, wanted) => (await onUse()).readBridge(host, wanted),
  plan: ({ found }, { name }) => {
    if (found.refusals.length > 0) {
      throw new UnsupportedChangeError(`${name} cannot be changed: ${found.refusals.join('; ')}`);
    }
    return found.steps();
  },
  inForce: async (host, wanted) => (await onUse()).bridgeInForce(host, wanted),
});

function desired(parsed: Parsed, { disrupts = [] }: TaskOptions): BridgeState {
  const { name } = parsed;
  const portNames = portsOf(parsed);
  for (const port of portNames) refuseOwnPort(name, port, refuse);
  const settings = settingsOf(parsed);
  const isAbsent = parsed.state === 'absent';
  return {
    name,
    bridge: isAbsent ? 'absent' : settings,
    ports: Object.fromEntries(
      portNames.map((port) => [port, isAbsent ? { bridge: '', remembered: [] } : { bridge: name, addressing: [] }]),
    ),
    portNames: once(portNames),
    backend: once(parsed.backend),
    mayCutGuests: once(disrupts.includes('guest')),
  };
}

function portsOf({ port, ports }: Parsed): readonly string[] {
  if (port !== undefined && ports !== undefined) refuse("name 'port' or 'ports', not both");
  const names = ports ?? (port === undefined ? undefined : [port]);
  if (names === undefined) return refuse("'port' is missing: the interface that becomes the bridge's port");
  if (new Set(names).size < names.length) refuse(`'ports' names a port twice: ${names.join(', ')}`);
  return names;
}

function settingsOf(parsed: Parsed): BridgeSettings {
  const { stp, delay, mtu, zone, onboot, dns, search, gateway, ipv6Gateway } = parsed;
  const networks = ipv4Networks(parsed);
  const { bootproto = networks.length > 0 ? 'static' : undefined } = parsed;
  if (bootproto === 'dhcp' && (networks.length > 0 || gateway !== undefined)) {
    refuse("'address', 'addresses' and 'gateway' go with bootproto: 'static', and it is 'dhcp'");
  }
  if (bootproto === 'none' && (networks.length > 0 || gateway !== undefined)) {
    refuse("'address', 'addresses' and 'gateway' go with bootproto: 'static', and it is 'none'");
  }
  if (bootproto === 'static' && networks.length === 0) {
    refuse("bootproto: 'static' needs 'address' or 'addresses'; leave bootproto out to keep what the port has");
  }
  if (gateway !== undefined) refuseGateway(gateway, networks, refuse);
  if (dns !== undefined) refuseNameServers(dns, refuse);
  refuseShortDelay(stp, delay ?? (stp === true ? 15 : 0), refuse);
  const mac = macOf(parsed.mac, refuse);
  return {
    ...(bootproto !== undefined && { ipv4: bootproto === 'static' ? networks.map(ipv4Text) : bootproto }),
    ...(gateway !== undefined && { gateway }),
    ...ipv6Settings(parsed),
    ...(ipv6Gateway !== undefined && { ipv6Gateway: ipv6Text(ipv6Gateway, 'ipv6Gateway') }),
    ...(dns !== undefined && { dns }),
    ...(search !== undefined && { search }),
    ...(parsed.routes !== undefined && { routes: parsed.routes.map(routeOf) }),
    ...(stp !== undefined && { stp }),
    ...(stp === true && { delay: delay ?? 15 }),
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac }),
    ...(zone !== undefined && { zone }),
    onboot,
  };
}

function ipv4Networks({ address, netmask, addresses }: Parsed) {
  if (address !== undefined && addresses !== undefined) refuse("name 'address' or 'addresses', not both");
  if (address === undefined && netmask !== undefined) refuse("'netmask' is given without 'address'");
  const all = addresses ?? (address === undefined ? [] : [address]);
  const networks = all.map((each) => ipv4Network(each, netmask, refuse));
  if (new Set(networks.map(ipv4Text)).size < networks.length) refuse(`an address is named twice: ${all.join(', ')}`);
  return networks;
}

function ipv6Settings({ ipv6, ipv6Addresses, ipv6Gateway }: Parsed): BridgeSettings {
  const addresses = ipv6Addresses?.map((address) => {
    const network = parseIpv6Network(address);
    if (network === undefined || isLinkLocal(network.address)) {
      return refuse(`'ipv6Addresses' has ${address}, and must be like fd00:221::150/64`);
    }
    return { ...network, text: `${formatIpv6(network.address)}/${network.prefix}` };
  });
  if (ipv6 === false && (addresses ?? ipv6Gateway) !== undefined) {
    refuse("'ipv6Addresses' and 'ipv6Gateway' are given, and ipv6 is false");
  }
  const gateway = ipv6Gateway === undefined ? undefined : parseIpv6(ipv6Gateway);
  if (addresses !== undefined && gateway !== undefined && !isLinkLocal(gateway)) {
    if (!addresses.some((network) => inIpv6Subnet(gateway, network))) {
      refuse(`'ipv6Gateway' ${ipv6Gateway} is in the subnet of none of 'ipv6Addresses'`);
    }
  }
  return {
    ...(ipv6 !== undefined && { ipv6: ipv6 === true ? 'auto' : ipv6 === false ? 'off' : 'static' }),
    ...(addresses !== undefined && { ipv6Addresses: addresses.map(({ text }) => text) }),
  };
}

function ipv6Text(address: string, argument: string): string {
  const number = parseIpv6(address);
  return number === undefined
    ? refuse(`'${argument}' is ${address}, and must be an IPv6 address like fd00:221::1`)
    : formatIpv6(number);
}

function routeOf({ to, via, metric, table }: v.InferOutput<typeof routeArgs>): Route {
  const [ipv4, ipv6] = [parseIpv4Network(to), parseIpv6Network(to)];
  if (ipv4 === undefined && ipv6 === undefined) {
    refuse(`a route leads to ${to}, and must lead to a network such as 10.0.0.0/8 or fd00:1::/64`);
  }
  if (via !== undefined && (ipv4 === undefined ? parseIpv6(via) : parseIpv4(via)) === undefined) {
    refuse(`the route to ${to} goes via ${via}, which is no ${ipv4 === undefined ? 'IPv6' : 'IPv4'} address`);
  }
  const destination = ipv6 === undefined ? to : `${formatIpv6(ipv6.address)}/${ipv6.prefix}`;
  return {
    to: destination,
    ...(via !== undefined && { via: ipv4 === undefined ? ipv6Text(via, 'via') : via }),
    ...(metric !== undefined && { metric }),
    ...(table !== undefined && table !== 254 && { table }),
  };
}
