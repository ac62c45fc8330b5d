import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
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
import type { BridgeValues } from './network/network_scripts/ifcfg/bridge_file.ts';
import { bridgeParameters } from './network/network_scripts/network_scripts.ts';
import { planBridge } from './network/network_scripts/plan.ts';
import type { IfcfgBridgeState } from './network/network_scripts/state.ts';
import { onUse } from './network/on_use.ts';

/** Arguments of {@link ifcfgBridge}. */
export interface IfcfgBridgeArgs extends CommonBridgeArgs {
  /** The interface that becomes its port, e.g. `ens33`. */
  readonly port: string;
  /**
   * How the bridge gets its address: from a DHCP server (`dhcp`, the default), or `static` from `address` or, without it, from
   * what the port's file says. `none` is a bridge without an address, unless one is given or the port has one.
   */
  readonly bootproto?: 'dhcp' | 'static' | 'none';
  /** Name servers, at most three. */
  readonly dns?: readonly string[];
  /** IPv6 by router advertisements (true, the default), from what the port's file says only (`static`), or none (false). */
  readonly ipv6?: boolean | 'static';
  /** The forward delay in seconds, 0 to 30. Default 0, with which a port forwards at once. */
  readonly delay?: number;
  /** Whether NetworkManager may have the bridge and its port. Default false. */
  readonly nmControlled?: boolean;
}

const refuse: Refuse = refuser('ifcfg_bridge');

const args = v.strictObject({
  ...commonBridgeArgs,
  port: portName(),
  bootproto: v.optional(v.picklist(['dhcp', 'static', 'none']), 'dhcp'),
  dns: v.optional(
    v.pipe(v.array(line('a name server')), v.maxLength(3, 'the scripts know at most three name servers')),
  ),
  ipv6: v.optional(v.union([v.boolean(), v.literal('static')]), true),
  delay: v.optional(range(0, 30, 'the forward delay is a whole number of seconds'), 0),
  nmControlled: v.optional(v.boolean(), false),
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
 * const br0 = ifcfgBridge({ name: 'br0', port: 'ens33', bootproto: 'dhcp' });
 * ```
 */
export const ifcfgBridge: Module<IfcfgBridgeArgs, IfcfgBridgeState> = defineModule({
  name: 'ifcfg_bridge',
  args,
  needsRoot: true,
  desired,
  subject: ({ name }) => name,
  provides: ({ name, bridge }) => (bridge === 'absent' ? [] : [`link:${name}`]),
  read: async (host, wanted) => (await onUse()).readIfcfgBridge(host, wanted),
  plan: planBridge,
  inForce: async (host, wanted) => (await onUse()).ifcfgBridgeInForce(host, wanted),
});

function desired(parsed: Parsed, { disrupts = [] }: TaskOptions): IfcfgBridgeState {
  const mayCutGuests = once(disrupts.includes('guest'));
  const { name, port, nmControlled, onboot, mtu, ipv6 } = parsed;
  refuseOwnPort(name, port, refuse);
  const values = bridge(parsed);
  if (parsed.state === 'absent') {
    const portState = { name: port, BRIDGE: '', remembered: [] };
    return { name, bridge: 'absent', port: portState, routeFiles: [], parameters: [], mayCutGuests };
  }
  return {
    name,
    bridge: values,
    parameters: bridgeParameters(name, ipv6 === true ? 'auto' : ipv6 === false ? 'off' : 'static'),
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
  const { name, bootproto, ipv6, nmControlled, onboot, stp, delay, mtu, zone, gateway, dns } = args;
  const address = addressOf(args);
  if (bootproto === 'dhcp' && (address ?? gateway) !== undefined) {
    refuse(`'address' and 'gateway' go with bootproto: 'static', and it is 'dhcp'`);
  }
  if (gateway !== undefined) refuseGateway(gateway, address === undefined ? [] : [address], refuse);
  // Without DELAY the scripts start no DHCP client, or exit at once.
  refuseShortDelay(stp, delay, refuse);
  const mac = macOf(args.mac, refuse);
  return {
    DEVICE: name,
    BOOTPROTO: bootproto,
    IPV6INIT: yesNo(ipv6 !== false),
    IPV6_AUTOCONF: yesNo(ipv6 === true),
    NM_CONTROLLED: yesNo(nmControlled),
    ONBOOT: yesNo(onboot),
    TYPE: 'Bridge',
    DELAY: String(delay),
    ...(mac !== undefined && { MACADDR: mac }),
    ...(stp !== undefined && { STP: stp ? 'on' : 'off' }),
    ...(mtu !== undefined && { MTU: String(mtu) }),
    ...(zone !== undefined && { ZONE: zone }),
    ...(address !== undefined && { address: ipv4Text(address) }),
    ...(gateway !== undefined && { GATEWAY: gateway }),
    ...nameServers(dns),
  };
}

function addressOf({ address, netmask }: Parsed) {
  if (address === undefined && netmask !== undefined) refuse(`'netmask' is given without 'address'`);
  return address === undefined ? undefined : ipv4Network(address, netmask, refuse);
}

/** Name servers that are not wanted are wanted to be empty: the list is the whole list. */
function nameServers(dns: readonly string[] | undefined): Record<string, string> {
  if (dns === undefined) return {};
  refuseNameServers(dns, refuse);
  return Object.fromEntries([0, 1, 2].map((index) => [`DNS${index + 1}`, dns[index] ?? '']));
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
