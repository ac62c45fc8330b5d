import type { IfaceStanza, InterfacesLine } from '../../../lib/formats/interfaces.ts';
import { formatIpv6, parseIpv6, parseIpv6Network } from '../../../lib/formats/ipv6.ts';

/** What a stanza says, wherever it stands. */
export type Stanza = Pick<IfaceStanza, 'family' | 'method' | 'lines'>;

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

export function isInet({ family }: Pick<Stanza, 'family'>): boolean {
  return family === 'inet';
}

export function isInet6({ family }: Pick<Stanza, 'family'>): boolean {
  return family === 'inet6';
}

/** Writes an IPv6 address, or a network, in its shortest form; anything else as it is. */
export function canonical(text: string): string {
  const network = parseIpv6Network(text);
  if (network !== undefined) return `${formatIpv6(network.address)}/${network.prefix}`;
  const address = parseIpv6(text);
  return address === undefined ? text : formatIpv6(address);
}
