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
import { primaryAddress } from './address.ts';
import { gatewayOf, writeBridge } from './file.ts';
import {
  companionNames,
  ifcfgPath,
  isDhcp,
  isOn,
  isOrderedAsBridge,
  parametersPath,
  renameDevice,
  scriptsDirectory,
} from './network_scripts.ts';
import { becomePort, leaveBridge } from './port.ts';
import type { BridgeValues, IfcfgBridgeFound, IfcfgBridgeState, PortState } from './state.ts';

/** Says which files are written and removed, in an order that leaves a host with a network wherever it is broken off. */
export function planBridge(
  { state, found }: ModuleReading<IfcfgBridgeState, IfcfgBridgeFound>,
  desired: IfcfgBridgeState,
): readonly Step[] {
  const { name, port, bridge } = desired;
  if (found.refusals.length > 0) {
    throw new UnsupportedChangeError(`${name} cannot be changed: ${found.refusals.join('; ')}`);
  }
  return bridge === 'absent' ? remove(found, name, port.name, state) : create(found, desired, bridge, state.port);
}

/**
 * The bridge's file comes first: a port without it joins a bridge that has no address at all,
 * while a bridge without its port leaves the port as it was.
 */
function create(
  found: IfcfgBridgeFound,
  { name, port, parameters }: IfcfgBridgeState,
  wanted: BridgeValues,
  actualPort: PortState | undefined,
): readonly Step[] {
  if (wanted.MACADDR === portMacWord && found.context.portMac === undefined) {
    throw new UnsupportedChangeError(`${name} takes the MAC of ${port.name}, and there is no such interface`);
  }
  const bridgeFile = writeBridge(
    found.bridge?.content,
    { bridge: name, port: port.name },
    wanted,
    found.port?.content,
    found.context,
  );
  refuseBroken(bridgeFile, name, wanted, found);
  const before = found.port?.content ?? newPort(port.name);
  const portFile = becomePort(before, name, portKeys(port, actualPort));
  return [
    ...planParameters(name, parameters, found),
    ...writeIfNew(found.bridge?.path ?? ifcfgPath(name), formatKeyValue(bridgeFile), found.bridge?.text),
    ...moveCompanions(found, port.name, name, 'write'),
    ...writeIfNew(found.port?.path ?? ifcfgPath(port.name), formatKeyValue(portFile), found.port?.text),
    ...moveCompanions(found, port.name, name, 'remove'),
  ];
}

/** The port comes first: the other way round it would be left in a bridge that has no file, and so without an address. */
function remove(
  found: IfcfgBridgeFound,
  name: string,
  port: string,
  state: Partial<IfcfgBridgeState>,
): readonly Step[] {
  const isPort = state.port?.BRIDGE !== '' || (state.port.remembered?.length ?? 0) > 0;
  const portSteps =
    found.port === undefined || !isPort
      ? []
      : writeIfNew(
          found.port.path,
          formatKeyValue(leaveBridge(found.port.content, name, port, found.bridge?.content)),
          found.port.text,
        );
  return [
    ...moveCompanions(found, name, port, 'write'),
    ...portSteps,
    ...(found.bridge === undefined ? [] : [removeFile(found.bridge.path, { before: found.bridge.text })]),
    ...moveCompanions(found, name, port, 'remove'),
    ...planParameters(name, [], found),
  ];
}

/** The file is the module's own, and is written as a whole. */
function planParameters(name: string, lines: readonly string[], { parameters }: IfcfgBridgeFound): readonly Step[] {
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
function refuseBroken(file: KeyValueFile, name: string, wanted: BridgeValues, found: IfcfgBridgeFound): void {
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
      `${name} is to have a static address, and neither the task nor ${found.port?.path ?? 'a file of its port'} names one; say address: '192.0.2.10/24'`,
    );
  }
  if (wanted.STP === 'on' && !found.context.traits.brctl && !isDhcp(wanted.BOOTPROTO) && address !== undefined) {
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

/** Moves the files of routes and rules to another device: first all are written, and when everything stands the old ones go. */
function moveCompanions(found: IfcfgBridgeFound, from: string, to: string, what: 'write' | 'remove'): readonly Step[] {
  const targets = companionNames(to);
  return companionNames(from).flatMap((file, index): readonly Step[] => {
    const source = found.companions[file];
    const target = targets[index];
    if (source === undefined || target === undefined) return [];
    if (what === 'remove') return [removeFile(source.path, { before: source })];
    const text = renameDevice(source.text, from, to);
    const there = found.companions[target];
    if (there !== undefined && there.text !== text) {
      throw new UnsupportedChangeError(
        `${source.path} would become ${target}, and there is another file of that name; put its lines into one of them`,
      );
    }
    return there === undefined ? [writeFile(`${scriptsDirectory}/${target}`, text)] : [];
  });
}
