import type { ModuleReading } from '../../../lib/engine/module_spec.ts';
import { UnsupportedChangeError } from '../../../lib/errors.ts';
import { inSubnet, parseIpv4, parseIpv4Network } from '../../../lib/formats/ipv4.ts';
import {
  assignment,
  formatKeyValue,
  getValue,
  type KeyValueFile,
  parseKeyValue,
} from '../../../lib/formats/key_value.ts';
import type { TextFile } from '../../../lib/task/readonly_host.ts';
import { removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import { portMacWord } from '../arguments.ts';
import { primaryAddress } from './ifcfg/address.ts';
import { type BridgeContext, type BridgeValues, gatewayOf, writeBridge } from './ifcfg/bridge_file.ts';
import { isDhcp, isOn, isOrderedAsBridge } from './ifcfg/keys.ts';
import { becomePort, leaveBridge } from './ifcfg/port_file.ts';
import { companionNames, ifcfgPath, parametersPath, renameDevice, scriptsDirectory } from './network_scripts.ts';
import {
  type BridgeFiles,
  firstPort,
  type IfcfgBridgeFound,
  type IfcfgBridgeState,
  type PortState,
  type WantedBridge,
  wantedByIfcfgBridge,
} from './state.ts';

/** Says what {@link ifcfgBridge} writes and removes. */
export function planBridge(
  { state, found }: ModuleReading<IfcfgBridgeState, IfcfgBridgeFound>,
  desired: IfcfgBridgeState,
): readonly Step[] {
  if (found.refusals.length > 0) {
    throw new UnsupportedChangeError(`${desired.name} cannot be changed: ${found.refusals.join('; ')}`);
  }
  return planFiles(wantedByIfcfgBridge(desired), found, state.port === undefined ? [] : [state.port]);
}

/**
 * Says which files are written and removed, in an order that leaves a host with a network wherever it is broken off.
 * @param actual what the ports' files hold, in the order of the wanted ones
 */
export function planFiles(wanted: WantedBridge, found: BridgeFiles, actual: readonly PortState[]): readonly Step[] {
  return wanted.bridge === 'absent' ? remove(wanted, found, actual) : create(wanted, wanted.bridge, found, actual);
}

/**
 * The bridge's file comes first: a port without it joins a bridge that has no address at all,
 * while a bridge without its port leaves the port as it was.
 */
function create(
  { name, ports, parameters, routeTexts }: WantedBridge,
  wanted: BridgeValues,
  found: BridgeFiles,
  actual: readonly PortState[],
): readonly Step[] {
  const first = firstPort({ ports });
  if (wanted.MACADDR === portMacWord && found.context.portMac === undefined) {
    throw new UnsupportedChangeError(`${name} takes the MAC of ${first}, and there is no such interface`);
  }
  const bridgeFile = writeBridge(
    found.bridge?.content,
    { bridge: name, port: first },
    wanted,
    found.ports[first]?.content,
    found.context,
  );
  refuseBroken(bridgeFile, name, wanted, found.ports[first]?.path, found.context);
  const portSteps = ports.flatMap((port, index) => {
    const file = found.ports[port.name];
    const written = becomePort(file?.content ?? newPort(port.name), name, portKeys(port, actual[index]));
    return writeIfNew(file?.path ?? ifcfgPath(port.name), formatKeyValue(written), file?.text);
  });
  return [
    ...planParameters(name, parameters, found),
    ...writeIfNew(found.bridge?.path ?? ifcfgPath(name), formatKeyValue(bridgeFile), found.bridge?.text),
    ...moveCompanions(found, first, name, routeTexts),
    ...portSteps,
    ...removeCompanions(found, first),
  ];
}

/** The port comes first: the other way round it would be left in a bridge that has no file, and so without an address. */
function remove({ name, ports }: WantedBridge, found: BridgeFiles, actual: readonly PortState[]): readonly Step[] {
  const first = firstPort({ ports });
  const portSteps = ports.flatMap((port, index) => {
    const file = found.ports[port.name];
    const isPort = actual[index]?.BRIDGE !== '' || (actual[index]?.remembered?.length ?? 0) > 0;
    if (file === undefined || !isPort) return [];
    // The bridge's addresses go back to the port that they came from.
    const heir = port.name === first ? found.bridge?.content : undefined;
    return writeIfNew(file.path, formatKeyValue(leaveBridge(file.content, name, port.name, heir)), file.text);
  });
  return [
    ...moveCompanions(found, name, first),
    ...portSteps,
    ...(found.bridge === undefined ? [] : [removeFile(found.bridge.path, { before: found.bridge.text })]),
    ...removeCompanions(found, name),
    ...planParameters(name, [], found),
  ];
}

/** The file is the module's own, and is written as a whole. */
function planParameters(name: string, lines: readonly string[], { parameters }: BridgeFiles): readonly Step[] {
  const path = parametersPath(name);
  if (lines.length === 0) return parameters === undefined ? [] : [removeFile(path, { before: parameters })];
  const text = `# Written by kvm-play for the bridge ${name}, whose network scripts do not see to it.\n${lines.join('\n')}\n`;
  return writeIfNew(path, text, parameters);
}

function newPort(name: string): KeyValueFile {
  return parseKeyValue(`${assignment('DEVICE', name, 'needed')}\nTYPE=Ethernet\n`);
}

/** The port's own keys that are not as wanted. */
function portKeys(wanted: PortState, actual: PortState | undefined): Record<string, string> {
  const keys = ['DEVICE', 'ONBOOT', 'MTU', 'BRIDGE', 'NM_CONTROLLED'] as const;
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = wanted[key];
      return value === undefined || value === actual?.[key] ? [] : [[key, value]];
    }),
  );
}

/** Refuses what the scripts would take without a word and then not do. */
function refuseBroken(
  file: KeyValueFile,
  name: string,
  wanted: BridgeValues,
  portPath: string | undefined,
  { traits }: BridgeContext,
): void {
  if (!isOrderedAsBridge(file)) {
    throw new UnsupportedChangeError(
      `${ifcfgPath(name)} holds a comment with TYPE= in it, which hides the bridge's TYPE from the init script; take that line out`,
    );
  }
  if (isOn(getValue(file, 'STP')) && Number(wanted.DELAY) < 2) {
    throw new UnsupportedChangeError(
      `${ifcfgPath(name)} says STP=${getValue(file, 'STP')}, with which the kernel refuses a forward delay of ${wanted.DELAY} s; say stp: false, or stp: true and a delay of 2 to 30`,
    );
  }
  const options = /(?:^|\s)(forward_delay|stp_state)=/.exec(getValue(file, 'BRIDGING_OPTS') ?? '')?.[1];
  if (options !== undefined) {
    throw new UnsupportedChangeError(
      `${ifcfgPath(name)} sets ${options} in BRIDGING_OPTS, over what this task writes; take it out there, and say stp and delay`,
    );
  }
  const address = primaryAddress(file);
  if (wanted.BOOTPROTO === 'static' && address === undefined) {
    throw new UnsupportedChangeError(
      `${name} is to have a static address, and neither the task nor ${portPath ?? 'a file of its port'} names one; say address: '192.0.2.10/24'`,
    );
  }
  if (wanted.STP === 'on' && !traits.brctl && !isDhcp(wanted.BOOTPROTO) && address !== undefined) {
    throw new UnsupportedChangeError(
      `spanning tree with a static address makes these network scripts (EL8) wait 200 times the delay before ${name} has its address; leave stp out or use bootproto: 'dhcp'`,
    );
  }
  const gateway = gatewayOf(file);
  const network = address === undefined ? undefined : parseIpv4Network(address);
  if (isDhcp(wanted.BOOTPROTO) || gateway === undefined || network === undefined) return;
  const number = parseIpv4(gateway);
  if (number === undefined || !inSubnet(number, network)) {
    throw new UnsupportedChangeError(
      `${name} would have the gateway ${gateway}, which is not in the subnet of ${address}, and so no default route; say gateway`,
    );
  }
}

function writeIfNew(path: string, text: string, before: TextFile | undefined): readonly Step[] {
  if (before?.text === text) return [];
  return [writeFile(path, text, before === undefined ? {} : { before })];
}

/**
 * Writes the files of routes and rules beside another device's; the old ones go when everything stands.
 * @param texts those of them that get another text, by their new names
 */
function moveCompanions(
  found: BridgeFiles,
  from: string,
  to: string,
  texts: Readonly<Record<string, string>> = {},
): readonly Step[] {
  const targets = companionNames(to);
  return companionNames(from).flatMap((file, index): readonly Step[] => {
    const source = found.companions[file];
    const target = targets[index] ?? '';
    const there = found.companions[target];
    const moved = source && renameDevice(source.text, from, to);
    if (source !== undefined && there !== undefined && there.text !== moved) {
      throw new UnsupportedChangeError(
        `${source.path} would become ${target}, and there is another file of that name; put its lines into one of them`,
      );
    }
    const text = texts[target] ?? there?.text ?? moved;
    if (text === undefined) return [];
    if (text !== '' || texts[target] === undefined) return writeIfNew(`${scriptsDirectory}/${target}`, text, there);
    return there === undefined ? [] : [removeFile(there.path, { before: there })];
  });
}

function removeCompanions(found: BridgeFiles, of: string): readonly Step[] {
  return companionNames(of).flatMap((file) => {
    const there = found.companions[file];
    return there === undefined ? [] : [removeFile(there.path, { before: there })];
  });
}
