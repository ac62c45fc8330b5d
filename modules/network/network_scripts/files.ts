import { getValue, type KeyValueFile, parseKeyValue } from '../../../lib/formats/key_value.ts';
import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';
import { readMac } from '../live.ts';
import { companionNames, ifcfgPath, isReadAsInterface, scriptsDirectory } from './network_scripts.ts';

/** A file of an interface, with what it says. */
export interface InterfaceFile {
  readonly path: string;
  readonly text: TextFile;
  readonly content: KeyValueFile;
}

/** The files of the scripts' directory, as far as they matter to one bridge. */
export interface NetworkFiles {
  /** Names of all files in the directory. */
  readonly names: readonly string[];
  readonly bridge: InterfaceFile | undefined;
  /** The ports' files, whatever their names, by the ports' names. */
  readonly ports: Readonly<Record<string, InterfaceFile>>;
  /** The files that the scripts read as interfaces, without those of the bridge and its ports. */
  readonly others: readonly InterfaceFile[];
  /** Files of routes and rules, of the bridge and of its ports, by name. */
  readonly companions: Readonly<Record<string, TextFile>>;
}

/** The files of some links. */
export interface InterfaceFiles {
  /** Names of all files in the directory. */
  readonly names: readonly string[];
  /** The links' files, whatever their names, by the links' names. */
  readonly files: Readonly<Record<string, InterfaceFile>>;
  /** All other files that the scripts read as interfaces. */
  readonly others: readonly InterfaceFile[];
}

/** Reads the files of a bridge and its ports in two turns. The bridge's is that of its name. */
export async function readNetworkFiles(
  host: ReadonlyHost,
  bridge: string,
  ports: readonly string[],
): Promise<NetworkFiles> {
  const companionFiles = [bridge, ...ports].flatMap(companionNames);
  const [{ names, files, others }, bridgeFile, ...companions] = await Promise.all([
    readInterfaceFiles(host, ports),
    readInterface(host, ifcfgPath(bridge)),
    ...companionFiles.map((file) => host.readFile(`${scriptsDirectory}/${file}`)),
  ]);
  return {
    names,
    bridge: bridgeFile,
    ports: files,
    others: others.filter(({ path }) => path !== ifcfgPath(bridge)),
    companions: Object.fromEntries(
      companionFiles.flatMap((file, index) => {
        const text = companions[index];
        return text === undefined ? [] : [[file, text] as const];
      }),
    ),
  };
}

/** Reads the files of links, which may have other names than the links, in two turns. */
export async function readInterfaceFiles(host: ReadonlyHost, links: readonly string[]): Promise<InterfaceFiles> {
  const [names, macs, own] = await Promise.all([
    host.listDirectory(scriptsDirectory),
    Promise.all(links.map((link) => readMac(host, link))),
    Promise.all(links.map((link) => readInterface(host, ifcfgPath(link)))),
  ]);
  const known = links.map(ifcfgPath);
  const paths = names.filter(isReadAsInterface).map((file) => `${scriptsDirectory}/${file}`);
  const read = await Promise.all(
    paths.filter((path) => !known.includes(path)).map((path) => readInterface(host, path)),
  );
  const rest = read.filter((file) => file !== undefined);
  const found = links.flatMap((link, index) => {
    const file = own[index] ?? rest.find(({ content }) => isFileOf(content, link, macs[index]));
    return file === undefined ? [] : [[link, file] as const];
  });
  return {
    names,
    files: Object.fromEntries(found),
    others: rest.filter((file) => !found.some(([, of]) => of === file)),
  };
}

async function readInterface(host: ReadonlyHost, path: string): Promise<InterfaceFile | undefined> {
  const text = await host.readFile(path);
  return text && { path, text, content: parseKeyValue(text.text) };
}

/** Tells whether a file of another name configures a device: by DEVICE, or by its MAC where DEVICE is not set. */
export function isFileOf(content: KeyValueFile, device: string, mac: string | undefined): boolean {
  const named = getValue(content, 'DEVICE') ?? '';
  if (named !== '') return named === device;
  return mac !== undefined && getValue(content, 'HWADDR')?.toLowerCase() === mac;
}
