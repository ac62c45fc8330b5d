import { isMapping, isSameValue, type YamlMapping } from '../../../lib/formats/yaml_value.ts';
import { removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { isYes } from '../networkd/settings.ts';
import { without } from './define.ts';
import { type NetplanBridge, ownId, ownPath } from './definitions.ts';
import { editFile } from './edit.ts';
import { isShared, mappingIn, type NetplanFile, network, textIn } from './files.ts';

/** A port in the bridge's own file. */
export interface Member {
  readonly type: string;
  /** Its name in netplan's files. */
  readonly id: string;
  /** What it needs to be told apart; empty where its definition stands elsewhere. */
  readonly match: YamlMapping;
  /** What all files say of it; empty where they mean other links too. */
  readonly value: YamlMapping;
}

/** What becomes of the bridge's own file. */
export interface OwnFile {
  /** The text that it gets; undefined where it stays as it is, or goes. */
  readonly text: string | undefined;
  readonly isRemoved: boolean;
  readonly steps: readonly Step[];
  readonly refusals: readonly string[];
}

const unchanged: OwnFile = { text: undefined, isRemoved: false, steps: [], refusals: [] };

/** A definition that is meant for other links too is left alone: one of the port's own comes before it. */
export function memberOf({ desired, ports }: NetplanBridge, port: string): Member {
  const definition = ports[port];
  if (definition === undefined) return { type: 'ethernets', id: port, match: {}, value: {} };
  const { type, id, value } = definition;
  if (!isShared(definition)) return { type, id, match: {}, value };
  return { type, id: ownId(desired.name, port), match: { match: { name: port } }, value: {} };
}

/** Writes the bridge's own file. What somebody else has written into it stays, comments included. @param bridge the definition */
export function writeOwnFile(
  found: NetplanBridge,
  members: readonly Member[],
  bridge: YamlMapping,
  wanted: BridgeSettings,
): OwnFile {
  const { files, desired } = found;
  const { name, portNames } = desired;
  const own = ownFileOf(found);
  const value = { ...own?.value, ...ownValue(name, network(own?.value ?? {}), members, bridge, wanted) };
  if (own !== undefined) return change(found, own, value);
  const path = ownPath(name);
  const text = `${headOf(name, portNames.value[0])}${files.yaml.format(value)}`;
  return { ...unchanged, text, steps: [writeFile(path, text, { mode: 0o600 })] };
}

/** Takes the bridge out of its own file. The file goes, unless somebody else has described other links in it. */
export function removeOwnFile(found: NetplanBridge, members: readonly Member[]): OwnFile {
  const { name, portNames } = found.desired;
  const own = ownFileOf(found);
  if (own === undefined) return unchanged;
  const left = withoutBridge(name, network(own.value), members);
  const isEmpty = Object.keys(without(left, 'version', 'renderer')).length === 0;
  if (isEmpty && Object.keys(without(own.value, 'network')).length === 0) {
    return { ...unchanged, isRemoved: true, steps: [removeFile(own.path, { before: own.text })] };
  }
  return change(found, own, { ...own.value, network: left }, headOf(name, portNames.value[0]));
}

/** Finds the bridge's own file. */
function ownFileOf({ files, desired }: NetplanBridge): NetplanFile | undefined {
  return files.files.find(({ path }) => path === ownPath(desired.name));
}

function headOf(name: string, port = ''): string {
  return `# Made by kvm-play: ${name}, with what ${port} had.\n`;
}

/** @param head what is not true any more */
function change({ files }: NetplanBridge, own: NetplanFile, value: YamlMapping, head = ''): OwnFile {
  if (isSameValue(own.value, value)) return unchanged;
  const edited = editFile(files, own, value);
  if (typeof edited === 'string') return { ...unchanged, refusals: [edited] };
  const text = edited.text.startsWith(head) ? edited.text.slice(head.length) : edited.text;
  return { ...unchanged, text, steps: [writeFile(own.path, text, { before: own.text })] };
}

function ownValue(
  name: string,
  before: YamlMapping,
  members: readonly Member[],
  bridge: YamlMapping,
  { mtu }: BridgeSettings,
): YamlMapping {
  let value: YamlMapping = { version: '2', ...before };
  for (const { type, id, match, value: port } of members) {
    const definition: YamlMapping = {
      ...match,
      ...mappingIn(mappingIn(value, type), id),
      dhcp4: 'false',
      ...(isYes(textIn(port, 'dhcp6')) && { dhcp6: 'false' }),
      ...(mtu !== undefined && { mtu: String(mtu) }),
    };
    value = { ...value, [type]: { ...mappingIn(value, type), [id]: definition } };
  }
  return { network: { ...value, bridges: { ...mappingIn(value, 'bridges'), [name]: bridge } } };
}

/** What is left of the file's own words when those of {@link ownValue} are taken out. */
function withoutBridge(name: string, value: YamlMapping, members: readonly Member[]): YamlMapping {
  const withoutPorts = members.reduce((left, { type, id }) => {
    const links = mappingIn(left, type);
    const definition = without(mappingIn(links, id), 'dhcp4', 'dhcp6', 'mtu');
    const isOurs = Object.keys(without(definition, 'match')).length === 0;
    return withLinks(left, type, isOurs ? without(links, id) : { ...links, [id]: definition });
  }, value);
  return withLinks(withoutPorts, 'bridges', without(mappingIn(withoutPorts, 'bridges'), name));
}

function withLinks(value: YamlMapping, type: string, links: YamlMapping): YamlMapping {
  const isGone = Object.keys(links).length === 0 && isMapping(value[type]);
  return isGone || value[type] === undefined ? without(value, type) : { ...value, [type]: links };
}
