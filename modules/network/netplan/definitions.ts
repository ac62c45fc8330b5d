import { isMapping, type YamlMapping } from '../../../lib/formats/yaml_value.ts';
import type { TextFile } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks } from '../stack.ts';
import {
  configuration,
  type Definition,
  definitionOf,
  mappingIn,
  merged,
  type NetplanFile,
  type NetplanFiles,
  textsIn,
} from './files.ts';
import { hasMarks, removeMarks } from './marks.ts';
import type { Renderer } from './settings.ts';

/** What is known of a bridge in netplan's terms. */
export interface NetplanBridge {
  readonly desired: BridgeState;
  readonly renderer: Renderer;
  readonly files: NetplanFiles;
  /** What all files say together. */
  readonly all: YamlMapping;
  /** The bridge's definition; undefined where no file has one. */
  readonly bridge: YamlMapping | undefined;
  /** The ports' definitions, by the ports' names. */
  readonly ports: Readonly<Record<string, Definition>>;
  /** The files as they were before the bridge, without its own. */
  readonly filesBefore: readonly NetplanFile[];
  /** The definition of the first port in them. */
  readonly before: Definition | undefined;
  readonly macs: LiveBridge['macs'];
  /** The number by which the first port's DHCP client is known to the server, where it is not the MAC. */
  readonly iaid: number | undefined;
  /** The metric that the bridge's IPv4 default route must have, so that another link's does not come before it. */
  readonly metric: string | undefined;
  /** Directories with settings for links of netplan's that are not in its files. */
  readonly dropIns: readonly string[];
  /** The file with the bridge's number for DHCP. */
  readonly dropIn: TextFile | undefined;
}

/** The bridge's own file: it comes after those of installers and cloud-init. */
export function ownPath(bridge: string): string {
  return `${configuration}/90-kvm-play-${bridge}.yaml`;
}

/** The name of a port's own definition where another one is meant for several links: systemd-networkd reads it first. */
export function ownId(bridge: string, port: string): string {
  return `0-${bridge}-${port}`;
}

/** Finds the definitions of a bridge and its ports. */
export function definitions(
  files: NetplanFiles,
  { name, portNames }: BridgeState,
  owned: OwnedLinks,
  { macs }: Pick<LiveBridge, 'macs'>,
): Pick<NetplanBridge, 'all' | 'bridge' | 'ports' | 'filesBefore' | 'before'> {
  const all = merged(files.files);
  const bridge = mappingIn(all, 'bridges')[name];
  const members = isMapping(bridge) ? textsIn(bridge, 'interfaces') : [];
  const find = (value: YamlMapping, port: string): Definition | undefined => {
    const id = owned.links.find(({ link }) => link === port)?.id;
    const own = ownId(name, port);
    return definitionOf(value, port, members.includes(own) ? own : id, macs[port]);
  };
  const before = filesBefore(files, name);
  const [first = ''] = portNames.value;
  return {
    all,
    bridge: isMapping(bridge) ? bridge : undefined,
    ports: Object.fromEntries(
      portNames.value.flatMap((port) => {
        const definition = find(all, port);
        return definition === undefined ? [] : [[port, definition]];
      }),
    ),
    filesBefore: before,
    before: find(merged(before), first),
  };
}

function filesBefore({ yaml, files }: NetplanFiles, bridge: string): readonly NetplanFile[] {
  return files
    .filter(({ path }) => path !== ownPath(bridge))
    .map((file) => {
      if (!hasMarks(bridge, file.text.text)) return file;
      const text = removeMarks(bridge, file.text.text);
      const parsed = yaml.parse(text);
      return 'value' in parsed ? { ...file, text: { ...file.text, text }, value: parsed.value } : file;
    });
}
