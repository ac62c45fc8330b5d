import { canonicalIpv6 } from '../../../lib/formats/ipv6.ts';
import {
  sectionsOf,
  type UnitFile,
  type UnitSection,
  unitValue,
  unitValues,
  valueIn,
} from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';

/** A file that says nothing. */
export const emptyFile: UnitFile = { sections: [], endsInNewline: true };

/** Keys of [Network] that say what lies on the link, or what it lies in: they stay with the port. */
const portKeys: ReadonlySet<string> = new Set([
  ...['Description', 'Bridge', 'Bond', 'VRF', 'BatmanAdvanced', 'ActiveSlave', 'PrimarySlave', 'BindCarrier'],
  ...[
    'VLAN',
    'MACVLAN',
    'MACVTAP',
    'IPVLAN',
    'IPVTAP',
    'MACsec',
    'Xfrm',
    'Tunnel',
    'IgnoreCarrierLoss',
    'LLDP',
    'EmitLLDP',
  ],
]);

/** Sections of a .network file that stay with the port: everything else addresses the host. */
const portSections: ReadonlySet<string> = new Set([
  ...['Match', 'Link', 'SR-IOV', 'Bridge', 'BridgeFDB', 'BridgeMDB', 'BridgeVLAN', 'CAN', 'IPoIB', 'LLDP'],
  ...['QDisc', 'NetworkEmulator', 'TokenBucketFilter', 'FairQueueing', 'FairQueueingControlledDelay'],
]);

/** Tells whether a key of [Network] addresses the host. */
export function isAddressingKey(key: string): boolean {
  return !portKeys.has(key);
}

/** Tells whether a section addresses the host as a whole; of [Network] some keys do. */
export function isAddressingSection(name: string): boolean {
  return name !== 'Network' && !portSections.has(name);
}

/** Names what addresses the host in a .network file, sorted. */
export function addressingOf(file: UnitFile): readonly string[] {
  const keys = sectionsOf(file, 'Network').flatMap(({ lines }) =>
    lines.flatMap(({ key }) => (key !== undefined && isAddressingKey(key) ? [key] : [])),
  );
  const sections = file.sections.flatMap(({ name }) =>
    name !== undefined && isAddressingSection(name) ? [`[${name}]`] : [],
  );
  return [...new Set([...keys, ...sections])].sort();
}

/** The words for yes of systemd (`parse_boolean`). */
export function isYes(value: string | undefined): boolean {
  return /^(?:1|yes|y|true|t|on)$/i.test(value ?? '');
}

/** The words for no of systemd. */
export function isNo(value: string | undefined): boolean {
  return /^(?:0|no|n|false|f|off)$/i.test(value ?? '');
}

/** Tells for which families a .network file asks a DHCP server. */
export function dhcpOf(file: UnitFile): { readonly ipv4: boolean; readonly ipv6: boolean } {
  const value = unitValue(file, 'Network', 'DHCP');
  const both = isYes(value) || value === 'both';
  return { ipv4: both || value === 'ipv4' || value === 'v4', ipv6: both || value === 'ipv6' || value === 'v6' };
}

/** Returns all static addresses of a .network file, in order. */
export function addressesOf(file: UnitFile): readonly string[] {
  const long = sectionsOf(file, 'Address').flatMap((section) => valueIn(section, 'Address') ?? []);
  return [...shortValues(file, 'Address'), ...long];
}

/** Returns the values of a key of [Network] that is a list. An empty value takes back those before it. */
export function shortValues(file: UnitFile, key: string): readonly string[] {
  return afterReset(unitValues(file, 'Network', key));
}

/** Returns the default gateways of a .network file, in the main table. */
export function gatewaysOf(file: UnitFile): readonly string[] {
  const long = sectionsOf(file, 'Route').flatMap((section) => gatewayIn(section) ?? []);
  return [...shortValues(file, 'Gateway').filter(isAddress), ...long];
}

/**
 * Returns the gateway of a [Route] that is a default route of the main table; undefined for other routes. A default route of another
 * table belongs to somebody's policy routing, and is no gateway of the host.
 */
export function gatewayIn(section: UnitSection): string | undefined {
  const gateway = valueIn(section, 'Gateway');
  if (gateway === undefined || !isAddress(gateway) || !isDefault(valueIn(section, 'Destination'))) return undefined;
  return isMainTable(valueIn(section, 'Table')) ? gateway : undefined;
}

/** Reads a [Route]; undefined for a default route, of whatever table. */
export function routeIn(section: UnitSection): Route | undefined {
  const to = valueIn(section, 'Destination');
  if (to === undefined || isDefault(to)) return undefined;
  const [via, metric, table] = ['Gateway', 'Metric', 'Table'].map((key) => valueIn(section, key));
  return {
    to: canonicalIpv6(to),
    ...(via !== undefined && { via: canonicalIpv6(via) }),
    ...(metric !== undefined && { metric: Number(metric) }),
    ...(!isMainTable(table) && { table: Number(table) }),
  };
}

/** Returns the routes of a .network file beside the default ones. */
export function routesOf(file: UnitFile): readonly Route[] {
  return sectionsOf(file, 'Route').flatMap((section) => routeIn(section) ?? []);
}

/** Returns the words of all `Domains=` of a .network file: search domains, and routing domains such as `~.`. */
export function domainsOf(file: UnitFile): readonly string[] {
  return words(unitValues(file, 'Network', 'Domains'));
}

/** Tells whether a domain is no search domain: it only says which name servers are asked. */
export function isRoutingDomain(domain: string): boolean {
  return domain.startsWith('~');
}

/** Says what a bridge's two files hold, in the terms of the desired state. */
export function settingsOf(
  netdev: UnitFile,
  file: UnitFile,
  wanted: BridgeSettings | undefined,
  portMac: string | undefined,
): BridgeSettings {
  const addresses = addressesOf(file);
  const gateways = gatewaysOf(file);
  const ipv4 = addresses.filter((address) => !address.includes(':'));
  const ipv6 = addresses.filter((address) => address.includes(':')).map(canonicalIpv6);
  const stp = unitValue(netdev, 'Bridge', 'STP');
  const mtu = unitValue(netdev, 'NetDev', 'MTUBytes');
  const mac = unitValue(netdev, 'NetDev', 'MACAddress')?.toLowerCase();
  const gateway = gateways.find((each) => !each.includes(':'));
  const ipv6Gateway = gateways.find((each) => each.includes(':'));
  return {
    ipv4: dhcpOf(file).ipv4 ? 'dhcp' : ipv4.length > 0 ? ipv4 : 'none',
    ...(gateway !== undefined && { gateway }),
    ipv6: ipv6Of(file),
    ipv6Addresses: ipv6,
    ...(ipv6Gateway !== undefined && { ipv6Gateway: canonicalIpv6(ipv6Gateway) }),
    dns: words(unitValues(file, 'Network', 'DNS')),
    search: domainsOf(file).filter((domain) => !isRoutingDomain(domain)),
    routes: routesOf(file),
    stp: isYes(stp),
    delay: Number.parseFloat(unitValue(netdev, 'Bridge', 'ForwardDelaySec') ?? '15'),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(mac !== undefined && { mac: wanted?.mac === portMacWord && mac === portMac ? portMacWord : mac }),
    onboot: !/^(?:manual|always-down|down)$/.test(unitValue(file, 'Link', 'ActivationPolicy') ?? ''),
  };
}

/** Says how a .network file configures IPv6. */
export function ipv6Of(file: UnitFile): NonNullable<BridgeSettings['ipv6']> {
  if (!isNo(unitValue(file, 'Network', 'IPv6AcceptRA'))) return 'auto';
  const linkLocal = unitValue(file, 'Network', 'LinkLocalAddressing');
  return isNo(linkLocal) || linkLocal === 'ipv4' ? 'off' : 'static';
}

function isDefault(destination: string | undefined): boolean {
  return destination === undefined || destination === '0.0.0.0/0' || canonicalIpv6(destination) === '::/0';
}

function isMainTable(table: string | undefined): boolean {
  return table === undefined || table === 'main' || table === '254';
}

/** `_dhcp4` and `_ipv6ra` stand for the gateway that a server or a router names. */
function isAddress(gateway: string): boolean {
  return !gateway.startsWith('_');
}

function words(values: readonly string[]): readonly string[] {
  return afterReset(values).flatMap((value) => value.split(/\s+/).filter((word) => word !== ''));
}

function afterReset(values: readonly string[]): readonly string[] {
  return values.slice(values.lastIndexOf('') + 1);
}
