import {
  addLine,
  assignment,
  getValue,
  type KeyValueEntry,
  type KeyValueFile,
  lookUp,
  parseKeyValue,
  removeKey,
  setValue,
} from '../../../../lib/formats/key_value.ts';
import { primaryAddress } from './address.ts';
import { isAddressKey, isDhcp, isSeenByOrdering, isStaticKey } from './keys.ts';

/**
 * What a port's file said before it became a port stands in it as comments, each in its line's place:
 * `# before br0: BOOTPROTO = dhcp`, `# before br0: no MTU`. So the way back needs no other file.
 * The blanks around `=` keep the init script's search from taking the comment for a setting.
 */
interface Remembered {
  readonly key: string;
  /** The line as it was; undefined when there was none. */
  readonly raw: string | undefined;
}

/** Tells whether a line of an interface's file says how it is addressed, so that it has no place in a port's. */
export function isAddressing(entry: KeyValueEntry): boolean {
  if (entry.key === 'BOOTPROTO') return isDhcp(entry.value);
  return entry.key !== undefined && isAddressKey(entry.key);
}

/** Names the keys of a port's file that belong into its bridge's, sorted. */
export function addressKeysOf(file: KeyValueFile): readonly string[] {
  const keys = file.entries.filter(isAddressing).flatMap(({ key }) => (key === undefined ? [] : [key]));
  return [...new Set(keys)].sort();
}

/** Names the keys that a port's file remembers from before it was a port, sorted. */
export function rememberedKeys(file: KeyValueFile, bridge: string): readonly string[] {
  const keys = file.entries.flatMap((entry) => remembered(entry, bridge)?.key ?? []);
  return [...new Set(keys)].sort();
}

/**
 * Makes an interface's file a port's: what addresses the host becomes a comment, and the port's own keys are set.
 * @param wanted the port's own keys, BRIDGE among them; what they were is remembered too
 */
export function becomePort(file: KeyValueFile, bridge: string, wanted: Readonly<Record<string, string>>): KeyValueFile {
  const entries = file.entries.flatMap((entry) => (isAddressing(entry) ? remember(entry, bridge) : [entry]));
  let result: KeyValueFile = { ...file, entries };
  for (const [key, value] of Object.entries(wanted)) result = setRemembering(result, bridge, key, value);
  return result;
}

/**
 * Takes a port out of its bridge: its lines from before come back in their places. Where the bridge is addressed in
 * another way now, the bridge's way wins, because it is where the host is reached.
 * @param bridgeFile the bridge's file; undefined when it is gone already
 */
export function leaveBridge(
  file: KeyValueFile,
  bridge: string,
  port: string,
  bridgeFile: KeyValueFile | undefined,
): KeyValueFile {
  const before = restore(file, bridge);
  if (bridgeFile === undefined || sameAddressing(before, bridgeFile, bridge, port)) return before;
  return takeOver(before, bridgeFile, bridge, port);
}

/** Makes a value that names one device name another: `GATEWAYDEV=ens33`, `IPV6_DEFAULTGW=fe80::1%ens33`. */
export function renameInValue(value: string, from: string, to: string): string {
  if (value === from) return to;
  return value.endsWith(`%${from}`) ? `${value.slice(0, -from.length)}${to}` : value;
}

/** Gives an entry's line with another device's name in its value, and as it is where the value names none. */
export function renamedLine(entry: KeyValueEntry, from: string, to: string): string {
  const { key, value } = entry;
  if (key === undefined || value === undefined) return entry.raw;
  const renamed = renameInValue(value, from, to);
  return renamed === value ? entry.raw : assignment(key, renamed, 'needed');
}

/** Tells whether two files address their interfaces alike, however they write it. */
export function sameAddressing(port: KeyValueFile, bridge: KeyValueFile, name: string, portName: string): boolean {
  const [one, other] = [addressing(port, portName, name), addressing(bridge, name, name)];
  return JSON.stringify(one) === JSON.stringify(other);
}

function addressing(file: KeyValueFile, device: string, as: string): readonly (readonly [string, string])[] {
  const dhcp = isDhcp(getValue(file, 'BOOTPROTO'));
  const keys = [...new Set(file.entries.flatMap(({ key }) => key ?? []))];
  const values = keys
    .filter((key) => isAddressKey(key) && !(isStaticKey(key) && (dhcp || isPrimaryKey(key))))
    .map((key) => [key, renameInValue(getValue(file, key) ?? '', device, as)] as const)
    .filter(([, value]) => value !== '');
  const address = dhcp ? 'dhcp' : (primaryAddress(file) ?? 'none');
  return [['address', address] as const, ...values].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Tells whether a key is part of the first address; its network and broadcast address follow from it. */
function isPrimaryKey(key: string): boolean {
  return /^(?:IPADDR|PREFIX|NETMASK|BROADCAST|NETWORK)0?$/.test(key);
}

function takeOver(file: KeyValueFile, bridgeFile: KeyValueFile, bridge: string, port: string): KeyValueFile {
  let result = file;
  for (const entry of file.entries) {
    if (entry.key !== undefined && isAddressKey(entry.key) && lookUp(bridgeFile, entry.key) === undefined) {
      result = removeKey(result, entry.key);
    }
  }
  for (const entry of bridgeFile.entries) {
    if (entry.key === undefined || entry.value === undefined) continue;
    if (entry.key !== 'BOOTPROTO' && !isAddressKey(entry.key)) continue;
    if (lookUp(bridgeFile, entry.key) !== entry) continue;
    const value = renameInValue(entry.value, bridge, port);
    if (getValue(result, entry.key) === value) continue;
    result = lookUp(result, entry.key)
      ? setValue(result, entry.key, value, 'needed')
      : addLine(result, renamedLine(entry, bridge, port));
  }
  return result;
}

function restore(file: KeyValueFile, bridge: string): KeyValueFile {
  // What addressed the host was only taken out; the other keys were set anew, and the new ones go.
  const replaced = new Set(rememberedKeys(file, bridge).filter((key) => key !== 'BOOTPROTO' && !isAddressKey(key)));
  const entries = file.entries.flatMap((entry) => {
    const was = remembered(entry, bridge);
    if (was !== undefined) return was.raw === undefined ? [] : parseKeyValue(was.raw).entries;
    return entry.key === 'BRIDGE' || (entry.key !== undefined && replaced.has(entry.key)) ? [] : [entry];
  });
  return { ...file, entries };
}

function setRemembering(file: KeyValueFile, bridge: string, key: string, value: string): KeyValueFile {
  if (getValue(file, key) === value) return file;
  // BRIDGE is taken out on the way back, and without DEVICE no script knows the interface: neither is remembered.
  const isRemembered = key === 'BRIDGE' || key === 'DEVICE' || rememberedKeys(file, bridge).includes(key);
  if (isRemembered) return setValue(file, key, value, 'needed');
  const last = lookUp(file, key);
  if (last === undefined) {
    return setValue(addLine(file, `${prefix(bridge)}no ${key}`), key, value, 'needed');
  }
  const entries = file.entries.flatMap((entry) => {
    if (entry.key !== key) return [entry];
    return entry === last ? [...remember(entry, bridge), entry] : remember(entry, bridge);
  });
  return setValue({ ...file, entries }, key, value, 'needed');
}

/** Makes a line the comment that remembers it; nothing, where the comment would get in the way of the init script's search. */
function remember(entry: KeyValueEntry, bridge: string): readonly KeyValueEntry[] {
  const text = prefix(bridge) + entry.raw.replace('=', ' = ');
  return isSeenByOrdering(text) || text.includes('\n') ? [] : parseKeyValue(text).entries;
}

function remembered(entry: KeyValueEntry, bridge: string): Remembered | undefined {
  if (entry.kind !== 'comment' || !entry.raw.startsWith(prefix(bridge))) return undefined;
  const text = entry.raw.slice(prefix(bridge).length);
  const nothing = /^no (\w+)$/.exec(text)?.[1];
  if (nothing !== undefined) return { key: nothing, raw: undefined };
  const raw = text.replace(' = ', '=');
  const key = parseKeyValue(raw).entries[0]?.key;
  return key === undefined ? undefined : { key, raw };
}

function prefix(bridge: string): string {
  return `# before ${bridge}: `;
}
