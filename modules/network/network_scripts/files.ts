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

/** Reads them in two turns. */
export async function readNetworkFiles(
  host: ReadonlyHost,
  bridge: string,
  ports: readonly string[],
): Promise<NetworkFiles> {
  const companionFiles = [bridge, ...ports].flatMap(companionNames);
  const [names, macs, bridgeFile, portFiles, ...companions] = await Promise.all([
    host.listDirectory(scriptsDirectory),
    Promise.all(ports.map((port) => readMac(host, port))),
    readInterface(host, ifcfgPath(bridge)),
    Promise.all(ports.map((port) => readInterface(host, ifcfgPath(port)))),
    ...companionFiles.map((file) => host.readFile(`${scriptsDirectory}/${file}`)),
  ]);
  const known = [bridge, ...ports].map(ifcfgPath);
  const paths = names.filter(isReadAsInterface).map((file) => `${scriptsDirectory}/${file}`);
  const read = await Promise.all(
    paths.filter((path) => !known.includes(path)).map((path) => readInterface(host, path)),
  );
  const others = read.filter((file) => file !== undefined);
  const ofPorts = ports.flatMap((port, index) => {
    const file = portFiles[index] ?? others.find(({ content }) => isFileOf(content, port, macs[index]));
    return file === undefined ? [] : [[port, file] as const];
  });
  return {
    names,
    bridge: bridgeFile,
    ports: Object.fromEntries(ofPorts),
    others: others.filter((file) => !ofPorts.some(([, own]) => own === file)),
    companions: Object.fromEntries(
      companionFiles.flatMap((file, index) => {
        const text = companions[index];
        return text === undefined ? [] : [[file, text] as const];
      }),
    ),
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
