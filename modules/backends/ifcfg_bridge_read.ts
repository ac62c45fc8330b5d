import { getValue, type KeyValueFile, parseKeyValue } from '../../lib/formats/key_value.ts';
import type { ReadonlyHost, TextFile } from '../../lib/hosts/readonly_host.ts';
import type { Missing, Seen } from '../../lib/module.ts';
import type { IfcfgBridgeState, PortState } from '../ifcfg_bridge.ts';
import { type BridgeContext, bridgeValues } from './ifcfg_bridge_file.ts';
import { bridgeLinks } from './ifcfg_bridge_links.ts';
import { findings, type Surroundings } from './ifcfg_bridge_refusals.ts';
import { addressKeysOf, rememberedKeys } from './ifcfg_port.ts';
import {
  companionNames,
  ifcfgPath,
  isDhcp,
  isReadAsInterface,
  missingNetworkScripts,
  networkSettings,
  readScriptTraits,
  type ScriptTraits,
  scriptsDirectory,
} from './network_scripts.ts';
import { missingTools } from './packages.ts';

/** A file of an interface, with what it says. */
export interface InterfaceFile {
  readonly path: string;
  readonly text: TextFile;
  readonly content: KeyValueFile;
}

/** What planning needs besides the state. */
export interface IfcfgBridgeFound {
  /** The bridge's file; undefined when there is none. */
  readonly bridge: InterfaceFile | undefined;
  /** The port's file, whatever its name; undefined when there is none. */
  readonly port: InterfaceFile | undefined;
  /** Files of routes and rules, of the bridge and of the port, by name. */
  readonly companions: Readonly<Record<string, TextFile>>;
  readonly context: BridgeContext;
  /** Reasons for which nothing may be changed. */
  readonly refusals: readonly string[];
}

/** Looks at the files of a bridge and its port, and at what could go wrong with them. */
export async function readBridge(
  host: ReadonlyHost,
  desired: IfcfgBridgeState,
): Promise<Seen<IfcfgBridgeState, IfcfgBridgeFound>> {
  const { name, port } = desired;
  const [files, live, traits, missingScripts, tools, hasNetworkManager, settings] = await Promise.all([
    readFiles(host, name, port.name),
    readLive(host, name, port.name),
    readScriptTraits(host),
    missingNetworkScripts(host),
    missingTools(host, ['brctl', 'dhclient', 'bc']),
    host.exists('/usr/sbin/NetworkManager'),
    host.readFile(networkSettings),
  ]);
  const context: BridgeContext = { portMac: live.portMac, traits };
  const portFile = files.port ?? files.others.find(({ content }) => isFor(content, port.name, live.portMac));
  const others = files.others.filter((file) => file !== portFile);
  const around: Surroundings = {
    ...live,
    names: files.names,
    others,
    settings: settings && parseKeyValue(settings.text),
  };
  const found = { bridge: files.bridge, port: portFile, companions: files.companions, context, refusals: [] };
  const { refusals, warnings } = findings(desired, found, around);
  return {
    state: {
      name,
      bridge: bridgeState(desired, found),
      port: portState(desired, found, hasNetworkManager),
      routeFiles: companionNames(desired.bridge === 'absent' ? name : port.name).filter(
        (file) => found.companions[file] !== undefined,
      ),
    },
    found: { ...found, refusals },
    missing: missing(desired, missingScripts, tools, live.links, traits),
    warnings,
    links: bridgeLinks(desired, found),
  };
}

async function readFiles(host: ReadonlyHost, bridge: string, port: string) {
  const companionFiles = [...companionNames(bridge), ...companionNames(port)];
  const [names, bridgeFile, portFile, ...companions] = await Promise.all([
    host.listDirectory(scriptsDirectory),
    readInterface(host, ifcfgPath(bridge)),
    readInterface(host, ifcfgPath(port)),
    ...companionFiles.map((file) => host.readFile(`${scriptsDirectory}/${file}`)),
  ]);
  const known = [ifcfgPath(bridge), ifcfgPath(port)];
  const paths = names.filter(isReadAsInterface).map((file) => `${scriptsDirectory}/${file}`);
  const others = await Promise.all(
    paths.filter((path) => !known.includes(path)).map((path) => readInterface(host, path)),
  );
  const found = companionFiles.flatMap((file, index) => {
    const text = companions[index];
    return text === undefined ? [] : [[file, text] as const];
  });
  return {
    names,
    bridge: bridgeFile,
    port: portFile,
    companions: Object.fromEntries(found),
    others: others.filter((file) => file !== undefined),
  };
}

async function readInterface(host: ReadonlyHost, path: string): Promise<InterfaceFile | undefined> {
  const text = await host.readFile(path);
  return text && { path, text, content: parseKeyValue(text.text) };
}

async function readLive(host: ReadonlyHost, bridge: string, port: string) {
  const links = '/sys/class/net';
  const [names, isBridge, isPortBridge, address, master, plugged] = await Promise.all([
    host.listDirectory(links),
    host.exists(`${links}/${bridge}/bridge`),
    host.exists(`${links}/${port}/bridge`),
    host.query(['cat', `${links}/${port}/address`]),
    host.query(['readlink', `${links}/${port}/master`]),
    host.listDirectory(`${links}/${bridge}/brif`),
  ]);
  const mac = address.stdout.trim().toLowerCase();
  return {
    links: names.filter((link) => !['bonding_masters', 'lo'].includes(link)),
    isNameTaken: names.includes(bridge) && !isBridge,
    isPortBridge,
    portMac: mac === '' ? undefined : mac,
    master: master.stdout.trim().split('/').at(-1) ?? '',
    plugged,
  };
}

/** Tells whether a file of another name is a device's: by DEVICE, or by its MAC where DEVICE is not set. */
function isFor(content: KeyValueFile, device: string, mac: string | undefined): boolean {
  const named = getValue(content, 'DEVICE') ?? '';
  if (named !== '') return named === device;
  return mac !== undefined && getValue(content, 'HWADDR')?.toLowerCase() === mac;
}

function bridgeState(desired: IfcfgBridgeState, { bridge, context }: IfcfgBridgeFound): IfcfgBridgeState['bridge'] {
  if (desired.bridge !== 'absent') {
    return bridge === undefined ? {} : bridgeValues(bridge.content, desired.bridge, context);
  }
  return bridge === undefined ? 'absent' : bridgeValues(bridge.content, { DEVICE: '' }, context);
}

function portState(desired: IfcfgBridgeState, { port, context }: IfcfgBridgeFound, hasManager: boolean): PortState {
  const { name } = desired.port;
  if (desired.bridge === 'absent') {
    const isIn = port !== undefined && getValue(port.content, 'BRIDGE') === desired.name;
    return {
      name,
      BRIDGE: isIn ? desired.name : '',
      remembered: port ? rememberedKeys(port.content, desired.name) : [],
    };
  }
  // Where there is no NetworkManager nothing can seize the port, and the line is not needed.
  const unneeded =
    hasManager || desired.port.NM_CONTROLLED === undefined ? {} : { NM_CONTROLLED: desired.port.NM_CONTROLLED };
  if (port === undefined) return { name, ...unneeded, addressKeys: [] };
  const keys = ['DEVICE', 'BRIDGE', 'ONBOOT', 'NM_CONTROLLED', 'MTU'] as const;
  const wanted = Object.fromEntries(
    keys.flatMap((key) => (desired.port[key] === undefined ? [] : [[key, desired.port[key]]])),
  );
  const actual = bridgeValues(port.content, wanted, context);
  return {
    ...actual,
    name,
    ...(isFor(port.content, name, context.portMac) && { DEVICE: name }),
    ...unneeded,
    addressKeys: addressKeysOf(port.content),
  };
}

/** Says what the wanted bridge leans on; `tools` are those that the scripts may call and that the host lacks. */
function missing(
  { bridge, port }: IfcfgBridgeState,
  scripts: Missing | undefined,
  tools: readonly Missing[],
  links: readonly string[],
  traits: ScriptTraits,
): readonly Missing[] {
  if (bridge === 'absent') return [];
  const link: Missing = {
    key: `link:${port.name}`,
    what: `there is no interface ${port.name}`,
    remedy: `the host has ${links.join(', ')}; name one of them as 'port'`,
  };
  const missingLink = links.includes(port.name) ? [] : [link];
  // Without the scripts nothing that they call is of any use.
  if (scripts !== undefined) return [scripts, ...missingLink];
  const needed = {
    'tool:brctl': traits.brctl,
    'tool:dhclient': isDhcp(bridge.BOOTPROTO),
    'tool:bc': traits.bc && bridge.STP === 'on',
  };
  const isNeeded = (key: string): boolean => Object.entries(needed).some(([tool, need]) => need && tool === key);
  return [...missingLink, ...tools.filter(({ key }) => isNeeded(key))];
}
