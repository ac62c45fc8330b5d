import type { Secret } from '../task/secret.ts';
import { refuseNonObject, refuseWrongTypes } from '../validation/option_types.ts';
import type { Host } from './host.ts';
import { ShellHost } from './shell_host.ts';
import { type HostSpec, hostName, isLocalHost, parseHost } from './ssh/host_spec.ts';
import type { SshOptions } from './ssh/ssh.ts';

/** Imports that are under way: some loaders of TypeScript give a module that is still being loaded to whoever asks for it meanwhile. */
let imports: Promise<unknown> = Promise.resolve();

/** Imports one after the other. */
function imported<Module>(load: () => Promise<Module>): Promise<Module> {
  const loaded = imports.then(load, load);
  imports = loaded;
  return loaded;
}

/** How to reach hosts. */
export interface ConnectOptions {
  /** Path of the private key to try first; after it only the keys that ssh_config names. */
  readonly privateKey?: string;
  /** Path of an ssh_config in place of the user's own. */
  readonly sshConfig?: string;
  /** Become root by sudo if the user is not root. Default false. */
  readonly become?: boolean;
  /** The sudo password. It is sent on standard input, and only when sudo asks for it. Default: none, `sudo -n`. */
  readonly becomePassword?: Secret;
  /** Ends an attempt to connect. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to a host: `localhost` is this machine, without SSH; every other host is reached with the system's `ssh`.
 * The caller closes the host.
 * @param host `[user@]name[:port]`, or an object with these parts
 * @throws ConnectionError with ssh's own words; PlaybookError for a host that cannot be read
 */
export async function connect(host: string | HostSpec, options: ConnectOptions = {}): Promise<Host> {
  if (typeof host !== 'string') {
    refuseNonObject('connect', host);
    refuseWrongTypes('connect', host, { name: 'text', user: 'text', port: 'number' }, ['name']);
  }
  const prepared = await prepare(typeof host === 'string' ? parseHost(host) : host, options);
  try {
    await prepared.reader.exists('/');
    return prepared;
  } catch (error) {
    await prepared.close();
    throw error;
  }
}

/** Like {@link connect}, but nothing is connected before the host is first asked something: that travels with the connection. */
export async function prepare(
  spec: HostSpec,
  options: ConnectOptions,
  shared: Pick<SshOptions, 'handshakes' | 'mentions' | 'preconnected' | 'onProgress'> = {},
  lockId?: string,
): Promise<Host> {
  const { become = false, ...rest } = options;
  if (isLocalHost(spec)) {
    const { LocalTransport } = await imported(() => import('./local.ts'));
    const { becomePassword } = options;
    const transport = new LocalTransport(hostName(spec), {
      become,
      ...(becomePassword !== undefined && { becomePassword }),
    });
    shared.onProgress?.('open');
    return new ShellHost(transport, lockId);
  }
  const { SshTransport } = await imported(() => import('./ssh/ssh.ts'));
  return new ShellHost(new SshTransport(hostName(spec), spec, { become, ...rest, ...shared }), lockId);
}
