import type { ModuleReading } from '../../../lib/engine/module_spec.ts';
import { getValue, parseKeyValue } from '../../../lib/formats/key_value.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { Missing } from '../../../lib/task/task.ts';
import { bridgeFilterWarnings } from '../../common/bridge_netfilter.ts';
import { missingTools } from '../../common/packages.ts';
import { readLiveBridge } from '../live.ts';
import { bridgeValues } from './file.ts';
import { isFileOf, readNetworkFiles } from './files.ts';
import { bridgeLinks } from './links.ts';
import {
  companionNames,
  isDhcp,
  missingNetworkScripts,
  networkSettings,
  parametersPath,
  readScriptTraits,
  type ScriptTraits,
} from './network_scripts.ts';
import { addressKeysOf, rememberedKeys } from './port.ts';
import { findings } from './refusals.ts';
import type { BridgeContext, IfcfgBridgeFound, IfcfgBridgeState, PortState, Surroundings } from './state.ts';

/** Looks at the files of a bridge and its port, and at what could go wrong with them. */
export async function readBridge(
  host: ReadonlyHost,
  desired: IfcfgBridgeState,
): Promise<ModuleReading<IfcfgBridgeState, IfcfgBridgeFound>> {
  const { name, port } = desired;
  const [files, live, traits, missingScripts, tools, parameters, filterWarnings, hasNetworkManager, settings] =
    await Promise.all([
      readNetworkFiles(host, name, port.name),
      readLiveBridge(host, name, [port.name]),
      readScriptTraits(host),
      missingNetworkScripts(host),
      missingTools(host, ['brctl', 'dhclient', 'bc']),
      host.readFile(parametersPath(name)),
      bridgeFilterWarnings(host, desired.bridge === 'absent' ? [] : [name]),
      host.exists('/usr/sbin/NetworkManager'),
      host.readFile(networkSettings),
    ]);
  const context: BridgeContext = { portMac: live.macs[port.name], traits };
  const around: Surroundings = {
    ...live,
    isNameTaken: !live.isBridge && live.names.includes(name),
    bridgeMac: live.macs[name],
    fileNames: files.names,
    others: files.others,
    settings: settings && parseKeyValue(settings.text),
  };
  const found = {
    bridge: files.bridge,
    port: files.port,
    companions: files.companions,
    parameters,
    context,
    refusals: [],
  };
  const { refusals, warnings } = findings(desired, found, around);
  return {
    state: {
      name,
      bridge: bridgeState(desired, found),
      port: portState(desired, found, hasNetworkManager),
      routeFiles: companionNames(desired.bridge === 'absent' ? name : port.name).filter(
        (file) => found.companions[file] !== undefined,
      ),
      parameters: (parameters?.text ?? '').split('\n').filter((line) => /^[^#\s]/.test(line)),
    },
    found: { ...found, refusals },
    missing: missing(desired, missingScripts, tools, live.names, traits),
    warnings: [...warnings, ...filterWarnings],
    network: { links: bridgeLinks(desired, found) },
  };
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
    ...(isFileOf(port.content, name, context.portMac) && { DEVICE: name }),
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
