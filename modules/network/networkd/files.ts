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
  // What was written for a port counts before it is loaded.
  const fileOfPort = (port: string): NetworkdFile | undefined =>
    networks.find(({ content }) => isFileOfLink(content, port) && unitValue(content, 'Network', 'Bridge') === bridge) ??
    fileOf(port);
  const ofPorts = ports.flatMap((port) => {
    const file = fileOfPort(port);
    return file === undefined ? [] : [[port, file] as const];
  });
  return {
    netdev: files.find(
      ({ path, content }) => path.endsWith('.netdev') && unitValue(content, 'NetDev', 'Name') === bridge,
    ),
    network: fileOf(bridge),
    ports: Object.fromEntries(ofPorts),
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

async function readUnitFile(host: ReadonlyHost, path: string): Promise<NetworkdFile | undefined> {
  const text = await host.readFile(path);
  return text && { path, text, content: parseUnitFile(text.text) };
}
