import { canonicalIpv6 } from '../../../lib/formats/ipv6.ts';
import { sectionsOf, type UnitFile, unitValue, unitValues, valueIn } from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';

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

/** Returns all static addresses of a .network file, in order. An empty value takes back those before it. */
export function addressesOf(file: UnitFile): readonly string[] {
  const short = afterReset(unitValues(file, 'Network', 'Address'));
  const long = sectionsOf(file, 'Address').flatMap((section) => valueIn(section, 'Address') ?? []);
  return [...short, ...long];
}

/** Returns the default gateways of a .network file. */
export function gatewaysOf(file: UnitFile): readonly string[] {
  const short = afterReset(unitValues(file, 'Network', 'Gateway'));
  const long = sectionsOf(file, 'Route').flatMap((section) =>
    isDefault(valueIn(section, 'Destination')) ? (valueIn(section, 'Gateway') ?? []) : [],
  );
  return [...short, ...long].filter((gateway) => !gateway.startsWith('_'));
}

/** Returns the routes of a .network file beside the default ones. */
export function routesOf(file: UnitFile): readonly Route[] {
  return sectionsOf(file, 'Route').flatMap((section) => {
    const to = valueIn(section, 'Destination');
    if (to === undefined || isDefault(to)) return [];
    const [via, metric, table] = ['Gateway', 'Metric', 'Table'].map((key) => valueIn(section, key));
    return [
      {
        to: canonicalIpv6(to),
        ...(via !== undefined && { via: canonicalIpv6(via) }),
        ...(metric !== undefined && { metric: Number(metric) }),
        ...(table !== undefined && table !== 'main' && table !== '254' && { table: Number(table) }),
      },
    ];
  });
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
    search: words(unitValues(file, 'Network', 'Domains')).filter((domain) => !domain.startsWith('~')),
    routes: routesOf(file),
    stp: isYes(stp),
    delay: Number.parseFloat(unitValue(netdev, 'Bridge', 'ForwardDelaySec') ?? '15'),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(mac !== undefined && { mac: wanted?.mac === portMacWord && mac === portMac ? portMacWord : mac }),
    onboot: !/^(?:manual|always-down|down)$/.test(unitValue(file, 'Link', 'ActivationPolicy') ?? ''),
  };
}

function ipv6Of(file: UnitFile): NonNullable<BridgeSettings['ipv6']> {
  if (!isNo(unitValue(file, 'Network', 'IPv6AcceptRA'))) return 'auto';
  const linkLocal = unitValue(file, 'Network', 'LinkLocalAddressing');
  return isNo(linkLocal) || linkLocal === 'ipv4' ? 'off' : 'static';
}

function isDefault(destination: string | undefined): boolean {
  return destination === undefined || destination === '0.0.0.0/0' || destination === '::/0';
}

function words(values: readonly string[]): readonly string[] {
  return afterReset(values).flatMap((value) => value.split(/\s+/).filter((word) => word !== ''));
}

function afterReset(values: readonly string[]): readonly string[] {
  return values.slice(values.lastIndexOf('') + 1);
}
