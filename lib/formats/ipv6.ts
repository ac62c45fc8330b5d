/** An IPv6 address as a number, with the length of its subnet's prefix. */
export interface Ipv6Network {
  readonly address: bigint;
  readonly prefix: number;
}

/** Reads an IPv6 address in any of its spellings, without a zone; undefined when it is none. */
export function parseIpv6(text: string): bigint | undefined {
  if (!/^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  // What a URL gives back has no dotted part, and at most one `::`.
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0n);
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | group, 0n);
}

function groups(text: string): readonly bigint[] {
  return text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));
}

/** Reads `address/prefix`; undefined when it is none. */
export function parseIpv6Network(text: string): Ipv6Network | undefined {
  const [, host = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseIpv6(host);
  return address === undefined || Number(length) > 128 ? undefined : { address, prefix: Number(length) };
}

/** Writes an IPv6 address as `ip` and `ssh` do: in lower case, the longest run of zeros as `::`. */
export function formatIpv6(address: bigint): string {
  const all = Array.from({ length: 8 }, (_, index) => ((address >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  return new URL(`http://[${all.join(':')}]/`).hostname.slice(1, -1);
}

/** Writes an IPv6 address, with or without a prefix, in its shortest form; any other text stays as it is. */
export function canonicalIpv6(text: string): string {
  const network = parseIpv6Network(text);
  if (network !== undefined) return `${formatIpv6(network.address)}/${network.prefix}`;
  const address = parseIpv6(text);
  return address === undefined ? text : formatIpv6(address);
}

/** Tells whether two IPv6 addresses are in one subnet. */
export function inIpv6Subnet(address: bigint, { address: other, prefix }: Ipv6Network): boolean {
  const shift = BigInt(128 - prefix);
  return address >> shift === other >> shift;
}

/** Tells whether an IPv6 address holds on one link only (`fe80::/10`). */
export function isLinkLocal(address: bigint): boolean {
  return address >> 118n === 0xfe80n >> 6n;
}

/**
 * Gives the address that a link makes for itself in a subnet of 64 bits, from its MAC (EUI-64, RFC 4291).
 * @returns undefined for a MAC that is not of six bytes
 */
export function addressByMac(network: bigint, mac: string): bigint | undefined {
  const bytes = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  if (bytes.length !== 6 || bytes.some((byte) => !(byte >= 0 && byte <= 255))) return undefined;
  const [first = 0, second = 0, third = 0, ...last] = bytes;
  const identifier = [first ^ 2, second, third, 0xff, 0xfe, ...last];
  return ((network >> 64n) << 64n) | identifier.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
