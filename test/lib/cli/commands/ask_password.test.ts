import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { askPassword, type Terminal } from '../../../../lib/cli/commands/ask_password.ts';
import { PlaybookError } from '../../../../lib/errors.ts';

/** A terminal at which something is typed. */
function terminal(typed: string, isTTY = true): Terminal & { shown(): string; interrupted: boolean } {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const made = {
    input: Object.assign(input, { isTTY }),
    output,
    interrupted: false,
    interrupt: () => {
      made.interrupted = true;
    },
    shown: () => String(output.read() ?? ''),
  };
  input.write(typed);
  return made;
}

describe('a password that is asked for', () => {
  test('is what was typed, and is not shown', async () => {
    const screen = terminal('hunter 2é\n');
    const password = await askPassword(screen);
    expect(await password.reveal()).toBe('hunter 2é');
    expect([`${password}`, screen.shown()]).toEqual(['***', 'password for sudo: \n']);
  });

  test('can be corrected', async () => {
    const password = await askPassword(terminal('hunter3\u007f2\r'));
    expect(await password.reveal()).toBe('hunter2');
  });

  test.each([
    ['nothing', '\n'],
    ['Ctrl-D', '\u0004'],
  ])('is none where %s is typed', async (_what, typed) => {
    await expect(askPassword(terminal(typed))).rejects.toThrow('no password was typed');
  });

  test('is given up on Ctrl-C', async () => {
    const screen = terminal('hunter\u0003');
    await expect(askPassword(screen)).rejects.toThrow(PlaybookError);
    expect(screen.interrupted).toBe(true);
  });

  test('takes a terminal', async () => {
    await expect(askPassword(terminal('hunter2\n', false))).rejects.toThrow('standard input is not one');
  });
});
