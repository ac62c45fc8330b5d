import { isMapping, type YamlMapping } from '../../../lib/formats/yaml_text.ts';
import { shellProgram } from '../../../lib/process/package_files.ts';
import { type CommandStep, command, removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { isYes } from '../networkd/settings.ts';
import { defineBridge, without } from './define.ts';
import { type NetplanBridge, ownPath } from './definitions.ts';
import { type EditedFile, type Removal, removeFromFiles } from './edit.ts';
import { isShared, mappingIn, merged, network, textIn, textsIn } from './files.ts';
import { hasMarks, removeMarks } from './marks.ts';
import { movedFrom, settingsOf, stickyIn } from './settings.ts';

/** What is to be written of a bridge. */
export interface Written {
  /** The bridge's definition afterwards; empty where there is none. */
  readonly bridge: YamlMapping;
  readonly steps: readonly Step[];
  /** Sentences that say why it cannot be written. */
  readonly refusals: readonly string[];
}

/** The file with what netplan has no words for. */
export function dropInOf(bridge: string): string {
  return `${dropInDirectory(bridge)}/90-kvm-play.conf`;
}

function dropInDirectory(bridge: string): string {
  return `/etc/systemd/network/10-netplan-${bridge}.network.d`;
}

/**
 * Plans the files of a bridge. Its own file comes first: the other way round a host that is broken off in between would have no
 * address at the next boot.
 */
export function planBridge(found: NetplanBridge, wanted: BridgeSettings): Written {
  const { desired, files, ports, renderer, macs, dropIn, iaid } = found;
  const { name, portNames } = desired;
  const [first = ''] = portNames.value;
  const path = ownPath(name);
  const own = files.files.find((file) => file.path === path);
  const foreign = mappingIn(merged(files.files.filter((file) => file !== own)), 'bridges')[name];
  const port = ports[first];
  const actual = found.bridge && settingsOf(found.bridge, wanted, macs[first], renderer);
  const members = portNames.value.map((each) => memberOf(found, each));
  const kept = found.bridge === undefined ? [] : textsIn(found.bridge, 'interfaces');
  const start = found.bridge ?? { ...rendererOf(found), ...(port && movedFrom(port.value)) };
  const bridge: YamlMapping = {
    interfaces: [...new Set([...kept, ...members.map(({ id }) => id)])],
    ...without(defineBridge(start, wanted, actual, macs[first]), 'interfaces'),
  };
  const foreignBridge = isMapping(foreign) ? foreign : {};
  const bridgeRemovals = Object.keys(foreignBridge).filter(
    (key) =>
      JSON.stringify(foreignBridge[key]) !== JSON.stringify(bridge[key]) &&
      key !== 'interfaces' &&
      !isScalar(key, bridge, foreignBridge),
  );
  const removals: readonly Removal[] = [
    { type: 'bridges', id: name, keys: bridgeRemovals },
    ...portNames.value.flatMap((each): readonly Removal[] => {
      const definition = ports[each];
      if (definition === undefined || isShared(definition)) return [];
      return [{ type: definition.type, id: definition.id, keys: stickyIn(definition.value) }];
    }),
  ];
  const edits = removeFromFiles(name, files, path, removals);
  const said = Object.fromEntries(
    Object.entries(bridge).filter(
      ([key, value]) => JSON.stringify(foreignBridge[key]) !== JSON.stringify(value) || bridgeRemovals.includes(key),
    ),
  );
  const value = ownFile(found, network(own?.value ?? {}), members, said, wanted);
  const text = `# Made by kvm-play: ${name}, with what ${first} had.\n${files.yaml.format(value)}`;
  const isDuid = renderer === 'networkd' && isYes(textIn(bridge, 'dhcp4')) && iaid !== undefined;
  const pins = found.bridge === undefined && isDuid && dropIn === undefined;
  const isOwnSame = JSON.stringify(own?.value) === JSON.stringify(value);
  const writes: readonly Step[] = [
    ...(isOwnSame ? [] : [writeFile(path, text, own === undefined ? { mode: 0o600 } : { before: own.text })]),
    ...edits.files.map(({ file, text: changed }) => writeFile(file.path, changed, { before: file.text })),
  ];
  return {
    bridge,
    refusals: edits.refusals,
    steps: [
      ...checkFirst(isOwnSame ? edits.files : [{ path, text }, ...edits.files], []),
      ...(pins ? pinIaid(name, iaid) : []),
      ...writes,
    ],
  };
}

/** Plans how a bridge's files are taken back. The ports' files come first, so that no boot in between leaves them without addresses. */
export function planRemoval({ desired, files, dropIn }: NetplanBridge): Written {
  const { name } = desired;
  const path = ownPath(name);
  const own = files.files.find((file) => file.path === path);
  const marked = files.files
    .filter((file) => file !== own && hasMarks(name, file.text.text))
    .map((file) => ({ file, text: removeMarks(name, file.text.text) }));
  return {
    bridge: {},
    refusals: [],
    steps: [
      ...checkFirst(marked, own === undefined ? [] : [path]),
      ...marked.map(({ file, text }) => writeFile(file.path, text, { before: file.text })),
      ...(own === undefined ? [] : [removeFile(path, { before: own.text })]),
      ...(dropIn === undefined ? [] : [removeFile(dropIn.path, { before: dropIn }), removeDirectory(name)]),
    ],
  };
}

interface Member {
  readonly port: string;
  readonly type: string;
  /** Its name in netplan's files. */
  readonly id: string;
  /** What it needs to be told apart; empty where its definition stands elsewhere. */
  readonly match: YamlMapping;
  readonly value: YamlMapping;
}

/** A definition that is meant for other links too is left alone: one of the port's own comes before it. */
function memberOf({ desired, ports }: NetplanBridge, port: string): Member {
  const definition = ports[port];
  if (definition === undefined) return { port, type: 'ethernets', id: port, match: {}, value: {} };
  const { type, id, value } = definition;
  if (!isShared(definition)) return { port, type, id, match: {}, value };
  // The first file by its name counts, and netplan names it 10-netplan-ID.
  return { port, type, id: `0-${desired.name}-${port}`, match: { match: { name: port } }, value: {} };
}

/** The renderer, where the bridge would not get that of its port. */
function rendererOf({ all, renderer }: NetplanBridge): YamlMapping {
  const unsaid = textIn(mappingIn(all, 'bridges'), 'renderer') ?? textIn(all, 'renderer') ?? 'networkd';
  return unsaid === renderer ? {} : { renderer };
}

function isScalar(key: string, ...values: readonly YamlMapping[]): boolean {
  return values.every((value) => typeof value[key] === 'string');
}

/** The bridge's own file, with what it had beside. */
function ownFile(
  { desired: { name } }: NetplanBridge,
  before: YamlMapping,
  members: readonly Member[],
  bridge: YamlMapping,
  { mtu }: BridgeSettings,
): YamlMapping {
  let value: YamlMapping = { version: '2', ...before };
  for (const { type, id, match, value: port } of members) {
    const had = mappingIn(mappingIn(value, type), id);
    const definition: YamlMapping = {
      ...match,
      ...had,
      dhcp4: 'false',
      ...(isYes(textIn(port, 'dhcp6')) && { dhcp6: 'false' }),
      ...(mtu !== undefined && { mtu: String(mtu) }),
    };
    value = { ...value, [type]: { ...mappingIn(value, type), [id]: definition } };
  }
  return { network: { ...value, bridges: { ...mappingIn(value, 'bridges'), [name]: bridge } } };
}

/**
 * A client that goes by its DUID sends a number with it that systemd makes of the link's name, where udev gave it one: the bridge must
 * send that of its port (systemd.network(5), IAID). netplan has no word for it.
 */
function pinIaid(name: string, iaid: number): readonly Step[] {
  const directory = dropInDirectory(name);
  const undone = [['rmdir', directory]];
  return [
    command(['mkdir', '-p', directory], { undo: { withOldFiles: undone, atBoot: undone } }),
    writeFile(dropInOf(name), `# Made by kvm-play: the DHCP server knows the host by it.\n[DHCPv4]\nIAID=${iaid}\n`),
  ];
}

function removeDirectory(name: string): CommandStep {
  const directory = dropInDirectory(name);
  const undone = [['mkdir', '-p', directory]];
  return command(['rmdir', '--ignore-fail-on-non-empty', directory], {
    undo: { withNewFiles: undone, atBoot: undone },
  });
}

/** Has netplan read the files as they will be, before anything is written; see `check_files.sh`. */
function checkFirst(
  changed: readonly (EditedFile | { readonly path: string; readonly text: string })[],
  removed: readonly string[],
): readonly Step[] {
  if (changed.length === 0 && removed.length === 0) return [];
  const stdin = changed.map((each) => {
    const path = 'file' in each ? each.file.path : each.path;
    const lines = each.text.replace(/\n$/, '').split('\n');
    return `${lines.length} ${path}\n${lines.join('\n')}\n`;
  });
  return [
    command(['sh', '-c', shellProgram('modules/network/netplan/check_files.sh'), 'sh', ...removed], {
      stdin: stdin.join(''),
      timeLimit: 60,
    }),
  ];
}
