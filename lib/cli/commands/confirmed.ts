import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

/**
 * Asks a question that is answered with yes or no, on the terminal.
 * @returns whether the answer is yes; false if standard input is no terminal
 * @throws the signal's reason once it is aborted
 */
export async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // While readline reads, the terminal makes no signal of Ctrl-C.
  terminal.on('SIGINT', () => {
    process.stderr.write('\n');
    process.kill(process.pid, 'SIGINT');
  });
  // After Ctrl-D, some versions of Node reject the question, others leave it unanswered.
  const ended = once(terminal, 'close').then(() => '');
  const answered = terminal.question(`${question} [y/N] `, { signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    process.stderr.write('\n');
    return '';
  });
  try {
    return /^y(es)?$/i.test((await Promise.race([answered, ended])).trim());
  } finally {
    terminal.close();
  }
}
