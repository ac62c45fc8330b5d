import { ConnectionError } from '../errors.ts';

/** Says in words why a machine that was reached ran no script: sudo, or a login shell that lets nobody in. */
export function refusal(exitCode: number | undefined, stderr: string): ConnectionError {
  const words = stderr.trim();
  if (words.includes('must have a tty')) {
    return new ConnectionError(
      `${words}\nsudo wants a terminal here: take 'Defaults requiretty' out of /etc/sudoers, or log in as root`,
    );
  }
  if (words.includes('password is required')) {
    return new ConnectionError(`${words}\nallow this user 'NOPASSWD: ALL' in /etc/sudoers.d, or log in as root`);
  }
  return new ConnectionError(`the host ran no script (exit ${exitCode}): ${words || 'it said nothing'}`);
}
