import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';

/** The host's resources that a virtual network takes when it starts. */
interface Taken {
  /** The bridge that libvirt makes for it; undefined where libvirt chooses a free one. */
  readonly bridge: string | undefined;
  /** The host's address in it, e.g. `192.168.122.1/24`. */
  readonly address: string | undefined;
  /** `nat`, `route` and so on; undefined for an isolated one. */
  readonly forward: string | undefined;
}

/** Networks for which libvirt makes a bridge; the others use what the host has. */
const ownBridge: ReadonlySet<string | undefined> = new Set([undefined, 'none', 'nat', 'route', 'open']);

/**
 * Returns why libvirt would not start a network that is off: a link has its bridge's name already, or the host has a route to the
 * very same network (libvirt takes overlapping ones of another size).
 */
export async function networkCollisions(
  host: ReadonlyHost,
  { bridge, address, forward }: Taken,
): Promise<readonly string[]> {
  if (!ownBridge.has(forward)) return [];
  const [isTaken, routes] = await Promise.all([
    bridge !== undefined && host.exists(`/sys/class/net/${bridge}`),
    address === undefined ? undefined : host.readFile('/proc/net/route'),
  ]);
  const link = address === undefined ? undefined : linkTo(address, routes?.text ?? '', bridge);
  return [
    ...(isTaken ? [`the host has a link '${bridge}' already, and libvirt makes a bridge of that name`] : []),
    ...(link === undefined ? [] : [`the network of ${address} is that of the host's link '${link}' already`]),
  ];
}

/** The link over which the kernel's table (`/proc/net/route`: little-endian, in hexadecimal) reaches exactly this network. */
function linkTo(address: string, table: string, own: string | undefined): string | undefined {
  const [ip = '', prefix = ''] = address.split('/');
  const mask = (2 ** 32 - 2 ** (32 - Number(prefix))) >>> 0;
  const network = (ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) & mask) >>> 0;
  for (const line of table.split('\n').slice(1)) {
    const [link = '', destination = '', , , , , , routeMask = ''] = line.split(/\s+/);
    if (link !== own && fromTable(destination) === network && fromTable(routeMask) === mask) return link;
  }
  return undefined;
}

function fromTable(hex: string): number | undefined {
  return /^[\dA-F]{8}$/i.test(hex) ? Buffer.from(hex, 'hex').readUInt32LE() : undefined;
}
