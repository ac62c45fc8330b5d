import type { KeyValueFile } from '../../../lib/formats/key_value.ts';
import { type Once, once } from '../../../lib/task/diff.ts';
import type { TextFile } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { InterfaceFile } from './files.ts';
import type { BridgeContext, BridgeValues } from './ifcfg/bridge_file.ts';

/** What is compared of the port. Keys in capitals are those of its file. */
export interface PortState {
  readonly name: string;
  readonly DEVICE?: string;
  /** The bridge that it is in; empty where it is to be in none. */
  readonly BRIDGE?: string;
  readonly ONBOOT?: string;
  readonly NM_CONTROLLED?: string;
  readonly MTU?: string;
  /** Keys in its file that belong to the bridge. */
  readonly addressKeys?: readonly string[];
  /** Keys that its file remembers from before it was a port. */
  readonly remembered?: readonly string[];
}

/** The state that {@link ifcfgBridge} compares. */
export interface IfcfgBridgeState {
  readonly name: string;
  /** Values of the bridge's file, and its `address`; or `absent`. */
  readonly bridge: BridgeValues | 'absent';
  readonly port: PortState;
  /** Files of routes and rules that stand beside the wrong one of the two. */
  readonly routeFiles: readonly string[];
  /** Kernel parameters of the bridge that are set when it is made and at boot, one `key = value` each. */
  readonly parameters: readonly string[];
  /** True when guests may lose their way to the LAN with the bridge: `disrupts: ['guest']`. */
  readonly mayCutGuests: Once<boolean>;
}

/** What is wanted of a bridge, in the terms of the scripts' files. */
export interface WantedBridge {
  readonly name: string;
  readonly bridge: BridgeValues | 'absent';
  /** Its ports; addresses and the MAC come from the first one. */
  readonly ports: readonly PortState[];
  readonly parameters: readonly string[];
  /** New texts of its files of routes, by name; a file that is not named moves from the first port as it is. An empty one goes. */
  readonly routeTexts?: Readonly<Record<string, string>>;
}

/** Says what {@link ifcfgBridge} wants in the terms that it shares with {@link bridge}. */
export function wantedByIfcfgBridge({ name, bridge, port, parameters }: IfcfgBridgeState): WantedBridge {
  return { name, bridge, ports: [port], parameters };
}

/** Says what of {@link ifcfgBridge}'s state a task that loads it needs, in the terms of every stack. */
export function bridgeStateOf({ name, bridge, port, mayCutGuests }: IfcfgBridgeState): BridgeState {
  return {
    name,
    bridge: bridge === 'absent' ? bridge : {},
    ports: {},
    portNames: once([port.name]),
    backend: once('network-scripts'),
    mayCutGuests,
  };
}

/** Returns the port whose addresses and MAC a bridge takes over. */
export function firstPort({ ports }: Pick<WantedBridge, 'ports'>): string {
  return ports[0]?.name ?? '';
}

/** What the files hold that planning needs. */
export interface BridgeFiles {
  /** The bridge's file; undefined when there is none. */
  readonly bridge: InterfaceFile | undefined;
  /** The ports' files, whatever their names, by the ports' names. */
  readonly ports: Readonly<Record<string, InterfaceFile>>;
  /** Files of routes and rules, of the bridge and of its ports, by name. */
  readonly companions: Readonly<Record<string, TextFile>>;
  /** The file of the bridge's kernel parameters. */
  readonly parameters: TextFile | undefined;
  readonly context: BridgeContext;
}

/** What planning needs besides the state. */
export interface IfcfgBridgeFound extends BridgeFiles {
  /** Reasons for which nothing may be changed. */
  readonly refusals: readonly string[];
}

/** Other files and links of the host, as far as they matter to one bridge. */
export interface Surroundings extends LiveBridge {
  /** Names of all files in the scripts' directory. */
  readonly fileNames: readonly string[];
  /** The files that the scripts read as interfaces, without those of the bridge and its ports. */
  readonly others: readonly InterfaceFile[];
  /** The host's own settings; undefined when there is no such file. */
  readonly settings: KeyValueFile | undefined;
  /** True when the name is taken by a link that is no bridge. */
  readonly isNameTaken: boolean;
  /** The live bridge's MAC; undefined when there is none. */
  readonly bridgeMac: string | undefined;
}
