import type { Host } from './host.ts';
import type { HostSpec } from './host_spec.ts';

/** How to reach hosts. */
export interface ConnectOptions {
  /** Path of the private key, in place of what ssh_config says. */
  readonly privateKey?: string;
  /** Path of an ssh_config in place of the user's own. */
  readonly sshConfig?: string;
  /** Become root by `sudo -n` where the user is another. Default false. */
  readonly become?: boolean;
  /** Ends an attempt to connect. */
  readonly signal?: AbortSignal;
}

/** Connects to a host. @throws ConnectionError with ssh's own words */
export async function connect(_spec: HostSpec, _options: ConnectOptions = {}): Promise<Host> {
  throw new Error('being written');
}
