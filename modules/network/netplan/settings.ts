import { canonicalIpv6 } from '../../../lib/formats/ipv6.ts';
import { isMapping, type YamlMapping, type YamlValue } from '../../../lib/formats/yaml_value.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';
import { isNo, isYes } from '../networkd/settings.ts';
import { listIn, mappingIn, textIn, textsIn } from './files.ts';

/** The daemon that netplan writes files for. */
export type Renderer = 'networkd' | 'NetworkManager';

/** Keys that say which link it is and what lies below it: they stay with the port. All others address the host. */
const portKeys: ReadonlySet<string> = new Set([
  ...['match', 'set-name', 'renderer', 'wakeonlan', 'mtu', 'macaddress', 'emit-lldp', 'optional', 'activation-mode'],
  ...['ignore-carrier', 'infiniband-mode', 'auth', 'openvswitch', 'networkmanager', 'regulatory-domain'],
  ...['link', 'id', 'interfaces', 'parameters', 'virtual-function-count', 'embedded-switch-mode'],
  ...['delay-virtual-functions-rebind', 'receive-checksum-offload', 'transmit-checksum-offload'],
  ...['tcp-segmentation-offload', 'tcp6-segmentation-offload', 'generic-segmentation-offload'],
  ...['generic-receive-offload', 'large-receive-offload'],
]);

/** Keys that a port's definition must not hold: a later file cannot take them back. */
const stickyKeys: readonly string[] = ['addresses', 'gateway4', 'gateway6', 'nameservers', 'routes', 'routing-policy'];

/** What of a definition addresses the host, and belongs to the bridge. Whether a boot waits for the link is said of both. */
export function movedFrom(value: YamlMapping): YamlMapping {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !portKeys.has(key) || key === 'optional'));
}

/** The keys that must leave a port's definition. */
export function stickyIn(value: YamlMapping): readonly string[] {
  return stickyKeys.filter((key) => value[key] !== undefined);
}

/** Names what still addresses the host in a port's definition, sorted. */
export function addressingIn(value: YamlMapping): readonly string[] {
  return [...stickyIn(value), ...['dhcp4', 'dhcp6'].filter((key) => isYes(textIn(value, key)))].sort();
}

/** Static addresses of a definition; one may carry options. */
export function addressesIn(value: YamlMapping): readonly string[] {
  return listIn(value, 'addresses').flatMap(addressOf);
}

function addressOf(item: YamlValue): readonly string[] {
  return typeof item === 'string' ? [item] : isMapping(item) ? Object.keys(item) : [];
}

/** Says what a bridge's, or another link's, definition holds in the terms of the desired state. */
export function settingsOf(
  value: YamlMapping,
  wanted: BridgeSettings | undefined,
  portMac: string | undefined,
  renderer: Renderer,
): BridgeSettings {
  const addresses = addressesIn(value);
  const ipv4 = addresses.filter((address) => !address.includes(':'));
  const [gateway, ipv6Gateway] = [gatewayIn(value, false), gatewayIn(value, true)];
  const parameters = mappingIn(value, 'parameters');
  const [mtu, mac] = [textIn(value, 'mtu'), textIn(value, 'macaddress')?.toLowerCase()];
  const nameservers = mappingIn(value, 'nameservers');
  return {
    ipv4: isYes(textIn(value, 'dhcp4')) ? 'dhcp' : ipv4.length > 0 ? ipv4 : 'none',
    ...(gateway !== undefined && { gateway }),
    ipv6: ipv6Of(value),
    ipv6Addresses: addresses.filter((address) => address.includes(':')).map(canonicalIpv6),
    ...(ipv6Gateway !== undefined && { ipv6Gateway: canonicalIpv6(ipv6Gateway) }),
    dns: textsIn(nameservers, 'addresses'),
    search: textsIn(nameservers, 'search'),
    routes: routesIn(value),
    stp: hasSpanningTree(value, renderer),
    delay: Number.parseFloat(textIn(parameters, 'forward-delay') ?? '15'),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(mac !== undefined && { mac: wanted?.mac === portMacWord && mac === portMac ? portMacWord : mac }),
    onboot: !/^(?:manual|off)$/.test(textIn(value, 'activation-mode') ?? ''),
  };
}

/** Said of a bridge without parameters, netplan leaves it to the daemon; with other parameters it is on. */
function hasSpanningTree(value: YamlMapping, renderer: Renderer): boolean {
  if (!isMapping(value.parameters)) return renderer === 'NetworkManager';
  return !isNo(textIn(value.parameters, 'stp'));
}

function ipv6Of(value: YamlMapping): NonNullable<BridgeSettings['ipv6']> {
  if (!isNo(textIn(value, 'accept-ra'))) return 'auto';
  return Array.isArray(value['link-local']) && !textsIn(value, 'link-local').includes('ipv6') ? 'off' : 'static';
}

function gatewayIn(value: YamlMapping, isIpv6: boolean): string | undefined {
  const old = textIn(value, isIpv6 ? 'gateway6' : 'gateway4');
  const route = listIn(value, 'routes').find((each) => isDefaultRoute(each, isIpv6));
  return old ?? (isMapping(route) ? textIn(route, 'via') : undefined);
}

/** Tells whether an entry of `routes` is the default route of a family, in the main table. */
export function isDefaultRoute(route: YamlValue, isIpv6: boolean): boolean {
  if (!isMapping(route) || !isMainTable(textIn(route, 'table'))) return false;
  const [to, via] = [textIn(route, 'to'), textIn(route, 'via')];
  if (via === undefined || via.includes(':') !== isIpv6) return false;
  return to === 'default' || to === (isIpv6 ? '::/0' : '0.0.0.0/0');
}

function isMainTable(table: string | undefined): boolean {
  return table === undefined || table === '254';
}

function routesIn(value: YamlMapping): readonly Route[] {
  return listIn(value, 'routes').flatMap((route) => {
    if (!isMapping(route) || isDefaultRoute(route, true) || isDefaultRoute(route, false)) return [];
    const [to = '', via, metric, table] = ['to', 'via', 'metric', 'table'].map((key) => textIn(route, key));
    return [
      {
        to: canonicalIpv6(to),
        ...(via !== undefined && { via: canonicalIpv6(via) }),
        ...(metric !== undefined && { metric: Number(metric) }),
        ...(!isMainTable(table) && { table: Number(table) }),
      },
    ];
  });
}
