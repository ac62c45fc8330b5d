import { shellProgram } from '../../../lib/process/package_files.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';

/** A device as NetworkManager sees it. */
export interface Device {
  readonly link: string;
  /** `connected`, `connected (externally)`, `connecting (getting IP configuration)`, `disconnected`, `unmanaged`. */
  readonly state: string;
  /** The UUID of the connection that is active on it; undefined where there is none. */
  readonly uuid: string | undefined;
  /** What its DHCP client calls itself, e.g. `01:52:54:00:aa:00:51`; undefined where NetworkManager does not say. */
  readonly clientId: string | undefined;
  /** The number that its DHCPv6 client sends, e.g. `0a:0b:0c:0d`; undefined where NetworkManager does not say. */
  readonly iaid: string | undefined;
}

/** A connection that NetworkManager knows. */
export interface Connection {
  readonly uuid: string;
  /** Its name for people. */
  readonly id: string;
  /** Its file; empty where it has none. */
  readonly file: string;
}

/** What NetworkManager says of itself. */
export interface Manager {
  /** Its version as numbers, e.g. [1, 42]. */
  readonly version: readonly [number, number];
  readonly devices: readonly Device[];
  readonly connections: readonly Connection[];
}

/** Asks NetworkManager for its devices and connections. @returns a sentence where it cannot be asked */
export async function readManager(host: ReadonlyHost, links: readonly string[]): Promise<Manager | string> {
  const ask = shellProgram('modules/network/networkmanager/ask.sh');
  const { exitCode, stdout, stderr } = await host.query(['sh', '-c', ask, 'sh', ...links]);
  if (exitCode === 0) return parseManager(stdout);
  if (exitCode === 3 || exitCode === 127) return 'NetworkManager does not run';
  if (exitCode === 4) return 'NetworkManager runs, and there is no nmcli to ask it with';
  return `NetworkManager cannot be asked: nmcli says ${stderr.trim().split('\n').at(-1) || `nothing (exit code ${exitCode})`}`;
}

/** Reads what the questions of {@link readManager} print. */
export function parseManager(text: string): Manager {
  const [head = '', ...parts] = text.split(/^--(?=(?:devices|connections|leases)$)/m);
  const rowsOf = (name: string): readonly (readonly string[])[] =>
    parts
      .filter((part) => part.startsWith(`${name}\n`))
      .flatMap((part) => part.split('\n').slice(1))
      .filter((line) => line !== '')
      .map(splitTerse);
  const [, major = '0', minor = '0'] = /version (\d+)\.(\d+)/.exec(head) ?? [];
  const options = leaseOptions(rowsOf('leases'));
  return {
    version: [Number(major), Number(minor)],
    devices: rowsOf('devices').map(([link = '', state = '', uuid = '']) => ({
      link,
      state,
      uuid: uuid === '' ? undefined : uuid,
      clientId: options.get(`${link} DHCP4 dhcp_client_identifier`),
      iaid: options.get(`${link} DHCP6 iaid`),
    })),
    connections: rowsOf('connections').map(([uuid = '', id = '', file = '']) => ({ uuid, id, file })),
  };
}

/** Splits a line of `nmcli -t`: a colon or a backslash inside of a value stands behind a backslash. */
export function splitTerse(line: string): readonly string[] {
  const fields = [''];
  for (const [piece] of line.matchAll(/\\.|:|[^\\:]+|\\$/g)) {
    if (piece === ':') fields.push('');
    else fields[fields.length - 1] += piece.replace(/^\\(.)/, '$1');
  }
  return fields;
}

/** Reads `DHCP4.OPTION[2]:dhcp_client_identifier = 01:52:…`; the value's colons are not escaped by every version. */
function leaseOptions(rows: readonly (readonly string[])[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  let link = '';
  for (const [key = '', ...rest] of rows) {
    const value = rest.join(':');
    if (key === 'GENERAL.DEVICE') link = value;
    const [, family] = /^(DHCP[46])\.OPTION/.exec(key) ?? [];
    const [, name, setting = ''] = /^(\S+) = (.*)$/.exec(value) ?? [];
    if (family !== undefined && name !== undefined) options.set(`${link} ${family} ${name}`, setting);
  }
  return options;
}

/** Returns the file of the connection that is active on a link; undefined where there is none. */
export function activeFile({ devices, connections }: Manager, link: string): string | undefined {
  const uuid = devices.find((device) => device.link === link)?.uuid;
  return uuid === undefined ? undefined : connections.find((connection) => connection.uuid === uuid)?.file;
}

/** Tells whether NetworkManager itself has given a link its configuration, or is about to. */
export function isRun({ state }: Device): boolean {
  return state === 'connected' || state.startsWith('connecting');
}

/** Tells whether NetworkManager is older than a version. */
export function isOlder({ version: [major, minor] }: Manager, thanMajor: number, thanMinor: number): boolean {
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
