import type { ModuleReading } from '../../../lib/engine/module_spec.ts';
import { getValue, parseKeyValue } from '../../../lib/formats/key_value.ts';
import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';
import type { Missing } from '../../../lib/task/task.ts';
import { bridgeFilterWarnings } from '../../common/bridge_netfilter.ts';
import { missingTools } from '../../common/packages.ts';
import { type LiveBridge, readLiveBridge } from '../live.ts';
import { isFileOf, type NetworkFiles, readNetworkFiles } from './files.ts';
import { type BridgeValues, bridgeValues, type ScriptTraits } from './ifcfg/bridge_file.ts';
import { isDhcp } from './ifcfg/keys.ts';
import { addressKeysOf, rememberedKeys } from './ifcfg/port_file.ts';
import { bridgeLinks } from './links.ts';
import {
  companionNames,
  missingNetworkScripts,
  networkSettings,
  parametersPath,
  readScriptTraits,
} from './network_scripts.ts';
import { findings } from './refusals.ts';
import {
  type BridgeFiles,
  type IfcfgBridgeFound,
  type IfcfgBridgeState,
  type PortState,
  type Surroundings,
  type WantedBridge,
  wantedByIfcfgBridge,
} from './state.ts';

/** Looks at the files of a bridge and its port, and at what could go wrong with them. */
export async function readBridge(
  host: ReadonlyHost,
  desired: IfcfgBridgeState,
): Promise<ModuleReading<IfcfgBridgeState, IfcfgBridgeFound>> {
  const { name, port } = desired;
  const [live, scripts, missingScripts, filterWarnings] = await Promise.all([
    readLiveBridge(host, name, [port.name]),
    readScripts(host, name, [port.name]),
    missingNetworkScripts(host),
    bridgeFilterWarnings(host, desired.bridge === 'absent' ? [] : [name]),
  ]);
  const files = bridgeFiles(scripts, live, port.name);
  const { refusals, warnings } = findings(desired, files, surroundings(scripts, live, name));
  const { companions, parameters } = files;
  return {
    state: {
      name,
      bridge: bridgeState(desired, files),
      port: portState(desired, port, files, scripts.hasNetworkManager),
      routeFiles: companionNames(desired.bridge === 'absent' ? name : port.name).filter(
        (file) => companions[file] !== undefined,
      ),
      parameters: parameterLines(parameters),
    },
    found: { ...files, refusals },
    missing: missing(desired, missingScripts, scripts, live.names),
    warnings: [...warnings, ...filterWarnings],
    network: { links: bridgeLinks(wantedByIfcfgBridge(desired), files) },
  };
}

/** What is read of the network scripts, for whatever is wanted. */
export interface Scripts {
  readonly files: NetworkFiles;
  readonly traits: ScriptTraits;
  /** Tools that the scripts may call and that the host lacks. */
  readonly lackedTools: readonly Missing[];
  readonly parameters: TextFile | undefined;
  readonly hasNetworkManager: boolean;
  /** The host's own settings; undefined when there is no such file. */
  readonly settings: TextFile | undefined;
}

/** Looks at the scripts' files of a bridge and its ports. */
export async function readScripts(host: ReadonlyHost, name: string, ports: readonly string[]): Promise<Scripts> {
  const [files, traits, lackedTools, parameters, hasNetworkManager, settings] = await Promise.all([
    readNetworkFiles(host, name, ports),
    readScriptTraits(host),
    missingTools(host, ['brctl', 'dhclient', 'bc']),
    host.readFile(parametersPath(name)),
    host.exists('/usr/sbin/NetworkManager'),
    host.readFile(networkSettings),
  ]);
  return { files, traits, lackedTools, parameters, hasNetworkManager, settings };
}

/** Gives what planning needs of what was read. */
export function bridgeFiles({ files, traits, parameters }: Scripts, live: LiveBridge, firstPort: string): BridgeFiles {
  const { bridge, ports, companions } = files;
  return { bridge, ports, companions, parameters, context: { portMac: live.macs[firstPort], traits } };
}

/** Gives what stands around a bridge's files. */
export function surroundings({ files, settings }: Scripts, live: LiveBridge, name: string): Surroundings {
  return {
    ...live,
    isNameTaken: !live.isBridge && live.names.includes(name),
    bridgeMac: live.macs[name],
    fileNames: files.names,
    others: files.others,
    settings: settings && parseKeyValue(settings.text),
  };
}

/** Returns the kernel parameters that a file sets, a line each. */
export function parameterLines(file: TextFile | undefined): readonly string[] {
  return (file?.text ?? '').split('\n').filter((line) => /^[^#\s]/.test(line));
}

function bridgeState(desired: IfcfgBridgeState, { bridge, context }: BridgeFiles): IfcfgBridgeState['bridge'] {
  if (desired.bridge !== 'absent') {
    return bridge === undefined ? {} : bridgeValues(bridge.content, desired.bridge, context);
  }
  return bridge === undefined ? 'absent' : bridgeValues(bridge.content, { DEVICE: '' }, context);
}

/** Says what a port's file holds of what is wanted of it. */
export function portState(
  { name, bridge }: Pick<WantedBridge, 'name' | 'bridge'>,
  wanted: PortState,
  { ports, context }: BridgeFiles,
  hasManager: boolean,
): PortState {
  const file = ports[wanted.name];
  if (bridge === 'absent') {
    const isIn = file !== undefined && getValue(file.content, 'BRIDGE') === name;
    return {
      name: wanted.name,
      BRIDGE: isIn ? name : '',
      remembered: file ? rememberedKeys(file.content, name) : [],
    };
  }
  // Where there is no NetworkManager nothing can seize the port, and the line is not needed.
  const unneeded = hasManager || wanted.NM_CONTROLLED === undefined ? {} : { NM_CONTROLLED: wanted.NM_CONTROLLED };
  if (file === undefined) return { name: wanted.name, ...unneeded, addressKeys: [] };
  const keys = ['DEVICE', 'BRIDGE', 'ONBOOT', 'NM_CONTROLLED', 'MTU'] as const;
  const values = Object.fromEntries(keys.flatMap((key) => (wanted[key] === undefined ? [] : [[key, wanted[key]]])));
  const actual = bridgeValues(file.content, values, context);
  return {
    ...actual,
    name: wanted.name,
    ...(isFileOf(file.content, wanted.name, context.portMac) && { DEVICE: wanted.name }),
    ...unneeded,
    addressKeys: addressKeysOf(file.content),
  };
}

/** Says what the wanted bridge leans on. */
function missing(
  { bridge, port }: IfcfgBridgeState,
  lackedScripts: Missing | undefined,
  scripts: Scripts,
  links: readonly string[],
): readonly Missing[] {
  if (bridge === 'absent') return [];
  const link: Missing = {
    key: `link:${port.name}`,
    what: `there is no interface ${port.name}`,
    remedy: `the host has ${links.join(', ')}; name one of them as 'port'`,
  };
  const missingLink = links.includes(port.name) ? [] : [link];
  // Without the scripts nothing that they call is of any use.
  if (lackedScripts !== undefined) return [lackedScripts, ...missingLink];
  return [...missingLink, ...neededTools(bridge, scripts)];
}

/** Names the tools that the scripts call for a bridge and that the host lacks. */
export function neededTools(bridge: BridgeValues, { traits, lackedTools }: Scripts): readonly Missing[] {
  const needed = {
    'tool:brctl': traits.brctl,
    'tool:dhclient': isDhcp(bridge.BOOTPROTO),
    'tool:bc': traits.bc && bridge.STP === 'on',
  };
  const isNeeded = (key: string): boolean => Object.entries(needed).some(([tool, need]) => need && tool === key);
  return lackedTools.filter(({ key }) => isNeeded(key));
}
