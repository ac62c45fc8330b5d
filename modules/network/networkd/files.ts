import { parseUnitFile, type UnitFile, unitValue, unitValues } from '../../../lib/formats/unit_file.ts';
import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';
import type { OwnedLinks } from '../stack.ts';

/** Where administrators keep their files; those of the same name in /run and /usr/lib do not count then. */
export const configuration = '/etc/systemd/network';
/** Where programs keep theirs. */
const runtime = '/run/systemd/network';

/** A file of systemd-networkd, with what it says. */
export interface NetworkdFile {
  readonly path: string;
  readonly text: TextFile;
  readonly content: UnitFile;
}

/** The files of systemd-networkd, as far as they matter to one bridge. */
export interface NetworkdFiles {
  /** The files that describe the bridge. */
  readonly netdev: NetworkdFile | undefined;
  readonly network: NetworkdFile | undefined;
  /** The file from which each port is configured, by the port's name. */
  readonly ports: Readonly<Record<string, NetworkdFile>>;
  /** The file that configured each port before it got one of its own, by the port's name. It matches other links too. */
  readonly shared: Readonly<Record<string, NetworkdFile>>;
  /** All .network files of administrators and programs. */
  readonly all: readonly NetworkdFile[];
  /** Directories with drop-ins, such as `/etc/systemd/network/10-ens33.network.d`. */
  readonly dropIns: readonly string[];
}

/** Reads them, in two turns. */
export async function readNetworkdFiles(
  host: ReadonlyHost,
  bridge: string,
  ports: readonly string[],
  owned: OwnedLinks,
): Promise<NetworkdFiles> {
  const names = await Promise.all([configuration, runtime].map((directory) => host.listDirectory(directory)));
  const [own = [], running = []] = names;
  const paths = [
    ...own.map((name) => `${configuration}/${name}`),
    ...running.filter((name) => !own.includes(name)).map((name) => `${runtime}/${name}`),
  ];
  const inForce = owned.links.flatMap(({ file }) => file ?? []);
  const wanted = [...new Set([...paths.filter((path) => /\.(?:network|netdev)$/.test(path)), ...inForce])];
  const files = (await Promise.all(wanted.map((path) => readUnitFile(host, path)))).filter(
    (file) => file !== undefined,
  );
  const networks = files.filter(({ path }) => path.endsWith('.network'));
  const fileOf = (link: string): NetworkdFile | undefined => {
    const file = owned.links.find((each) => each.link === link)?.file;
    return networks.find(({ path }) => path === file) ?? networks.find(({ content }) => isFileOfLink(content, link));
  };
  const isFileOfBridge = (file: NetworkdFile): boolean => isFileOfLink(file.content, bridge) && !isPortOf(file, bridge);
  // A port's file that goes by the MAC may have been given to the bridge, which has the same; that does not make it the bridge's.
  const isFileOfPort = ({ path }: NetworkdFile): boolean =>
    owned.links.some(({ link, file }) => ports.includes(link) && file === path);
  const [inForceOnBridge] = [fileOf(bridge)].filter((file) => file !== undefined && !isFileOfPort(file));
  const ofBridge =
    inForceOnBridge !== undefined && isFileOfBridge(inForceOnBridge)
      ? inForceOnBridge
      : (networks.find(isFileOfBridge) ?? inForceOnBridge);
  // What was written for a port counts before it is loaded.
  const fileOfPort = (port: string): NetworkdFile | undefined =>
    networks.find((file) => isFileOfLink(file.content, port) && isPortOf(file, bridge)) ?? fileOf(port);
  const ofPorts = ports.flatMap((port) => {
    const file = fileOfPort(port);
    return file === undefined ? [] : [[port, file] as const];
  });
  const ofOthers = await Promise.all(
    ofPorts.map(async ([port, { text }]) => {
      const path = readShared(text.text);
      const file =
        path === undefined ? undefined : (files.find((each) => each.path === path) ?? readUnitFile(host, path));
      return [port, await file] as const;
    }),
  );
  return {
    netdev: files.find(
      ({ path, content }) => path.endsWith('.netdev') && unitValue(content, 'NetDev', 'Name') === bridge,
    ),
    network: ofBridge,
    ports: Object.fromEntries(ofPorts),
    shared: Object.fromEntries(ofOthers.flatMap(([port, file]) => (file === undefined ? [] : [[port, file]]))),
    all: networks,
    dropIns: paths.filter((path) => path.endsWith('.network.d') || path.endsWith('.netdev.d')),
  };
}

/** Tells whether a file matches one link alone, by its name. */
export function isFileOfLink(content: UnitFile, link: string): boolean {
  return unitValues(content, 'Match', 'Name').join(' ').trim() === link;
}

/** Tells whether a file matches one link alone, by its name or by its MAC. */
export function isOwnFile(content: UnitFile, link: string, mac: string | undefined): boolean {
  if (isFileOfLink(content, link)) return true;
  const macs = ['MACAddress', 'PermanentMACAddress'].flatMap((key) => unitValues(content, 'Match', key));
  return mac !== undefined && macs.join(' ').trim().toLowerCase() === mac;
}

/** Tells whether a file plugs its link into a bridge. */
export function isPortOf({ content }: NetworkdFile, bridge: string): boolean {
  return unitValue(content, 'Network', 'Bridge') === bridge;
}

/**
 * Chooses a name for the file of a link that comes before every other file which may match the link: systemd-networkd takes the first
 * one, in the order of the names.
 * @param names from the one that is liked best; the last one counts where none of them comes first
 */
export function pathBefore(
  names: readonly [string, ...string[]],
  all: readonly NetworkdFile[],
  link: string,
  mac: string | undefined,
): string {
  const others = all
    .filter(({ content }) => mayMatch(content, link, mac))
    .map(({ path }) => path.split('/').at(-1) ?? '');
  const name = names.find((each) => others.every((other) => each < other)) ?? names.at(-1);
  return `${configuration}/${name}`;
}

/** Tells whether a file may match a link. What goes neither by the name nor by the MAC is not looked into. */
function mayMatch(content: UnitFile, link: string, mac: string | undefined): boolean {
  const wordsOf = (key: string): readonly string[] =>
    unitValues(content, 'Match', key).flatMap((value) => value.split(/\s+/).filter((word) => word !== ''));
  const macs = wordsOf('MACAddress').map((each) => each.toLowerCase());
  if (macs.length > 0 && mac !== undefined && !macs.includes(mac)) return false;
  const names = wordsOf('Name');
  if (names.length === 0) return true;
  const isNegated = names[0]?.startsWith('!') ?? false;
  return names.some((pattern) => isMatch(pattern.replace(/^!/, ''), link)) !== isNegated;
}

/** Matches a shell pattern. A set of characters is taken for any character: that matches too much rather than too little. */
function isMatch(pattern: string, link: string): boolean {
  const parts = pattern.split(/(\*|\?|\[[^\]]*\])/).map((part) => {
    if (part === '*') return '.*';
    return part === '?' || part.startsWith('[') ? '.' : part.replaceAll(/[\\^$.+(){}|]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`).test(link);
}

/** Notes in a port's own file which other file has configured the port. */
export function keepShared(path: string, text: string): string {
  const [head = '', ...lines] = text.split('\n');
  return [head, `# Before, this file configured it: ${path}`, ...lines].join('\n');
}

function readShared(text: string): string | undefined {
  return /^# Before, this file configured it: (\/.*\.network)$/.exec(text.split('\n')[1] ?? '')?.[1];
}

async function readUnitFile(host: ReadonlyHost, path: string): Promise<NetworkdFile | undefined> {
  const text = await host.readFile(path);
  return text && { path, text, content: parseUnitFile(text.text) };
}
