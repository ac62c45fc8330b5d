import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { ConnectionError } from '../../errors.ts';
import { privateDirectory } from '../../process/private_directory.ts';
import type { HostSpec } from './host_spec.ts';

/** How long a connection without a session stays open for the next run. */
const persist = '60s';

/** The exit status of ssh's own failures, as opposed to the remote command's. */
export const sshFailed = 255;

/** What ssh uses in place of the user's own key and configuration. */
export interface SshConfiguration {
  /** Path of the private key. */
  readonly privateKey?: string;
  /** Path of an ssh_config. */
  readonly sshConfig?: string;
  /** Whether an ssh_config has keys on which our own settings depend, by its path: read once for all hosts of a run. Default: read anew. */
  readonly mentions?: Map<string, Promise<boolean>>;
}

/**
 * What ssh_config may say of a host and would keep a command of ours from running, or its output from being read: another command
 * in its place, one on this machine, forwardings (a port that is taken ends the connection), pictures of keys, no words of errors.
 */
const ownOptions: readonly string[] = [
  ...['BatchMode=yes', 'RemoteCommand=none', 'PermitLocalCommand=no', 'EscapeChar=none', 'LogLevel=INFO'],
  ...['ClearAllForwardings=yes', 'ForwardX11=no', 'Tunnel=no', 'VisualHostKey=no'],
];

/**
 * Builds ssh's arguments up to the host's name.
 * @param settings what ssh_config says; the connection is not opened by a call that has none
 * @param options further ones, which win over those of every call
 */
export function sshArguments(
  spec: HostSpec,
  configuration: SshConfiguration,
  settings: { readonly connectLimit: number; readonly options: readonly string[] } | undefined,
  options: readonly string[],
): readonly string[] {
  return [
    ...targetOptions(spec, configuration),
    ...options,
    ...ownOptions.flatMap(asOption),
    ...(settings === undefined ? [] : [...settings.options, ...asOption(`ConnectTimeout=${settings.connectLimit}`)]),
    '--',
    spec.name,
  ];
}

/** Builds the arguments that print ssh's effective configuration. In batch mode Debian's ssh has other defaults. */
export function askArguments(
  spec: HostSpec,
  configuration: SshConfiguration,
  options: readonly string[],
): readonly string[] {
  return ['-G', ...targetOptions(spec, configuration), ...options, ...asOption('BatchMode=no'), '--', spec.name];
}

function targetOptions({ user, port }: HostSpec, { privateKey, sshConfig }: SshConfiguration): readonly string[] {
  return [
    '-T',
    ...(sshConfig === undefined ? [] : ['-F', sshConfig]),
    ...(privateKey === undefined ? [] : ['-i', privateKey, '-o', 'IdentitiesOnly=yes']),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
}

/** Options that use the shared connection of a socket, or open it. */
export function sharing(socket: string): readonly string[] {
  return ['ControlMaster=auto', `ControlPath=${socket}`, `ControlPersist=${persist}`].flatMap(asOption);
}

function asOption(option: string): readonly string[] {
  return ['-o', option];
}

/**
 * Finds a path for the shared connection's socket: short enough for a socket, in a directory that nobody else can enter,
 * and another one for another configuration or key, since those may lead to another machine of the same name, and for another
 * name: behind different jump hosts two machines may have the same address, and ssh's own `%C` does not tell them apart.
 */
export async function socketPath({ name }: HostSpec, { sshConfig, privateKey }: SshConfiguration): Promise<string> {
  const path = `/tmp/kvm-play-${userInfo().uid}`;
  const directory = privateDirectory(path);
  if (directory === undefined) {
    throw new ConnectionError(`${path} must be a directory of yours with mode 0700, and is not; remove it`);
  }
  const files = await Promise.all([sshConfig, privateKey].map((file) => file && realpath(file).catch(() => file)));
  const hash = createHash('sha256')
    .update(JSON.stringify([name, ...files]))
    .digest('hex')
    .slice(0, 12);
  return `${directory}/${hash}-%C`;
}
