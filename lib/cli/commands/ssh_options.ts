import { stat } from 'node:fs/promises';
import { PlaybookError } from '../../errors.ts';
import type { ConnectOptions } from '../../hosts/connect.ts';
import type { CommandLine } from '../options/command_line.ts';

/** Gives what ssh and sudo are told on every host. @throws PlaybookError for a file that is missing, and a password that nobody types */
export async function sshOptions(
  line: CommandLine,
): Promise<Pick<ConnectOptions, 'privateKey' | 'sshConfig' | 'becomePassword'>> {
  const { privateKey, sshConfig } = line;
  // Given a key that does not exist, ssh only warns, and goes on with others.
  await Promise.all([
    checkFile('--private-key', privateKey, 'a private key, e.g. ~/.ssh/id_ed25519'),
    checkFile('--ssh-config', sshConfig, 'an ssh_config'),
  ]);
  return {
    ...(privateKey !== undefined && { privateKey }),
    ...(sshConfig !== undefined && { sshConfig }),
    ...(line.askBecomePass && { becomePassword: await (await import('./ask_password.ts')).askPassword() }),
  };
}

async function checkFile(option: string, path: string | undefined, what: string): Promise<void> {
  if (path === undefined) return;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return;
  throw new PlaybookError(`${option}: there is no file ${path === '' ? "''" : path}; name ${what}`);
}
