import { createHash } from 'node:crypto';
import { parseKeyfile, type UnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import { readOriginal } from '../original.ts';
import { isLeaseOf, leases } from './leases.ts';
import { activeFile, type Manager } from './nmcli.ts';
import { ethernetSection, isAutomatic, isEthernet, masterOf, priorityOf } from './settings.ts';

/** Where NetworkManager keeps the connections of administrators. */
export const directory = '/etc/NetworkManager/system-connections';

/** A keyfile, with what it says. */
export interface Keyfile {
  readonly path: string;
  readonly text: TextFile;
  readonly content: UnitFile;
  /** Its mode and its owner's number, e.g. `600 0`; undefined where they cannot be read. */
  readonly access: string | undefined;
}

/** A connection of a bridge or a port: where it stands, or will stand once it is written. */
export interface Profile {
  readonly link: string;
  readonly path: string;
  readonly uuid: string;
  /** undefined where it has not been written yet. */
  readonly file: Keyfile | undefined;
}

/** The profile of a port, and those of several links that may run it as well. */
export interface PortProfile extends Profile {
  /**
   * Profiles that serve several links, and that may run this one when it has no profile of its own. They stay as they are. The one that
   * runs the link now comes first, then those with the highest autoconnect-priority.
   */
  readonly shared: readonly Keyfile[];
  /** What the port's settings come from: its own file, or the shared one that runs it; undefined where there is neither. */
  readonly source: Keyfile | undefined;
}

/** The profiles of a bridge and its ports. */
export interface Profiles {
  readonly bridge: Profile;
  /** In the task's order. */
  readonly ports: readonly PortProfile[];
  /** All keyfiles of the host. */
  readonly all: readonly Keyfile[];
  /** Leases that were kept for the bridge. */
  readonly leases: readonly string[];
}

/** Reads the keyfiles, and finds those of a bridge and its ports among them. */
export async function readProfiles(
  host: ReadonlyHost,
  { name, portNames }: BridgeState,
  manager: Manager,
): Promise<Profiles> {
  const [names, leaseNames] = await Promise.all([host.listDirectory(directory), host.listDirectory(leases)]);
  const known = manager.connections.map(({ file }) => file).filter((file) => file.startsWith(`${directory}/`));
  const listed = names.filter((each) => /^[^.].*\.nmconnection$/.test(each)).map((each) => `${directory}/${each}`);
  const all = await readKeyfiles(host, [...new Set([...listed, ...known])]);
  const bridge = all.find(({ content }) => isBridgeFile(content, name));
  const found = portNames.value.map((port) => findPort(port, name, manager, all));
  const first = found[0]?.source;
  const origin = first === undefined ? name : (uuidOf(first) ?? name);
  const ports = found.map((port): PortProfile => {
    const uuid = (port.file && uuidOf(port.file)) ?? derivedUuid(`${origin} port ${port.link}`);
    return { ...port, uuid };
  });
  return {
    bridge: {
      link: name,
      path: bridge?.path ?? `${directory}/${name}.nmconnection`,
      uuid: (bridge && uuidOf(bridge)) ?? derivedUuid(`${origin} bridge ${name}`),
      file: bridge,
    },
    ports,
    all,
    leases: leaseNames.filter((each) => isLeaseOf(each, name)).map((each) => `${leases}/${each}`),
  };
}

/** Returns the UUID that a keyfile names; NetworkManager makes one of the file's name where it names none. */
export function uuidOf({ content }: Keyfile): string | undefined {
  return unitValue(content, 'connection', 'uuid');
}

/**
 * Finds the port's own file: that of its active connection, unless it is one of several links, or one that is its own and is not loaded
 * yet.
 */
function findPort(link: string, bridge: string, manager: Manager, all: readonly Keyfile[]): Omit<PortProfile, 'uuid'> {
  const ownPath = `${directory}/${bridge}-port-${link}.nmconnection`;
  const activePath = activeFile(manager, link);
  const active = all.find(({ path }) => path === activePath);
  const isShared = active !== undefined && servesSeveral(active.content);
  const own = isShared ? all.find(({ path, content }) => path === ownPath && isProfileOf(content, link)) : active;
  const file = own ?? all.find(({ content }) => isProfileOf(content, link) && isPortOf(content, bridge));
  const others = all.filter((each) => each !== active && servesSeveral(each.content) && isAutomatic(each.content));
  const byPriority = others.toSorted((one, other) => priorityOf(other.content) - priorityOf(one.content));
  const shared = isShared ? [active, ...byPriority] : byPriority;
  return { link, path: file?.path ?? ownPath, file, shared, source: file ?? (isShared ? active : undefined) };
}

/**
 * Tells whether a profile may run several links at the same time: `multi-connect=2` or `3`, and no name or MAC that only one link has.
 * A section `[match]` may fit one link or several.
 */
function servesSeveral(content: UnitFile): boolean {
  return (
    isEthernet(content) &&
    Number(unitValue(content, 'connection', 'multi-connect') ?? 0) > 1 &&
    unitValue(content, 'connection', 'interface-name') === undefined &&
    unitValue(content, ethernetSection(content), 'mac-address') === undefined &&
    masterOf(content) === undefined
  );
}

function isProfileOf(content: UnitFile, link: string): boolean {
  return unitValue(content, 'connection', 'interface-name') === link;
}

function isPortOf(content: UnitFile, bridge: string): boolean {
  return masterOf(content) === bridge;
}

function isBridgeFile(content: UnitFile, name: string): boolean {
  return unitValue(content, 'connection', 'type') === 'bridge' && isProfileOf(content, name);
}

async function readKeyfiles(host: ReadonlyHost, paths: readonly string[]): Promise<readonly Keyfile[]> {
  if (paths.length === 0) return [];
  const [texts, { stdout }] = await Promise.all([
    Promise.all(paths.map((path) => host.readFile(path))),
    host.query(['stat', '-c', '%a %u %n', '--', ...paths]),
  ]);
  const lines = stdout.split('\n');
  return paths.flatMap((path, index) => {
    const text = texts[index];
    if (text === undefined) return [];
    const access = lines.find((line) => line.endsWith(` ${path}`))?.slice(0, -path.length - 1);
    return [{ path, text, content: parseKeyfile(text.text), access }];
  });
}

/** A UUID that is the same each time it is asked for: a plan says before what apply writes. */
function derivedUuid(text: string): string {
  const bytes = createHash('sha1').update(`kvm-play ${text}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Returns the text that a port's file had before it was a port; undefined where that is not known. */
export function originalOf(
  bridge: string,
  file: Keyfile | undefined,
): { readonly original: string | undefined } | undefined {
  return file && readOriginal(bridge, file.text.text);
}
