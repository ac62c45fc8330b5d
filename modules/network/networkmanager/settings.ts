import { formatIpv6, parseIpv6, parseIpv6Network } from '../../../lib/formats/ipv6.ts';
import { sectionsOf, type UnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';

/** The section of an IP family. */
export type IpSection = 'ipv4' | 'ipv6';

/** Sections that address the host as a whole: they move from the port to the bridge. */
export const movedSections: readonly string[] = ['ipv4', 'ipv6', 'proxy', 'hostname'];

/** Keys of [connection] that belong to the addresses, and move with them. */
export const movedKeys: readonly string[] = [
  ...['zone', 'metered', 'mdns', 'llmnr', 'dns-over-tls', 'secondaries', 'stable-id', 'mptcp-flags', 'mud-url'],
  ...['gateway-ping-timeout', 'ip-ping-timeout', 'ip-ping-addresses', 'ip-ping-addresses-require-all'],
];

/** The name of the section of Ethernet, which has two. */
export function ethernetSection(file: UnitFile): string {
  return sectionsOf(file, '802-3-ethernet').length > 0 ? '802-3-ethernet' : 'ethernet';
}

/** Returns what a profile is a port of, by the old word or by the new one: a link's name, or a profile's UUID. */
export function masterOf(file: UnitFile): string | undefined {
  return unitValue(file, 'connection', 'controller') ?? unitValue(file, 'connection', 'master');
}

/** Tells whether NetworkManager activates the ports of a profile along with it, by the old word or by the new one. */
export function bringsPorts(file: UnitFile): boolean {
  const word =
    unitValue(file, 'connection', 'autoconnect-ports') ?? unitValue(file, 'connection', 'autoconnect-slaves');
  return isTrue(word);
}

/** Names what addresses the host in a profile, sorted: sections that say something, and keys of [connection]. */
export function addressingOf(file: UnitFile): readonly string[] {
  const sections = movedSections.filter((name) =>
    sectionsOf(file, name).some(({ lines }) => lines.some(({ key }) => key !== undefined)),
  );
  const keys = movedKeys.filter((key) => unitValue(file, 'connection', key) !== undefined);
  return [...sections.map((name) => `[${name}]`), ...keys].sort();
}

/** The words for yes of a keyfile (`g_key_file_get_boolean`, and those that NetworkManager takes besides). */
export function isTrue(value: string | undefined): boolean {
  return /^(?:1|true|yes|on)$/i.test(value ?? '');
}

function isFalse(value: string | undefined): boolean {
  return /^(?:0|false|no|off)$/i.test(value ?? '');
}

/** Tells whether a profile is activated by itself; that is the default. */
export function isAutomatic(file: UnitFile): boolean {
  return !isFalse(unitValue(file, 'connection', 'autoconnect'));
}

/** Returns the priority with which a profile gets a link that others may have as well: the highest one wins. */
export function priorityOf(file: UnitFile): number {
  return Number(unitValue(file, 'connection', 'autoconnect-priority') ?? 0);
}

/** Tells whether a profile is of the type Ethernet, by the old word or by the new one. */
export function isEthernet(file: UnitFile): boolean {
  return /^(?:802-3-)?ethernet$/.test(unitValue(file, 'connection', 'type') ?? '');
}

/** Returns the method of a family. A profile without such a section has `auto`. */
export function methodOf(file: UnitFile, section: IpSection): string {
  return unitValue(file, section, 'method') ?? 'auto';
}

/** Tells whether NetworkManager leaves a link's IPv6 addresses to the kernel. */
export function leavesIpv6ToKernel(file: UnitFile): boolean {
  return methodOf(file, 'ipv6') === 'ignore';
}

/** Returns the keys of a section whose name is a word and a number, in the order of the numbers: `address1`, `route12`. */
export function numbered(
  file: UnitFile,
  section: IpSection,
  pattern: RegExp,
): readonly { readonly key: string; readonly value: string }[] {
  const lines = sectionsOf(file, section).flatMap((each) => each.lines);
  return lines
    .flatMap(({ key, value }) => {
      const [, number] = (key !== undefined && pattern.exec(key)) || [];
      return key === undefined || value === undefined || number === undefined ? [] : [{ key, value, number }];
    })
    .sort((one, other) => Number(one.number) - Number(other.number));
}

export const addressKeys: RegExp = /^address(?:es)?(\d*)$/;
export const routeKeys: RegExp = /^routes?(\d*)$/;

/** The number of the main routing table. */
const mainTable = '254';

/** Returns the static addresses of a family, with their prefixes. */
export function addressesOf(file: UnitFile, section: IpSection): readonly string[] {
  return numbered(file, section, addressKeys).map(({ value }) => canonical(parts(value)[0] ?? ''));
}

/** Returns the default gateway of a family: `gateway=`, the word behind an address, or a default route of the main table. */
export function gatewayOf(file: UnitFile, section: IpSection): string | undefined {
  const behind = numbered(file, section, addressKeys).flatMap(({ value }) => parts(value)[1] ?? []);
  const viaRoute = defaultRoutesOf(file, section).flatMap(({ via, isMain }) => (isMain ? [via] : []));
  const all = [unitValue(file, section, 'gateway'), ...behind, ...viaRoute];
  return all.flatMap((gateway) => (gateway === undefined || isNone(gateway) ? [] : [canonical(gateway)]))[0];
}

/** A default route that a profile writes as a route of its own: `route1=0.0.0.0/0,192.168.221.1`. */
interface DefaultRoute {
  readonly key: string;
  readonly via: string | undefined;
  /** Whether it is in the main routing table. Those of other tables are for policy routing, and none of them is the host's gateway. */
  readonly isMain: boolean;
}

/** Returns the default routes of a family that are written as routes, in all tables. */
export function defaultRoutesOf(file: UnitFile, section: IpSection): readonly DefaultRoute[] {
  return numbered(file, section, routeKeys).flatMap(({ key, value }) => {
    const [to = '', via] = parts(value);
    const table = tableOf(file, section, key);
    return isDefault(to) ? [{ key, via, isMain: table === undefined }] : [];
  });
}

/** Returns the number of a route's table; undefined for the main one. */
function tableOf(file: UnitFile, section: IpSection, key: string): string | undefined {
  const options = (unitValue(file, section, `${key}_options`) ?? '').split(',').map((each) => each.trim());
  const own = options.find((option) => option.startsWith('table='))?.slice('table='.length);
  return own === undefined || own === '0' || own === mainTable ? undefined : own;
}

/** Returns the routes of both families beside the default ones. */
export function routesOf(file: UnitFile): readonly Route[] {
  return (['ipv4', 'ipv6'] as const).flatMap((section) =>
    numbered(file, section, routeKeys).flatMap(({ key, value }) => {
      const [to = '', via, metric] = parts(value);
      if (isDefault(to)) return [];
      const table = tableOf(file, section, key);
      return [
        {
          to: canonical(to.includes('/') ? to : `${to}/${section === 'ipv4' ? 32 : 128}`),
          ...(via !== undefined && !isNone(via) && { via: canonical(via) }),
          ...(metric !== undefined && Number(metric) !== 0 && { metric: Number(metric) }),
          ...(table !== undefined && { table: Number(table) }),
        },
      ];
    }),
  );
}

/** Returns the items of a list, which end in semicolons. */
export function listOf(file: UnitFile, section: IpSection, key: string): readonly string[] {
  const value = unitValue(file, section, key) ?? '';
  return value
    .split(/[;,]/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Returns the MAC that a bridge's profile gives it, in lower case. */
export function macIn(file: UnitFile): string | undefined {
  const mac = unitValue(file, ethernetSection(file), 'cloned-mac-address') ?? unitValue(file, 'bridge', 'mac-address');
  return mac === '' ? undefined : mac?.toLowerCase();
}

/** Returns the MTU of a profile; undefined where it leaves that to the kernel. */
export function mtuIn(file: UnitFile): number | undefined {
  const mtu = Number(unitValue(file, ethernetSection(file), 'mtu') ?? 0);
  return mtu > 0 ? mtu : undefined;
}

/** Says what a bridge's profile holds, in the terms of the desired state. @param ports the profiles of its ports */
export function settingsOf(
  file: UnitFile,
  wanted: BridgeSettings | undefined,
  portMac: string | undefined,
  ports: readonly UnitFile[],
): BridgeSettings {
  const mac = macIn(file);
  const mtu = mtuIn(file);
  const gateway = gatewayOf(file, 'ipv4');
  const ipv6Gateway = gatewayOf(file, 'ipv6');
  const zone = unitValue(file, 'connection', 'zone');
  const ipv4 = addressesOf(file, 'ipv4');
  const ipv6 = ipv6Of(file);
  const method = methodOf(file, 'ipv4');
  const dns = [...listOf(file, 'ipv4', 'dns'), ...listOf(file, 'ipv6', 'dns')].map(canonical);
  const search = [...new Set([...listOf(file, 'ipv4', 'dns-search'), ...listOf(file, 'ipv6', 'dns-search')])];
  return {
    ipv4: method === 'auto' ? 'dhcp' : ipv4.length > 0 ? ipv4 : 'none',
    ...(gateway !== undefined && { gateway }),
    ...(ipv6 !== undefined && { ipv6 }),
    ipv6Addresses: addressesOf(file, 'ipv6'),
    ...(ipv6Gateway !== undefined && { ipv6Gateway }),
    dns: inOrderOf(wanted?.dns, dns, (server) => server.includes(':')),
    search,
    routes: inOrderOf(wanted?.routes, routesOf(file), ({ to }) => to.includes(':')),
    stp: !isFalse(unitValue(file, 'bridge', 'stp')),
    delay: Number(unitValue(file, 'bridge', 'forward-delay') ?? 15),
    ...(mtu !== undefined && ports.every((port) => mtuIn(port) === mtu) && { mtu }),
    ...(mac !== undefined && { mac: wanted?.mac === portMacWord && mac === portMac ? portMacWord : mac }),
    ...(zone !== undefined && zone !== '' && { zone }),
    onboot: isAutomatic(file),
  };
}

/** With `ignore` NetworkManager leaves IPv6 to the kernel: that is none of the words. */
function ipv6Of(file: UnitFile): BridgeSettings['ipv6'] {
  switch (methodOf(file, 'ipv6')) {
    case 'auto':
    case 'dhcp':
      return 'auto';
    case 'manual':
    case 'link-local':
      return 'static';
    case 'disabled':
      return 'off';
    default:
      return undefined;
  }
}

/** Each family has a list of its own, so that the order between the two is nobody's: it is taken to be the wanted one. */
function inOrderOf<Item>(
  wanted: readonly Item[] | undefined,
  found: readonly Item[],
  isIpv6: (item: Item) => boolean,
): readonly Item[] {
  if (wanted === undefined) return found;
  const sorted = [...wanted.filter((item) => !isIpv6(item)), ...wanted.filter(isIpv6)];
  return JSON.stringify(sorted) === JSON.stringify(found) ? wanted : found;
}

/** Writes an IPv6 address, or a network, in its shortest form; anything else as it is. */
export function canonical(text: string): string {
  const network = parseIpv6Network(text);
  if (network !== undefined) return `${formatIpv6(network.address)}/${network.prefix}`;
  const address = parseIpv6(text);
  return address === undefined ? text : formatIpv6(address);
}

/** `192.168.221.150/24,192.168.221.1`; old files have semicolons. */
function parts(value: string): readonly string[] {
  return value.split(/[,;]/).map((part) => part.trim());
}

function isNone(address: string): boolean {
  return address === '' || address === '0.0.0.0' || address === '::';
}

function isDefault(destination: string): boolean {
  return /^(?:0\.0\.0\.0(?:\/0)?|::(?:\/0)?)$/.test(canonical(destination));
}
