import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { PlaybookError } from '../../errors.ts';
import { Secret } from '../../task/secret.ts';

/** Input and output of a terminal. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable;
  /** Is called on Ctrl-C, for which the terminal sends no signal while readline reads. */
  interrupt(): void;
}

const ownTerminal: Terminal = {
  input: process.stdin,
  output: process.stderr,
  interrupt: () => process.kill(process.pid, 'SIGINT'),
};

/**
 * Asks for the sudo password of the hosts. The terminal does not show what is typed.
 * @throws PlaybookError if there is no terminal, or nothing was typed
 */
export async function askPassword({ input, output, interrupt }: Terminal = ownTerminal): Promise<Secret> {
  if (input.isTTY !== true) {
    throw new PlaybookError(
      '--ask-become-pass needs a terminal, and standard input is not one; a program gives the password to run(), as becomePassword',
    );
  }
  const unseen = new Writable({ write: (_piece, _encoding, done) => done() });
  const terminal = createInterface({ input, output: unseen, terminal: true, historySize: 0 });
  output.write('password for sudo: ');
  terminal.on('SIGINT', () => {
    terminal.close();
    output.write('\n');
    interrupt();
  });
  // After Ctrl-D, some versions of Node reject the question, others leave it unanswered.
  const ended = once(terminal, 'close').then(() => '');
  const typed = await Promise.race([terminal.question('').catch(() => ''), ended]);
  terminal.close();
  output.write('\n');
  if (typed === '') throw new PlaybookError('no password was typed; leave --ask-become-pass out where sudo wants none');
  return new Secret('the password for sudo', () => typed);
}
