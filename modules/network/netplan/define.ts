import { isMapping, type YamlMapping, type YamlValue } from '../../../lib/formats/yaml_value.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { isYes } from '../networkd/settings.ts';
import { listIn, mappingIn, textIn } from './files.ts';
import { isDefaultRoute } from './settings.ts';

/**
 * Says in netplan's words what a bridge is to be.
 * @param before its definition, or for a new one what its port had
 * @param actual what that says; undefined for a new bridge, of which everything is written
 */
export function defineBridge(
  before: YamlMapping,
  wanted: BridgeSettings,
  actual: BridgeSettings | undefined,
  portMac: string | undefined,
): YamlMapping {
  const differs = (key: keyof BridgeSettings): boolean =>
    wanted[key] !== undefined && JSON.stringify(wanted[key]) !== JSON.stringify(actual?.[key]);
  const mac = wanted.mac === portMacWord ? portMac : wanted.mac;
  let result = before;
  if (mac !== undefined && differs('mac')) result = { ...result, macaddress: mac };
  if (wanted.ipv4 !== undefined && differs('ipv4')) result = setIpv4(result, wanted.ipv4);
  if (wanted.ipv6Addresses !== undefined && differs('ipv6Addresses')) {
    result = setAddresses(result, wanted.ipv6Addresses, true);
  }
  if (wanted.gateway !== undefined && differs('gateway')) result = setGateway(result, wanted.gateway, false);
  if (wanted.ipv6Gateway !== undefined && differs('ipv6Gateway')) {
    result = setGateway(result, wanted.ipv6Gateway, true);
  }
  if (wanted.ipv6 !== undefined && differs('ipv6')) result = setIpv6(result, wanted.ipv6);
  if (wanted.dns !== undefined && differs('dns')) result = setNameservers(result, 'addresses', wanted.dns);
  if (wanted.search !== undefined && differs('search')) result = setNameservers(result, 'search', wanted.search);
  if (wanted.routes !== undefined && differs('routes')) result = setRoutes(result, wanted.routes);
  if (wanted.mtu !== undefined && differs('mtu')) result = { ...result, mtu: String(wanted.mtu) };
  return setParameters(result, wanted, actual, differs);
}

/** Has a bridge keep the metric that its port's IPv4 default route had, unless the files say one. */
export function keepMetric(value: YamlMapping, metric: string | undefined): YamlMapping {
  if (metric === undefined) return value;
  const gateway = textIn(value, 'gateway4');
  const moved = gateway === undefined ? value : setGateway(value, gateway, false);
  const routes = listIn(moved, 'routes').map((route) =>
    isMapping(route) && isDefaultRoute(route, false) ? { ...route, metric: textIn(route, 'metric') ?? metric } : route,
  );
  const overrides = { 'route-metric': metric, ...mappingIn(moved, 'dhcp4-overrides') };
  return {
    ...setList(moved, 'routes', routes),
    ...(isYes(textIn(moved, 'dhcp4')) && { 'dhcp4-overrides': overrides }),
  };
}

function setParameters(
  value: YamlMapping,
  { stp = false, delay = 0 }: BridgeSettings,
  actual: BridgeSettings | undefined,
  differs: (key: keyof BridgeSettings) => boolean,
): YamlMapping {
  const isNew = actual === undefined;
  if (!isNew && !differs('stp') && !differs('delay')) return value;
  const parameters = mappingIn(value, 'parameters');
  return {
    ...value,
    parameters: {
      ...parameters,
      ...((isNew || differs('stp')) && { stp: String(stp) }),
      ...((isNew || differs('delay')) && { 'forward-delay': String(delay) }),
    },
  };
}

function setIpv4(value: YamlMapping, ipv4: NonNullable<BridgeSettings['ipv4']>): YamlMapping {
  const addresses = typeof ipv4 === 'string' ? [] : ipv4;
  const addressed = setAddresses({ ...value, dhcp4: String(ipv4 === 'dhcp') }, addresses, false);
  return addresses.length === 0 ? setGateway(addressed, '', false) : addressed;
}

function setAddresses(value: YamlMapping, wanted: readonly string[], isIpv6: boolean): YamlMapping {
  const others = listIn(value, 'addresses').filter((item) => addressText(item).includes(':') !== isIpv6);
  const had = listIn(value, 'addresses');
  // An address that stays keeps its options.
  const same = (address: string): YamlValue => had.find((item) => addressText(item) === address) ?? address;
  const own = wanted.map(same);
  return setList(value, 'addresses', isIpv6 ? [...others, ...own] : [...own, ...others]);
}

function addressText(item: YamlValue): string {
  return typeof item === 'string' ? item : (Object.keys(item)[0] ?? '');
}

/** `gateway4` is out of use, and `default` is unknown to old versions. */
function setGateway(value: YamlMapping, gateway: string, isIpv6: boolean): YamlMapping {
  const routes = listIn(value, 'routes').filter((route) => !isDefaultRoute(route, isIpv6));
  const route = gateway === '' ? [] : [{ to: isIpv6 ? '::/0' : '0.0.0.0/0', via: gateway }];
  const [first, rest] = [
    routes.filter((each) => isDefaultRoute(each, !isIpv6)),
    routes.filter((each) => !isDefaultRoute(each, !isIpv6)),
  ];
  const defaults = isIpv6 ? [...first, ...route] : [...route, ...first];
  return setList(without(value, isIpv6 ? 'gateway6' : 'gateway4'), 'routes', [...defaults, ...rest]);
}

function setRoutes(value: YamlMapping, wanted: NonNullable<BridgeSettings['routes']>): YamlMapping {
  const kept = listIn(value, 'routes').filter((route) => isDefaultRoute(route, true) || isDefaultRoute(route, false));
  const added = wanted.map(
    ({ to, via, metric, table }): YamlMapping => ({
      to,
      ...(via === undefined ? { scope: 'link' } : { via }),
      ...(metric !== undefined && { metric: String(metric) }),
      ...(table !== undefined && { table: String(table) }),
    }),
  );
  return setList(value, 'routes', [...kept, ...added]);
}

function setIpv6(value: YamlMapping, ipv6: NonNullable<BridgeSettings['ipv6']>): YamlMapping {
  const open = without(value, 'link-local');
  if (ipv6 === 'auto') return { ...open, 'accept-ra': 'true' };
  if (ipv6 === 'static') return { ...open, 'accept-ra': 'false' };
  const addressless = setGateway(setAddresses(open, [], true), '', true);
  return { ...addressless, 'accept-ra': 'false', dhcp6: 'false', 'link-local': [] };
}

function setNameservers(value: YamlMapping, key: 'addresses' | 'search', wanted: readonly string[]): YamlMapping {
  const nameservers = setList(mappingIn(value, 'nameservers'), key, wanted);
  return Object.keys(nameservers).length === 0 ? without(value, 'nameservers') : { ...value, nameservers };
}

function setList(value: YamlMapping, key: string, list: readonly YamlValue[]): YamlMapping {
  return list.length === 0 ? without(value, key) : { ...value, [key]: list };
}

/** A mapping without a key. */
export function without(value: YamlMapping, ...keys: readonly string[]): YamlMapping {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
