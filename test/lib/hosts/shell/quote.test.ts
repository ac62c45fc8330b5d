import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pasteable, quote, quoteAll } from '../../../../lib/hosts/shell/quote.ts';
import { runs } from '../../../support/runs.ts';
import { shells } from '../../../support/shells.ts';

const hostile = [
  '',
  ' ',
  "'",
  "''",
  "'\\''",
  '"',
  '\\',
  '\\\\',
  '$(touch SENTINEL)',
  '`touch SENTINEL`',
  "'; touch SENTINEL; '",
  '; touch SENTINEL',
  '\n touch SENTINEL\n',
  '| touch SENTINEL',
  '&& touch SENTINEL',
  '$HOME',
  '~',
  '*',
  '!!',
  '-n',
  '--',
  '\t',
  '\r\n',
  'héllo wörld ✓',
  '\u0001\u007f',
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-quote-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Gives the arguments of several commands as one process of a shell passes them on. */
function echoed(shell: readonly string[], argvs: readonly (readonly string[])[]): readonly string[] {
  const script = argvs.map((argv) => `printf '%s\\0' ${quoteAll(argv)}`).join('\n');
  const [file = '', ...args] = [...shell, '-c', script];
  const output = execFileSync(file, args, { cwd: directory, encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

describe('quote', () => {
  test.each(shells.map((shell) => ({ shell })))('gives $shell exactly the arguments', ({ shell }) => {
    expect(echoed(shell, [hostile])).toEqual(hostile);
    // Every code point but the surrogates, which no UTF-8 can hold, and NUL, which no argument can.
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostile));
    const argument = text.map((value) => value.replaceAll('\0', ''));
    const commands = fc.array(argument, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(commands, { minLength: 10, maxLength: 10 }), (argvs) => {
        expect(echoed(shell, argvs)).toEqual(argvs.flat());
      }),
      { numRuns: runs(10) },
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  test('refuses a NUL, which no argument can hold', () => {
    expect(() => quote('a\0b')).toThrow('NUL');
  });

  test('shows a command line with as few quotes as it takes', () => {
    expect(pasteable(['virsh', '-c', 'qemu:///system', 'start', 'a b', "it's", ''])).toBe(
      "virsh -c qemu:///system start 'a b' 'it'\\''s' ''",
    );
  });
});
