import { PlaybookError } from '../../errors.ts';
import { shown } from '../../validation/option_types.ts';

/** How to reach a host. ssh_config decides what is left out. */
export interface HostSpec {
  /** The name that ssh is given: a host name, an address, or an alias of ssh_config. `localhost` is this machine, without SSH. */
  readonly name: string;
  readonly user?: string;
  /** 1 to 65535. */
  readonly port?: number;
  /** Path of its private key, in place of the run's or ssh_config's. */
  readonly privateKey?: string;
  /** The host's name in reports. Default: `[user@]name[:port]`. */
  readonly alias?: string;
}

/**
 * Parses `[user@]name[:port]`; an IPv6 address with a port must be in brackets.
 * @throws PlaybookError that says what is wrong
 */
export function parseHost(text: string): HostSpec {
  if (typeof text !== 'string')
    throw new PlaybookError(`a host is ${shown(text)}, and must be a text: [user@]name[:port]`);
  const parts =
    /^(?:(?<user>[^@]+)@)?(?:\[(?<address>[0-9A-Fa-f:.%\w]+)\]|(?<name>[^@:[\]]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+))(?::(?<port>\d+))?$/.exec(
      text,
    );
  const { user, address, name, port } = parts?.groups ?? {};
  const target = address ?? name;
  if (target === undefined) throw new PlaybookError(`'${text}' is no host; write [user@]name[:port]`);
  for (const part of [target, user ?? '']) {
    if (part.startsWith('-') || /[\s\p{Cc}]/u.test(part)) {
      throw new PlaybookError(`'${text}' is no host: '${part}' begins with a dash or holds a blank`);
    }
  }
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) {
    throw new PlaybookError(`'${text}': there is no port ${port}`);
  }
  return { name: target, ...(user !== undefined && { user }), ...(port !== undefined && { port: Number(port) }) };
}

/** Tells whether a host is this machine, reached without SSH. */
export function isLocalHost({ name, user, port }: HostSpec): boolean {
  return name === 'localhost' && user === undefined && port === undefined;
}

/** Shows a host as the user would write it. */
export function hostName({ name, user, port, alias }: HostSpec): string {
  if (alias !== undefined) return alias;
  const target = port !== undefined && name.includes(':') ? `[${name}]` : name;
  return `${user === undefined ? '' : `${user}@`}${target}${port === undefined ? '' : `:${port}`}`;
}
