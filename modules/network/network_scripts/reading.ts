import { parseRoutingTables } from '../../../lib/formats/ip_rule.ts';
import { getValue } from '../../../lib/formats/key_value.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { BridgeSettings, BridgeState, PortSettings, Route } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks, StackReading } from '../stack.ts';
import { addressesOf } from './ifcfg/address.ts';
import { type BridgeValues, bridgeValues } from './ifcfg/bridge_file.ts';
import { isDhcp } from './ifcfg/keys.ts';
import { leaveBridge } from './ifcfg/port_file.ts';
import { type RouteContext, routesOf } from './ifcfg/routes.ts';
import { settingsOf } from './ifcfg/settings.ts';
import { bridgeLinks } from './links.ts';
import { companionNames, parametersPath, routingTables, scriptsDirectory } from './network_scripts.ts';
import { planFiles } from './plan.ts';
import {
  bridgeFiles,
  neededTools,
  parameterLines,
  portState,
  readScripts,
  type Scripts,
  surroundings,
} from './read.ts';
import { fileFindings } from './refusals.ts';
import type { BridgeFiles, PortState, WantedBridge } from './state.ts';
import { wantedBridge } from './wanted.ts';

/** What a task of the module `bridge` wants of the scripts' files, and what they hold. */
export interface WantedReading {
  readonly scripts: Scripts;
  readonly files: BridgeFiles;
  /** What the bridge's file holds; undefined where there is none. */
  readonly settings: BridgeSettings | undefined;
  readonly wanted: WantedBridge;
}

/** Reads the scripts' files, and says what the task wants of them. */
export async function readWanted(host: ReadonlyHost, desired: BridgeState, live: LiveBridge): Promise<WantedReading> {
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const [scripts, tables] = await Promise.all([readScripts(host, name, portNames.value), host.readFile(routingTables)]);
  const files = bridgeFiles(scripts, live, first);
  const parameters = parameterLines(scripts.parameters);
  const context: RouteContext = { device: name, tables: parseRoutingTables(tables?.text ?? '') };
  const named = bridge === 'absent' ? undefined : bridge;
  const routes = inOrder(routesBeside(name, files, context), named?.routes);
  const settings = files.bridge && settingsOf(files.bridge.content, routes, parameters, named, files.context);
  return { scripts, files, settings, wanted: wantedBridge(desired, files, settings, parameters, context) };
}

/** Reads the files of a bridge and its ports. */
export async function readNetworkScripts(
  host: ReadonlyHost,
  desired: BridgeState,
  _owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackReading> {
  const reading = await readWanted(host, desired, live);
  const { scripts, files, settings, wanted } = reading;
  const actual = wanted.ports.map((port) => portState(wanted, port, files, scripts.hasNetworkManager));
  const { refusals, warnings } = fileFindings(wanted, files, surroundings(scripts, live, desired.name));
  const { bridge } = wanted;
  return {
    bridge: files.bridge && (isBridgeFile(wanted, files, scripts) ? settings : {}),
    ports: Object.fromEntries(
      wanted.ports.map((port, index) => [port.name, portSettings(wanted, port, actual[index], files)]),
    ),
    refusals: [...refusals, ...(bridge === 'absent' ? [] : presentRefusals(desired, wanted, files))],
    warnings: [
      ...warnings,
      ...(bridge === 'absent' ? absentWarnings(wanted, files) : presentWarnings(bridge, wanted, files)),
    ],
    missing: bridge === 'absent' ? [] : neededTools(withWhatIsThere(bridge, settings), scripts),
    links: bridgeLinks({ ...wanted, bridge: bridge === 'absent' ? bridge : withWhatIsThere(bridge, settings) }, files),
    steps: () => planFiles(wanted, files, actual),
  };
}

function routesBeside(device: string, { companions }: BridgeFiles, context: RouteContext): readonly Route[] {
  return companionNames(device)
    .slice(0, 2)
    .flatMap((file) => routesOf(companions[file]?.text ?? '', context));
}

/** Routes of both families stand in two files, and so have no order between them: they are given in the wanted one. */
function inOrder(found: readonly Route[], wanted: readonly Route[] = []): readonly Route[] {
  const texts = wanted.map((route) => JSON.stringify(route));
  const place = (route: Route): number =>
    (texts.indexOf(JSON.stringify(route)) + texts.length + 1) % (texts.length + 1);
  return found.toSorted((one, other) => place(one) - place(other));
}

/** Tells whether the bridge's file makes a bridge of that name, and keeps NetworkManager away from it. */
function isBridgeFile({ bridge, name }: WantedBridge, files: BridgeFiles, { hasNetworkManager }: Scripts): boolean {
  if (bridge === 'absent' || files.bridge === undefined) return true;
  const own = { DEVICE: name, TYPE: 'Bridge', ...(hasNetworkManager && { NM_CONTROLLED: 'no' }) };
  const actual = bridgeValues(files.bridge.content, own, files.context);
  return Object.entries(own).every(([key, value]) => actual[key] === value);
}

/** A port whose file lacks one of the keys that make it one is in no bridge. */
function portSettings(
  { name, bridge, ports }: WantedBridge,
  wanted: PortState,
  actual: PortState | undefined,
  { companions, parameters }: BridgeFiles,
): PortSettings {
  const isFirst = wanted.name === ports[0]?.name;
  const moving = isFirst
    ? companionNames(bridge === 'absent' ? name : wanted.name).filter((file) => companions[file] !== undefined)
    : [];
  if (bridge === 'absent') {
    const left = isFirst && parameters !== undefined ? [parametersPath(name)] : [];
    return { bridge: actual?.BRIDGE ?? '', remembered: [...(actual?.remembered ?? []), ...moving, ...left] };
  }
  const keys = ['DEVICE', 'BRIDGE', 'ONBOOT', 'NM_CONTROLLED', 'MTU'] as const;
  const isPort = keys.every((key) => wanted[key] === undefined || wanted[key] === actual?.[key]);
  const there = actual?.BRIDGE === name ? '' : (actual?.BRIDGE ?? '');
  return { bridge: isPort ? name : there, addressing: [...(actual?.addressKeys ?? []), ...moving] };
}

/** Values that the task does not name, of a bridge whose file is there. */
function withWhatIsThere(values: BridgeValues, settings: BridgeSettings | undefined): BridgeValues {
  if (settings === undefined) return values;
  const { ipv4, stp, delay } = settings;
  return { BOOTPROTO: ipv4 === 'dhcp' ? 'dhcp' : 'none', STP: stp ? 'on' : 'off', DELAY: String(delay), ...values };
}

function presentRefusals(
  { bridge }: BridgeState,
  { name, ports }: WantedBridge,
  files: BridgeFiles,
): readonly string[] {
  const servers = bridge === 'absent' ? [] : (bridge.dns ?? []);
  const others = ports.slice(1).flatMap((port) =>
    companionNames(port.name)
      .filter((file) => files.companions[file] !== undefined)
      .map((file) => ({ file, port: port.name })),
  );
  return [
    ...(servers.length > 3
      ? [`the network scripts know at most three name servers, and 'dns' has ${servers.length}; leave some out`]
      : []),
    ...others.map(
      ({ file, port }) =>
        `${scriptsDirectory}/${file} would do nothing once ${port} is a port of ${name}; move its lines to a file of ${ports[0]?.name}, or take it away`,
    ),
  ];
}

function absentWarnings({ name, ports }: WantedBridge, files: BridgeFiles): readonly string[] {
  return ports.flatMap((port) => {
    const file = files.ports[port.name]?.content;
    const mtu = file && getValue(file, 'MTU');
    if (file === undefined || mtu === undefined || mtu === '1500') return [];
    if (getValue(leaveBridge(file, name, port.name, undefined), 'MTU') !== undefined) return [];
    return [
      `${port.name} keeps its MTU of ${mtu} bytes until the next boot: its file names none, and then the scripts set none`,
    ];
  });
}

function presentWarnings(values: BridgeValues, { name, ports }: WantedBridge, files: BridgeFiles): readonly string[] {
  const file = files.ports[ports[0]?.name ?? ''];
  if (file === undefined) return [];
  const address = addressesOf(file.content).join(', ');
  const asks = isDhcp(getValue(file.content, 'BOOTPROTO'));
  const what = asks ? 'asks a DHCP server' : `has the static address ${address}`;
  const isLost = asks && values.BOOTPROTO !== undefined && !isDhcp(values.BOOTPROTO) && !values.addresses;
  return [
    ...(!asks && address !== '' && isDhcp(values.BOOTPROTO)
      ? [
          `${file.path} ${what} and ${name} will ask a DHCP server: the host's address may change; leave bootproto out to keep it`,
        ]
      : []),
    ...(isLost ? [`${file.path} ${what} and ${name} will not: the host loses that address`] : []),
  ];
}
