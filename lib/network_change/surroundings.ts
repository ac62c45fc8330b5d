import type { ReadonlyHost } from '../hosts/readonly_host.ts';

/** Who talks to the host, and where it is reached. */
export interface Connection {
  /** The controller's address, as the host sees it. */
  readonly peer: string;
  /** The host's own address of this connection. */
  readonly local: string;
}

/** A host's network as a change must find it again. */
export interface Surroundings {
  /** The connection of this session; undefined on this very machine. */
  readonly connection: Connection | undefined;
  /** IPv4 addresses with their prefix, by link. */
  readonly addresses: readonly { readonly link: string; readonly address: string }[];
  /** `via` of the default routes. */
  readonly gateways: readonly string[];
  /** Every link, and the one that it is plugged into; empty where that is none. */
  readonly masters: ReadonlyMap<string, string>;
}

/** Looks at a host's network, in one request. Text and `/sys` only: EL7's `ip` knows no JSON. */
export async function readSurroundings(host: ReadonlyHost): Promise<Surroundings> {
  const [connection, addresses, routes, masters] = await Promise.all([
    host.query(['sh', '-c', 'printf %s "$SSH_CONNECTION"']),
    host.query(['ip', '-o', '-4', 'address', 'show']),
    host.query(['ip', '-4', 'route', 'show', 'default']),
    host.query(['sh', '-c', 'cd /sys/class/net && for l in *; do echo "$l $(readlink "$l/master")"; done']),
  ]);
  return {
    connection: parseConnection(connection.stdout),
    addresses: [...addresses.stdout.matchAll(/^\d+: ([^\s@]+)\S*\s+inet (\S+)/gm)].map(
      ([, link = '', address = '']) => ({ link, address }),
    ),
    gateways: [...routes.stdout.matchAll(/^default via (\S+)/gm)].map(([, gateway = '']) => gateway),
    masters: new Map(
      [...masters.stdout.matchAll(/^(\S+) (?:\S*\/)?(\S*)$/gm)].map(([, link = '', master = '']) => [link, master]),
    ),
  };
}

/** The link that carries an address; undefined when none does (IPv6, or an address that is translated on the way). */
export function linkOf({ addresses }: Surroundings, address: string): string | undefined {
  return addresses.find((found) => found.address.split('/')[0] === address)?.link;
}

/** Reads what sshd says: the client's address and port, the server's address and port. */
function parseConnection(text: string): Connection | undefined {
  const [peer, , local] = text.trim().split(' ');
  return peer === undefined || local === undefined ? undefined : { peer: unmapped(peer), local: unmapped(local) };
}

/** sshd that listens on IPv6 alone shows IPv4 addresses as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
