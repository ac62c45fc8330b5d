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
  /** The port's file, whatever its name. */
  readonly port: InterfaceFile | undefined;
  /** The files that the scripts read as interfaces, without the bridge's and the port's. */
  readonly others: readonly InterfaceFile[];
  /** Files of routes and rules, of the bridge and of the port, by name. */
  readonly companions: Readonly<Record<string, TextFile>>;
}

/** Reads them in two turns. */
export async function readNetworkFiles(host: ReadonlyHost, bridge: string, port: string): Promise<NetworkFiles> {
  const companionFiles = [...companionNames(bridge), ...companionNames(port)];
  const [names, portMac, bridgeFile, portFile, ...companions] = await Promise.all([
    host.listDirectory(scriptsDirectory),
    readMac(host, port),
    readInterface(host, ifcfgPath(bridge)),
    readInterface(host, ifcfgPath(port)),
    ...companionFiles.map((file) => host.readFile(`${scriptsDirectory}/${file}`)),
  ]);
  const known = [ifcfgPath(bridge), ifcfgPath(port)];
  const paths = names.filter(isReadAsInterface).map((file) => `${scriptsDirectory}/${file}`);
  const read = await Promise.all(
    paths.filter((path) => !known.includes(path)).map((path) => readInterface(host, path)),
  );
  const others = read.filter((file) => file !== undefined);
  const portsFile = portFile ?? others.find(({ content }) => isFileOf(content, port, portMac));
  return {
    names,
    bridge: bridgeFile,
    port: portsFile,
    others: others.filter((file) => file !== portsFile),
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
