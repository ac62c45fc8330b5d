import { isDeepStrictEqual } from 'node:util';
import type { YamlMapping } from '../../../lib/formats/yaml_value.ts';
import { isYes } from '../networkd/settings.ts';
import { without } from './define.ts';
import type { NetplanBridge } from './definitions.ts';
import { type EditedFile, type Edits, editFile, setKeys, whyNotEdited } from './edit.ts';
import {
  configuration,
  type Definition,
  isShared,
  listIn,
  mappingIn,
  type NetplanFile,
  network,
  textIn,
} from './files.ts';
import { hasMarks } from './marks.ts';
import { movedFrom, type Renderer, settingsOf } from './settings.ts';

/** What a bridge's first port gets back. */
export interface GivenBack extends Edits {
  /** A file of the port's own, where its old definition is meant for other links too. */
  readonly portFile: { readonly path: string; readonly text: string } | undefined;
}

/**
 * Gives the ports' files back: as they were where the bridge has what its first port had, byte for byte. Otherwise that port gets what
 * the bridge has now, because it is where the host is reached.
 */
export function giveBack(found: NetplanBridge): GivenBack {
  const { desired, files, filesBefore, bridge, before, renderer } = found;
  const marked = (file: NetplanFile): boolean =>
    files.files.some(({ path, text }) => path === file.path && hasMarks(desired.name, text.text));
  const restored = filesBefore.filter(marked).map((file) => ({ file, text: file.text.text }));
  const asBefore = {
    files: restored.map((edited) => inPlaceOf(files.files, edited)),
    refusals: [],
    portFile: undefined,
  };
  if (bridge === undefined || before === undefined || isSameAddressing(before.value, bridge, renderer)) return asBefore;
  if (isShared(before)) return { ...asBefore, portFile: portFile(found, before.type, bridge) };
  const changed = moveBack(found, before, bridge);
  const others = restored.filter(({ file }) => !changed.files.some((each) => each.file.path === file.path));
  return {
    files: [...others, ...changed.files].map((edited) => inPlaceOf(files.files, edited)),
    refusals: changed.refusals,
    portFile: undefined,
  };
}

/** Tells whether a bridge has what its port had, however it is written. */
function isSameAddressing(before: YamlMapping, bridge: YamlMapping, renderer: Renderer): boolean {
  return isDeepStrictEqual(addressing(before, renderer), addressing(bridge, renderer));
}

/** Keys that are compared by what they mean. */
const readKeys: readonly string[] = [
  ...[
    'optional',
    'dhcp4',
    'dhcp6',
    'addresses',
    'gateway4',
    'gateway6',
    'accept-ra',
    'link-local',
    'nameservers',
    'routes',
  ],
  // Its metric may have been written for the bridge alone.
  'dhcp4-overrides',
];

function addressing(value: YamlMapping, renderer: Renderer): unknown {
  const { stp, delay, mtu, mac, onboot, ...settings } = settingsOf(value, undefined, undefined, renderer);
  const others = Object.entries(movedFrom(value)).filter(([key]) => !readKeys.includes(key));
  const overrides = without(mappingIn(value, 'dhcp4-overrides'), 'route-metric');
  return {
    ...settings,
    overrides,
    addresses: listIn(value, 'addresses'),
    dhcp6: isYes(textIn(value, 'dhcp6')),
    others: Object.fromEntries(others),
  };
}

/** Has the files that hold what differs say what the bridge has; what is new goes where the port's addresses were described. */
function moveBack({ files, filesBefore }: NetplanBridge, { type, id, value }: Definition, bridge: YamlMapping): Edits {
  const [had, has] = [movedFrom(value), movedFrom(bridge)];
  const isOff = (key: string): boolean =>
    /^dhcp[46]$/.test(key) && !isYes(textIn(had, key)) && !isYes(textIn(has, key));
  const differing = [...new Set([...Object.keys(had), ...Object.keys(has)])].filter(
    (key) => key !== 'optional' && !isOff(key) && !isDeepStrictEqual(had[key], has[key]),
  );
  const describing = filesBefore.filter((file) => mappingIn(network(file.value), type)[id] !== undefined);
  const editable = describing.filter((file) => whyNotEdited(file) === undefined);
  const lastWith = (...keys: readonly string[]): NetplanFile | undefined =>
    describing.findLast((file) => keys.some((key) => definitionIn(file, type, id)[key] !== undefined));
  const home = lastWith('dhcp4', 'dhcp6', 'addresses') ?? editable.at(-1) ?? describing.at(-1);
  const targetOf = (key: string): NetplanFile | undefined => lastWith(key) ?? home;
  const results = describing.map((file): EditedFile | string | undefined => {
    const put = differing.flatMap((key) => {
      const now = has[key];
      return now !== undefined && targetOf(key) === file ? [[key, now] as const] : [];
    });
    const gone = differing.filter((key) => definitionIn(file, type, id)[key] !== undefined);
    if (put.length === 0 && gone.length === 0) return undefined;
    const kept = gone.filter((key) => put.every(([each]) => each !== key));
    return editFile(files, file, setKeys(file.value, type, id, kept, Object.fromEntries(put)));
  });
  return {
    files: results.flatMap((each) => (typeof each === 'object' ? [each] : [])),
    refusals: results.flatMap((each) =>
      typeof each === 'string' ? [`${id} is to get what the bridge has now, so ${each}`] : [],
    ),
  };
}

function definitionIn(file: NetplanFile, type: string, id: string): YamlMapping {
  return mappingIn(mappingIn(network(file.value), type), id);
}

function portFile(
  { files, desired }: NetplanBridge,
  type: string,
  bridge: YamlMapping,
): { path: string; text: string } {
  const [port = ''] = desired.portNames.value;
  const definition = { match: { name: port }, ...movedFrom(bridge) };
  const value = { network: { version: '2', [type]: { [`0-${port}`]: definition } } };
  const head = `# Made by kvm-play: ${port}, with what ${desired.name} had.\n`;
  return { path: `${configuration}/90-kvm-play-${port}.yaml`, text: `${head}${files.yaml.format(value)}` };
}

/** The file as it is now, which the text replaces. */
function inPlaceOf(files: readonly NetplanFile[], { file, text }: EditedFile): EditedFile {
  return { file: files.find(({ path }) => path === file.path) ?? file, text };
}
