import { isLinkLocal, parseIpv6 } from '../../../lib/formats/ipv6.ts';
import { getValue, type KeyValueFile } from '../../../lib/formats/key_value.ts';
import type { BridgeSettings, BridgeState } from '../bridge_state.ts';
import type { BridgeValues } from './ifcfg/bridge_file.ts';
import { isOff } from './ifcfg/keys.ts';
import { type RouteContext, routesOf, withRoutes } from './ifcfg/routes.ts';
import { nameServerKeys } from './ifcfg/settings.ts';
import { bridgeParameters, companionNames, renameDevice } from './network_scripts.ts';
import type { BridgeFiles, PortState, WantedBridge } from './state.ts';

/**
 * Says what a task of the module `bridge` wants in the terms of the scripts' files. What it does not name is what a new bridge's port
 * has, and is left alone in a bridge that is there.
 * @param actual what the bridge's file holds; undefined where there is none
 * @param parameters the kernel parameters that are set when the bridge is made now
 */
export function wantedBridge(
  { name, bridge, portNames }: BridgeState,
  files: BridgeFiles,
  actual: BridgeSettings | undefined,
  parameters: readonly string[],
  context: RouteContext,
): WantedBridge {
  const names = portNames.value;
  if (bridge === 'absent') {
    const ports = names.map((port): PortState => ({ name: port, BRIDGE: '', remembered: [] }));
    return { name, bridge, ports, parameters: [] };
  }
  const [first = ''] = names;
  const portFile = files.ports[first]?.content;
  return {
    name,
    bridge: valuesOf(name, bridge, actual, files.bridge?.content, portFile),
    ports: names.map((port) => portOf(name, port, bridge)),
    parameters: parametersOf(name, bridge, files.bridge === undefined ? portFile : undefined, parameters),
    ...(bridge.routes !== undefined && { routeTexts: routeTexts(bridge.routes, name, first, files, context) }),
  };
}

function portOf(bridge: string, port: string, { onboot = true, mtu }: BridgeSettings): PortState {
  return {
    name: port,
    DEVICE: port,
    BRIDGE: bridge,
    // A port that does not come up leaves the bridge without a link; one that does makes the bridge come up without its address.
    ONBOOT: onboot ? 'yes' : 'no',
    NM_CONTROLLED: 'no',
    ...(mtu !== undefined && { MTU: String(mtu) }),
    addressKeys: [],
  };
}

function valuesOf(
  name: string,
  wanted: BridgeSettings,
  actual: BridgeSettings | undefined,
  file: KeyValueFile | undefined,
  port: KeyValueFile | undefined,
): BridgeValues {
  const keys = keysOf(name, wanted, file);
  const named = settingNames.flatMap((setting) => {
    const isSame = file !== undefined && JSON.stringify(actual?.[setting]) === JSON.stringify(wanted[setting]);
    const isKept = isSame && keptSettings.has(setting);
    return Object.entries(keys[setting] ?? {}).map(([key, value]): [string, string] => [
      key,
      isKept ? (getValue(file, key) ?? '') : value,
    ]);
  });
  return {
    DEVICE: name,
    TYPE: 'Bridge',
    NM_CONTROLLED: 'no',
    ...(file === undefined ? initialValues(port) : {}),
    ...Object.fromEntries(named),
  };
}

/** The settings that keys of the bridge's file say; of two that name a key, the second one wins. */
const settingNames = [
  ...(['ipv4', 'gateway', 'ipv6Addresses', 'ipv6Gateway', 'ipv6', 'dns', 'search'] as const),
  ...(['stp', 'delay', 'mtu', 'mac', 'zone', 'onboot'] as const),
] as const;
type SettingName = (typeof settingNames)[number];

/** Settings that can be written in several ways; where they are as wanted, they stay as they are written. */
const keptSettings: ReadonlySet<SettingName> = new Set<SettingName>(['ipv6Addresses', 'ipv6Gateway', 'dns', 'search']);

/** The keys that say what is named, by the settings that they say. */
function keysOf(
  bridge: string,
  wanted: BridgeSettings,
  file: KeyValueFile | undefined,
): Readonly<Partial<Record<SettingName, BridgeValues>>> {
  const { ipv4, gateway, ipv6, ipv6Addresses, ipv6Gateway, dns, search, stp, delay, mtu, mac, zone, onboot } = wanted;
  const [firstIpv6 = '', ...moreIpv6] = ipv6Addresses ?? [];
  return {
    ...(ipv4 !== undefined && { ipv4: ipv4Keys(ipv4) }),
    ...(gateway !== undefined && { gateway: { GATEWAY: gateway } }),
    ...(ipv6Addresses !== undefined && {
      ipv6Addresses: {
        ...(ipv6Addresses.length > 0 && { IPV6INIT: 'yes' }),
        IPV6ADDR: firstIpv6,
        IPV6ADDR_SECONDARIES: moreIpv6.join(' '),
      },
    }),
    ...(ipv6 !== undefined && {
      ipv6: {
        IPV6INIT: yesNo(ipv6 !== 'off'),
        IPV6_AUTOCONF: yesNo(ipv6 === 'auto'),
        ...(ipv6 === 'off' && { IPV6ADDR: '', IPV6ADDR_SECONDARIES: '', IPV6_DEFAULTGW: '' }),
      },
    }),
    ...(ipv6Gateway !== undefined && { ipv6Gateway: { IPV6_DEFAULTGW: withDevice(ipv6Gateway, bridge) } }),
    ...(dns !== undefined && {
      dns: Object.fromEntries(nameServerKeys(file).map((key, index) => [key, dns[index] ?? ''])),
    }),
    ...(search !== undefined && { search: { DOMAIN: search.join(' ') } }),
    ...(stp !== undefined && { stp: { STP: stp ? 'on' : 'off' } }),
    ...(delay !== undefined && { delay: { DELAY: String(delay) } }),
    ...(mtu !== undefined && { mtu: { MTU: String(mtu) } }),
    ...(mac !== undefined && { mac: { MACADDR: mac } }),
    ...(zone !== undefined && { zone: { ZONE: zone } }),
    ...(onboot !== undefined && { onboot: { ONBOOT: yesNo(onboot) } }),
  };
}

function ipv4Keys(ipv4: NonNullable<BridgeSettings['ipv4']>): BridgeValues {
  if (ipv4 === 'dhcp') return { BOOTPROTO: 'dhcp' };
  if (ipv4 === 'none') return { BOOTPROTO: 'none', addresses: '', GATEWAY: '' };
  return { BOOTPROTO: 'static', addresses: ipv4.join(', ') };
}

/** What a new bridge's file says besides: BOOTPROTO and IPv6 of its port, whose other addressing moves by itself; and no delay. */
function initialValues(port: KeyValueFile | undefined): BridgeValues {
  // A value that only a shell can work out, or with a carriage return, is refused, and must not be in the way until then.
  const value = (key: string): string => /^\w+$/.exec((port && getValue(port, key)) ?? '')?.[0] ?? '';
  const keys = ['IPV6INIT', 'IPV6_AUTOCONF'].flatMap((key) => (value(key) === '' ? [] : [[key, value(key)] as const]));
  return {
    BOOTPROTO: value('BOOTPROTO') || 'none',
    ...Object.fromEntries(keys),
    DELAY: '0',
  };
}

function parametersOf(
  name: string,
  { ipv6 }: BridgeSettings,
  newPort: KeyValueFile | undefined,
  actual: readonly string[],
): readonly string[] {
  if (ipv6 !== undefined) return bridgeParameters(name, ipv6);
  if (newPort === undefined) return actual;
  const refuses = isOff(getValue(newPort, 'IPV6_AUTOCONF')) && !isOff(getValue(newPort, 'IPV6INIT'));
  return refuses ? bridgeParameters(name, 'static') : [];
}

/** The texts of those files of routes that do not hold what is wanted, by their names beside the bridge's. */
function routeTexts(
  routes: NonNullable<BridgeSettings['routes']>,
  bridge: string,
  port: string,
  { companions }: BridgeFiles,
  context: RouteContext,
): Readonly<Record<string, string>> {
  const [ipv4, ipv6] = companionNames(bridge);
  const [portIpv4, portIpv6] = companionNames(port);
  const text = (file = '', moved = ''): string =>
    companions[file]?.text ?? renameDevice(companions[moved]?.text ?? '', port, bridge);
  return Object.fromEntries(
    [
      { file: ipv4, moved: portIpv4, isOfFamily: (to: string) => !to.includes(':') },
      { file: ipv6, moved: portIpv6, isOfFamily: (to: string) => to.includes(':') },
    ].flatMap(({ file = '', moved, isOfFamily }) => {
      const wanted = routes.filter(({ to }) => isOfFamily(to));
      const now = text(file, moved);
      const isSame = JSON.stringify(routesOf(now, context)) === JSON.stringify(wanted);
      return isSame ? [] : [[file, withRoutes(now, wanted, context)] as const];
    }),
  );
}

/** A gateway that holds on one link only names the link. */
function withDevice(gateway: string, device: string): string {
  const address = parseIpv6(gateway);
  return address !== undefined && isLinkLocal(address) ? `${gateway}%${device}` : gateway;
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
