import { PlaybookError } from '../../errors.ts';
import { expandRange } from './range.ts';

/**
 * Checks the name of a host or a group. It is a part of paths (`host_vars/NAME`) and of ssh's arguments.
 * @throws PlaybookError
 */
export function checkedName(name: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.:@+-]*$/u.test(name)) return name;
  throw new PlaybookError(`'${name}' cannot be the name of a host or a group`);
}

/**
 * Reads the beginning of a host's line: a name, an address, or a range of them, and a port.
 * @returns the hosts' names, and the port as the variable that it is
 * @throws PlaybookError
 */
export function parseHostPattern(pattern: string): {
  readonly names: readonly string[];
  readonly port: { readonly ansible_port?: number };
} {
  // An IPv6 address has more colons than the one before a port.
  const [, range = pattern, port] = /^([^:]+|\[[0-9A-Fa-f:]+\]|[^:]*\[[^\]]*\][^:]*):(\d+)$/.exec(pattern) ?? [];
  const [, address = range] = /^\[([0-9A-Fa-f:.]*(?:::|(?::[0-9A-Fa-f]+){3})[0-9A-Fa-f:.]*)\]$/.exec(range) ?? [];
  const names = (address === range ? expandRange(range) : [address]).map(checkedName);
  return { names, port: port === undefined ? {} : { ansible_port: Number(port) } };
}
