import { ConnectionError } from '../../errors.ts';
import type { SudoDialog } from './sudo_dialog.ts';

/**
 * Explains why a machine that was reached ran no script: because of sudo, or of its login shell.
 * @param dialog the talk with sudo, where there was one
 */
export function refusal(exitCode: number | undefined, stderr: string, dialog?: SudoDialog): ConnectionError {
  const error = inWords(exitCode, stderr.trim());
  return dialog?.ended(error) ?? error;
}

function inWords(exitCode: number | undefined, words: string): ConnectionError {
  if (words.includes('must have a tty')) {
    return new ConnectionError(
      `${words}\nsudo wants a terminal here: take 'Defaults requiretty' out of /etc/sudoers, or log in as root`,
    );
  }
  if (words.includes('password is required')) {
    return new ConnectionError(
      `${words}\ngive the password (--ask-become-pass), allow this user 'NOPASSWD: ALL' in /etc/sudoers.d, or log in as root`,
    );
  }
  return new ConnectionError(`the host ran no script (exit ${exitCode}): ${words || 'it said nothing'}`);
}
