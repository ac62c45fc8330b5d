import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type LabLayout, lan, namespacePath } from './layout.ts';

/** The two key pairs of a lab, made for it alone. */
export interface LabKeys {
  /** The public key that root and admin of the host accept. */
  readonly userPublic: string;
  readonly hostPrivate: string;
  readonly hostPublic: string;
}

/**
 * Makes the lab's keys and its ssh_config. Nothing in anybody's ~/.ssh is read or written.
 * @param layout the lab's names
 * @param hostname the name that the host is reached by, besides its address
 */
export async function writeSshFiles(layout: LabLayout, hostname: string): Promise<LabKeys> {
  const directory = layout.sshDirectory;
  const inDirectory = (name: string): string => join(directory, name);
  await mkdir(inDirectory('control'), { recursive: true, mode: 0o700 });
  for (const key of ['user_key', 'host_key']) {
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', layout.machine, '-f', inDirectory(key)]);
  }
  const hostPublic = await readFile(inDirectory('host_key.pub'), 'utf8');
  await writeFile(inDirectory('known_hosts'), `${hostname} ${hostPublic}`, { mode: 0o600 });
  const config = `Host ${hostname}
  HostName ${lan.hostAddress}

Host ${hostname} ${lan.hostAddress.replace(/\d+$/, '*')} ${lan.ipv6Gateway.replace(/:1$/, '*')}
  User root
  IdentityFile ${inDirectory('user_key')}
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  HostKeyAlias ${hostname}
  UserKnownHostsFile ${inDirectory('known_hosts')}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  CheckHostIP no
  ControlPath ${inDirectory('control')}/%C
  ConnectTimeout 10
  ServerAliveInterval 15
  ProxyCommand nsenter --net=${namespacePath(layout.lanNamespace)} nc -F %h %p
  ProxyUseFdpass yes
`;
  await writeFile(layout.sshConfig, config, { mode: 0o600 });
  return {
    userPublic: await readFile(inDirectory('user_key.pub'), 'utf8'),
    hostPrivate: await readFile(inDirectory('host_key'), 'utf8'),
    hostPublic,
  };
}
