/** An IPv4 address as a number, with the length of its subnet's prefix. */
export interface Ipv4Network {
  readonly address: number;
  readonly prefix: number;
}

/** Reads an IPv4 address in its only unambiguous form: four decimal numbers without leading zeros. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Reads `address/prefix`; undefined when it is none. */
export function parseIpv4Network(text: string): Ipv4Network | undefined {
  const [, host = '', length = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const address = parseIpv4(host);
  return address === undefined || Number(length) > 32 ? undefined : { address, prefix: Number(length) };
}

/** Writes an IPv4 address with dots. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Gives the length of the prefix that a netmask stands for; undefined when it is none (255.0.255.0). */
export function prefixOfNetmask(netmask: string): number | undefined {
  const mask = parseIpv4(netmask);
  if (mask === undefined) return undefined;
  const prefix = mask.toString(2).padStart(32, '0').replace(/0+$/, '').length;
  return mask === maskOf(prefix) ? prefix : undefined;
}

/** Gives the prefix that an address has by its class, which is what ipcalc takes when nothing says otherwise. */
export function classPrefix(address: number): number {
  const first = address >>> 24;
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}

/** Tells whether two addresses are in one subnet. */
export function inSubnet(address: number, { address: other, prefix }: Ipv4Network): boolean {
  const mask = maskOf(prefix);
  return (address & mask) >>> 0 === (other & mask) >>> 0;
}

/**
 * Says why an address cannot be a host's.
 * @returns undefined when it can
 */
export function whyNoHostAddress({ address, prefix }: Ipv4Network): string | undefined {
  const first = address >>> 24;
  if (first === 0) return 'addresses that begin with 0 are no host’s';
  if (first === 127) return 'addresses that begin with 127 are the loopback’s';
  if (first >= 224) return 'addresses from 224 on are no host’s (multicast and reserved)';
  if (prefix >= 31) return undefined;
  const host = (address & ~maskOf(prefix)) >>> 0;
  if (host === 0) return `it is the address of the network ${formatIpv4(address)}/${prefix} itself`;
  if (host === ~maskOf(prefix) >>> 0) return 'it is its network’s broadcast address';
  return undefined;
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}
