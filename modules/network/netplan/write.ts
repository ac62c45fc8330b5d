import { isMapping, isSameValue, type YamlMapping } from '../../../lib/formats/yaml_value.ts';
import { shellProgram } from '../../../lib/process/package_files.ts';
import { type CommandStep, command, removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { isYes } from '../networkd/settings.ts';
import { defineBridge, keepMetric, without } from './define.ts';
import { type NetplanBridge, ownPath } from './definitions.ts';
import { type EditedFile, type Removal, removeFromFiles } from './edit.ts';
import { isShared, mappingIn, merged, textIn, textsIn } from './files.ts';
import { giveBack } from './give_back.ts';
import { memberOf, type OwnFile, removeOwnFile, writeOwnFile } from './own_file.ts';
import { addressingIn, movedFrom, settingsOf, stickyIn } from './settings.ts';

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
  const own = ownPath(name);
  const foreign = mappingIn(merged(files.files.filter(({ path }) => path !== own)), 'bridges')[name];
  const port = ports[first];
  const actual = found.bridge && settingsOf(found.bridge, wanted, macs[first], renderer);
  const members = portNames.value.map((each) => memberOf(found, each));
  const kept = found.bridge === undefined ? [] : textsIn(found.bridge, 'interfaces');
  const start = found.bridge ?? { ...rendererOf(found), ...(port && keepMetric(movedFrom(port.value), found.metric)) };
  const bridge: YamlMapping = {
    interfaces: [...new Set([...kept, ...members.map(({ id }) => id)])],
    ...without(defineBridge(start, wanted, actual, macs[first]), 'interfaces'),
  };
  const foreignBridge = isMapping(foreign) ? foreign : {};
  const removals: readonly Removal[] = [
    bridgeRemoval(name, bridge, foreignBridge),
    ...portNames.value.flatMap((each): readonly Removal[] => {
      const definition = ports[each];
      if (definition === undefined || isShared(definition)) return [];
      const { type, id, value } = definition;
      return [{ type, id, keys: stickyIn(value), lateKeys: addressingIn(value) }];
    }),
  ];
  const edits = removeFromFiles(name, files, own, removals);
  const said = Object.fromEntries(
    Object.entries(bridge).filter(
      ([key, value]) => !isSameValue(foreignBridge[key], value) || removals[0]?.keys.includes(key),
    ),
  );
  const ownFile = writeOwnFile(found, members, said, wanted);
  const isDuid = renderer === 'networkd' && isYes(textIn(bridge, 'dhcp4')) && iaid !== undefined;
  const pins = found.bridge === undefined && isDuid && dropIn === undefined;
  return {
    bridge,
    refusals: [...edits.refusals, ...ownFile.refusals],
    steps: [
      ...checkFirst([...textOf(own, ownFile), ...edits.files], []),
      ...(pins ? pinIaid(name, iaid) : []),
      ...ownFile.steps,
      ...edits.files.map(({ file, text }) => writeFile(file.path, text, { before: file.text })),
    ],
  };
}

/** Plans how a bridge's files are taken back. The ports' files come first, so that no boot in between leaves them without addresses. */
export function planRemoval(found: NetplanBridge): Written {
  const { desired, dropIn } = found;
  const { name, portNames } = desired;
  const own = ownPath(name);
  const { files, portFile, refusals } = giveBack(found);
  const ownFile = removeOwnFile(
    found,
    portNames.value.map((port) => memberOf(found, port)),
  );
  return {
    bridge: {},
    refusals: [...refusals, ...ownFile.refusals],
    steps: [
      ...checkFirst(
        [...files, ...(portFile === undefined ? [] : [portFile]), ...textOf(own, ownFile)],
        ownFile.isRemoved ? [own] : [],
      ),
      ...files.map(({ file, text }) => writeFile(file.path, text, { before: file.text })),
      ...(portFile === undefined ? [] : [writeFile(portFile.path, portFile.text, { mode: 0o600 })]),
      ...ownFile.steps,
      ...(dropIn === undefined ? [] : [removeFile(dropIn.path, { before: dropIn }), removeDirectory(name)]),
    ],
  };
}

function textOf(path: string, { text }: OwnFile): readonly { readonly path: string; readonly text: string }[] {
  return text === undefined ? [] : [{ path, text }];
}

/** What must leave other files that describe the bridge: lists and mappings add up, and a scalar counts in the last file. */
function bridgeRemoval(id: string, bridge: YamlMapping, foreign: YamlMapping): Removal {
  const differing = Object.keys(foreign).filter(
    (key) => key !== 'interfaces' && !isSameValue(foreign[key], bridge[key]),
  );
  const isScalar = (key: string): boolean => typeof foreign[key] === 'string' && typeof bridge[key] === 'string';
  return { type: 'bridges', id, keys: differing.filter((key) => !isScalar(key)), lateKeys: differing.filter(isScalar) };
}

/** The renderer, where the bridge would not get that of its port. */
function rendererOf({ all, renderer }: NetplanBridge): YamlMapping {
  const unsaid = textIn(mappingIn(all, 'bridges'), 'renderer') ?? textIn(all, 'renderer') ?? 'networkd';
  return unsaid === renderer ? {} : { renderer };
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
      title: 'netplan generate (checks the files as they will be)',
      stdin: stdin.join(''),
      timeLimit: 60,
    }),
  ];
}
