import {
  addLine,
  getValue,
  type KeyValueFile,
  lookUp,
  removeKey,
  setValue,
} from '../../../../lib/formats/key_value.ts';
import { portMacWord } from '../../arguments.ts';
import { addressesOf, primaryAddress } from './address.ts';
import { isDhcp, isOrderedAsBridge, isStaticKey, orderingComments } from './keys.ts';
import { isAddressing, renamedLine } from './port_file.ts';

/**
 * Wanted values of a bridge's file: those of its keys; `address` (`192.168.221.150/24`) for the keys of its first address, or
 * `addresses` (with a comma between them) for those of all.
 */
export type BridgeValues = Readonly<Record<string, string>>;

/** Properties of the host's network scripts. */
export interface ScriptTraits {
  /** True where bridges are made with `brctl` (EL6, EL7); false where `ip` makes them (EL8). */
  readonly brctl: boolean;
  /** True where spanning tree takes `bc` to work out how long to wait. */
  readonly bc: boolean;
}

/** What a value in a bridge's file is compared against. */
export interface BridgeContext {
  /** The first port's MAC in lower case; undefined when it cannot be seen. */
  readonly portMac: string | undefined;
  readonly traits: ScriptTraits;
}

/**
 * Says what a bridge's file holds of what is wanted, in the same terms: an equal value in another spelling is given as it is
 * wanted, a key that is not set is left out unless it is wanted to be empty.
 */
export function bridgeValues(file: KeyValueFile, wanted: BridgeValues, context: BridgeContext): BridgeValues {
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([key, want]) => {
      const actual = actualValue(file, key, want, context);
      if (actual !== undefined) return [[key, actual]];
      return want === '' ? [[key, '']] : [];
    }),
  );
}

/**
 * Sets what is wanted in a bridge's file, and takes over what addressed its port until now. A key that the bridge's file or
 * the task sets already is not taken over.
 * @param file the bridge's file; undefined when it does not exist yet
 * @param port the port's file as it is
 */
export function writeBridge(
  file: KeyValueFile | undefined,
  names: { readonly bridge: string; readonly port: string },
  wanted: BridgeValues,
  port: KeyValueFile | undefined,
  context: BridgeContext,
): KeyValueFile {
  let result: KeyValueFile = file ?? { entries: [], endsInNewline: true };
  const actual = bridgeValues(result, wanted, context);
  for (const [key, value] of Object.entries(wanted)) {
    if (actual[key] !== value) result = setBridgeValue(result, key, value, context);
  }
  for (const entry of port?.entries ?? []) {
    const { key } = entry;
    if (key === undefined || !isAddressing(entry) || key === 'BOOTPROTO' || lookUp(port ?? result, key) !== entry)
      continue;
    if (lookUp(result, key) !== undefined || isOverruled(key, wanted)) continue;
    result = addLine(result, renamedLine(entry, names.port, names.bridge));
  }
  return result;
}

/** Tells whether the task's arguments make a key of the port's file meaningless for the bridge. */
export function isOverruled(key: string, wanted: BridgeValues): boolean {
  if (isStaticKey(key) && isDhcp(wanted.BOOTPROTO)) return true;
  if (wanted.address !== undefined && /^(?:IPADDR|PREFIX|NETMASK|BROADCAST|NETWORK)0?$/.test(key)) return true;
  if (wanted.addresses === '' && isStaticKey(key)) return true;
  if (wanted.addresses !== undefined && perAddressKey.test(key)) return true;
  return wanted[key] !== undefined;
}

/** A key of one of several addresses. */
const perAddressKey = /^(?:IPADDR|PREFIX|NETMASK|BROADCAST|NETWORK)\d*$/;

function setBridgeValue(file: KeyValueFile, key: string, value: string, context: BridgeContext): KeyValueFile {
  if (key === 'address') return setAddress(file, value);
  if (key === 'addresses') return setAddresses(file, value === '' ? [] : value.split(', '));
  if (value === '') return removeKey(file, key);
  return setValue(file, key, written(key, value, context), 'always');
}

function setAddress(file: KeyValueFile, value: string): KeyValueFile {
  const [address = '', prefix = ''] = value.split('/');
  let result = file;
  for (const key of ['IPADDR0', 'PREFIX0', 'NETMASK0', 'NETMASK', 'BROADCAST', 'BROADCAST0', 'NETWORK']) {
    result = removeKey(result, key);
  }
  return setValue(setValue(result, 'IPADDR', address, 'always'), 'PREFIX', prefix, 'always');
}

/** Writes IPADDR, PREFIX, IPADDR1, PREFIX1 and so on, and takes the keys of all others away. */
function setAddresses(file: KeyValueFile, addresses: readonly string[]): KeyValueFile {
  const values = new Map<string, string>(
    addresses.flatMap((each, index) => {
      const [address = '', prefix = ''] = each.split('/');
      const suffix = index === 0 ? '' : String(index);
      return [
        [`IPADDR${suffix}`, address],
        [`PREFIX${suffix}`, prefix],
      ] as const;
    }),
  );
  let result = file;
  for (const { key } of file.entries) {
    if (key !== undefined && perAddressKey.test(key) && !values.has(key)) result = removeKey(result, key);
  }
  for (const [key, value] of values) result = setValue(result, key, value, 'always');
  return result;
}

function written(key: string, value: string, { portMac, traits }: BridgeContext): string {
  // EL8's ifup-eth hands DELAY to `ip link` as it is, which takes hundredths of a second; brctl takes seconds.
  if (key === 'DELAY' && !traits.brctl) return String(Number(value) * 100);
  if (key === 'MACADDR' && value === portMacWord) return portMac ?? '';
  return value;
}

function actualValue(file: KeyValueFile, key: string, want: string, context: BridgeContext): string | undefined {
  if (key === 'address') return primaryAddress(file);
  if (key === 'addresses') return addressesOf(file).join(', ');
  const entry = lookUp(file, key);
  if (entry === undefined) return key === 'BOOTPROTO' && file.entries.length > 0 && !isDhcp(want) ? want : undefined;
  // What a shell would have to work out is shown as it stands, and is never what is wanted.
  const value = entry.value ?? entry.raw.slice(entry.span?.[0]);
  switch (key) {
    case 'BOOTPROTO':
      return isDhcp(value) === isDhcp(want) ? want : value;
    case 'TYPE':
      return value === 'Bridge' && !isOrderedAsBridge(file) ? hiddenType(file) : value;
    case 'DELAY':
      return canonicalDelay(value, context.traits);
    case 'MACADDR':
      return canonicalMac(value, want, context.portMac);
    case 'STP':
      return { yes: 'on', no: 'off' }[value.toLowerCase()] ?? value.toLowerCase();
    case 'ONBOOT':
    case 'NM_CONTROLLED':
    case 'IPV6INIT':
    case 'IPV6_AUTOCONF':
      return /^(?:yes|no)$/i.test(value) ? value.toLowerCase() : value;
    default:
      return value;
  }
}

function hiddenType(file: KeyValueFile): string {
  const line = orderingComments(file).find(({ key }) => key === 'TYPE')?.line;
  return `Bridge, hidden from the init script by the comment in line ${line}`;
}

function canonicalDelay(value: string, { brctl }: ScriptTraits): string {
  if (!/^\d+(?:\.\d+)?$/.test(value)) return value;
  return String(brctl ? Number(value) : Number(value) / 100);
}

function canonicalMac(value: string, want: string, portMac: string | undefined): string {
  const mac = value.toLowerCase();
  return want === portMacWord && mac === portMac ? portMacWord : mac;
}

/** Returns the gateway in a bridge's file after the task; undefined where it has none. */
export function gatewayOf(file: KeyValueFile): string | undefined {
  const gateway = getValue(file, 'GATEWAY') ?? '';
  return gateway === '' ? undefined : gateway;
}
