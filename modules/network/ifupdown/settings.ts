import type { IfaceStanza, InterfacesLine } from '../../../lib/formats/interfaces.ts';
import { classPrefix, parseIpv4, prefixOfNetmask } from '../../../lib/formats/ipv4.ts';
import { formatIpv6, parseIpv6, parseIpv6Network } from '../../../lib/formats/ipv6.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';

/** What a stanza says, wherever it stands. */
export type Stanza = Pick<IfaceStanza, 'family' | 'method' | 'lines'>;

/** What is known of the link whose MAC and name a bridge may have. */
export interface PortNames {
  readonly port: string;
  readonly mac: string | undefined;
}

/** Where it does not matter whose a MAC is. */
export const noPort: PortNames = { port: '', mac: undefined };

/** Options of a stanza that give the link its addresses, by their normal names. */
export const addressOptions: readonly string[] = [
  ...['address', 'netmask', 'broadcast', 'network', 'gateway', 'pointopoint', 'scope', 'metric', 'media'],
  ...['hostname', 'leasehours', 'leasetime', 'vendor', 'client'],
  ...['accept-ra', 'autoconf', 'privext', 'dhcp', 'request-prefix', 'll-attempts', 'll-interval'],
  ...['preferred-lifetime', 'dad-attempts', 'dad-interval'],
];

/** The line that switches IPv6 off: no option of ifupdown does. */
export const ipv6OffLine = 'up echo 1 > /proc/sys/net/ipv6/conf/$IFACE/disable_ipv6';

const hookWords: readonly string[] = ['pre-up', 'up', 'post-up', 'down', 'pre-down', 'post-down'];

/** Hyphens and underscores are the same to the scripts of ifupdown: `bridge-ports` is `bridge_ports`. */
export function optionName({ key }: InterfacesLine): string | undefined {
  return key?.replaceAll('_', '-');
}

/** Tells whether a line is a command that is run when the link goes up or down. */
export function isHook(line: InterfacesLine): boolean {
  return line.key !== undefined && hookWords.includes(line.key);
}

/** Tells whether a line belongs to the link itself, not to its addresses: it stays with a port. */
export function isLinkLine(line: InterfacesLine): boolean {
  const name = optionName(line) ?? '';
  if (/^(?:bond-|slaves$|vlan-|ethernet-|link-|offload-|hardware-|driver-|wpa-|wireless-)/.test(name)) return true;
  if (name === 'hwaddress' || name === 'hwaddr') return true;
  return isHook(line) && /(?:^|[/\s])(?:ethtool|ifenslave|iw|iwconfig)\s/.test(line.value ?? '');
}

/** Tells whether a line makes a bridge, or is about it as a bridge. */
export function isBridgeLine(line: InterfacesLine): boolean {
  return optionName(line)?.startsWith('bridge-') ?? false;
}

/** Returns the last value of an option, by its normal name. */
export function optionOf(stanzas: readonly Stanza[], name: string): string | undefined {
  return optionsOf(stanzas, name).at(-1);
}

/** Returns all values of an option, by its normal name. */
export function optionsOf(stanzas: readonly Stanza[], name: string): readonly string[] {
  return stanzas.flatMap(({ lines }) => lines.flatMap((line) => (optionName(line) === name ? [line.value ?? ''] : [])));
}

/** Returns the ports that a bridge's stanzas name. */
export function portsIn(stanzas: readonly Stanza[]): readonly string[] {
  return optionsOf(stanzas, 'bridge-ports')
    .flatMap((value) => words(value))
    .filter((word) => word !== 'none');
}

/** Says what the stanzas of a bridge hold, in the terms of the desired state. */
export function settingsOf(
  stanzas: readonly Stanza[],
  isAuto: boolean,
  wanted: BridgeSettings | undefined,
  { port, mac: portMac }: PortNames,
): BridgeSettings {
  const [inet, inet6] = [stanzas.filter(isInet), stanzas.filter(isInet6)];
  const addresses = inet.flatMap(addressIn);
  const gateway = optionOf(inet, 'gateway');
  const ipv6Gateway = optionOf(inet6, 'gateway');
  const mtu = optionOf(stanzas, 'mtu');
  const delay = optionOf(stanzas, 'bridge-fd');
  const mac = macIn(stanzas);
  const isPortMac = mac !== undefined && (mac === portMac || mac === port);
  return {
    ipv4: inet.some(({ method }) => method === 'dhcp') ? 'dhcp' : addresses.length > 0 ? addresses : 'none',
    ...(gateway !== undefined && { gateway }),
    ipv6: ipv6Of(stanzas),
    ipv6Addresses: inet6.flatMap(addressIn),
    ...(ipv6Gateway !== undefined && { ipv6Gateway: canonical(ipv6Gateway) }),
    dns: [...optionsOf(stanzas, 'dns-nameservers'), ...optionsOf(stanzas, 'dns-nameserver')].flatMap(words),
    search: [...optionsOf(stanzas, 'dns-search'), ...optionsOf(stanzas, 'dns-domain')].flatMap(words),
    routes: routesOf(stanzas),
    stp: /^(?:on|yes|1)$/i.test(optionOf(stanzas, 'bridge-stp') ?? 'off'),
    delay: Number.parseFloat(delay ?? '15'),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(mac !== undefined && { mac: isPortMac && wanted?.mac === portMacWord ? portMacWord : mac }),
    onboot: isAuto,
  };
}

/** Returns the routes that commands of the stanzas add. */
export function routesOf(stanzas: readonly Stanza[]): readonly Route[] {
  return stanzas.flatMap(({ lines }) => lines.flatMap((line) => routeIn(line) ?? []));
}

/** Tells whether a line adds a route in words that {@link routeIn} does not know. */
export function isOtherRoute(line: InterfacesLine): boolean {
  const isAdding = /\broute\s+(?:-\S+\s+)*(?:add|replace|append)\b/.test(line.value ?? '');
  return isHook(line) && isAdding && routeIn(line) === undefined;
}

const routePattern =
  /^(?:(?:\/usr)?\/s?bin\/)?ip\s+(?:-[46]\s+)?r(?:oute)?\s+(?:add|replace|append)\s+(\S+)((?:\s+(?:via|dev|metric|table)\s+\S+|\s+onlink)*)(?:\s+\|\|\s+(?:true|:))?$/;

/** Reads `up ip route add 10.0.0.0/8 via 192.168.221.1 dev $IFACE metric 5`. */
export function routeIn(line: InterfacesLine): Route | undefined {
  if (line.key !== 'up' && line.key !== 'post-up') return undefined;
  const [, to, rest = ''] = routePattern.exec((line.value ?? '').trim()) ?? [];
  if (to === undefined) return undefined;
  const after = (word: string): string | undefined => new RegExp(`\\s${word}\\s+(\\S+)`).exec(rest)?.[1];
  const [via, metric, table] = ['via', 'metric', 'table'].map(after);
  const isMain = table === undefined || table === 'main' || table === '254';
  if (!isMain && !/^\d+$/.test(table)) return undefined;
  return {
    to: to.includes('/') || to === 'default' ? canonical(to) : `${canonical(to)}/${to.includes(':') ? 128 : 32}`,
    ...(via !== undefined && { via: canonical(via) }),
    ...(metric !== undefined && { metric: Number(metric) }),
    ...(!isMain && { table: Number(table) }),
  };
}

/** Returns what addresses a link: its methods and its options, for comparison and for messages. */
export function addressingOf(stanzas: readonly Stanza[]): readonly string[] {
  return stanzas.flatMap(({ family, method, lines }) => [
    ...(method === 'manual' || method === '' ? [] : [`${family} ${method}`]),
    ...lines.flatMap((line) => {
      const name = optionName(line);
      const isAddressing = name !== undefined && (addressOptions.includes(name) || name.startsWith('dns-'));
      return isAddressing ? [name] : [];
    }),
  ]);
}

export function isInet({ family }: Pick<Stanza, 'family'>): boolean {
  return family === 'inet';
}

export function isInet6({ family }: Pick<Stanza, 'family'>): boolean {
  return family === 'inet6';
}

/** Says where IPv6 addresses come from. Without a stanza for IPv6 the kernel takes what routers advertise. */
export function ipv6Of(stanzas: readonly Stanza[]): NonNullable<BridgeSettings['ipv6']> {
  const isOff = stanzas.some(({ lines }) =>
    lines.some(({ value }) => /\/disable_ipv6$/.test(value ?? '') && /\b1\b/.test(value ?? '')),
  );
  if (isOff) return 'off';
  const inet6 = stanzas.filter(isInet6);
  if (inet6.some(({ method }) => method === 'auto' || method === 'dhcp')) return 'auto';
  const isStatic = inet6.some(({ method }) => method === 'static');
  return isStatic && !/^[1-9]/.test(optionOf(inet6, 'autoconf') ?? '0') ? 'static' : 'auto';
}

/** The address of a stanza with its prefix, which may stand in a line of its own. */
function addressIn(stanza: Stanza): readonly string[] {
  const address = optionOf([stanza], 'address');
  if (address === undefined || stanza.method !== 'static') return [];
  if (address.includes('/')) return [canonical(address)];
  const netmask = optionOf([stanza], 'netmask');
  const isNumber = netmask !== undefined && /^\d+$/.test(netmask);
  const prefix = netmask === undefined ? undefined : isNumber ? Number(netmask) : prefixOfNetmask(netmask);
  return [canonical(`${address}/${prefix ?? (isInet6(stanza) ? 64 : classPrefix(parseIpv4(address) ?? 0))}`)];
}

function macIn(stanzas: readonly Stanza[]): string | undefined {
  const hardware = optionOf(stanzas, 'hwaddress')?.replace(/^ether\s+/, '');
  return (optionOf(stanzas, 'bridge-hw') ?? hardware)?.toLowerCase();
}

/** Writes an IPv6 address, or a network, in its shortest form; anything else as it is. */
function canonical(text: string): string {
  const network = parseIpv6Network(text);
  if (network !== undefined) return `${formatIpv6(network.address)}/${network.prefix}`;
  const address = parseIpv6(text);
  return address === undefined ? text : formatIpv6(address);
}

function words(value: string): readonly string[] {
  return value.split(/\s+/).filter((word) => word !== '');
}
