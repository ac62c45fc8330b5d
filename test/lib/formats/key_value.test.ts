import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse, stringify } from 'ini';
import {
  addLine,
  assignment,
  formatKeyValue,
  getValue,
  hasCarriageReturns,
  lookUp,
  parseKeyValue,
  removeKey,
  setValue,
} from '../../../lib/formats/key_value.ts';
import { isBounded } from '../../support/growth.ts';
import { runs } from '../../support/runs.ts';

/** Pieces of lines as they are found in the wild, harmless if they are ever executed. */
const piece = fc.constantFrom(
  ...['A', 'B', 'C1', '=', '=', '=', '"', "'", '\\', '#', ' ', '\t', '\r', ';', '&', '$', '$(touch SENTINEL)', '`'],
  ...['export ', 'x', 'é', '~', ':', '(', ')', '|', '<', '{a,b}', '*', '0', '.', '-', '\n', '\n', '\nA=', '\nB="'],
);
const anyText = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
const key = fc.constantFrom('A', 'B', 'C1', 'DEVICE', '_x');
const value = fc
  .string({ unit: 'binary', maxLength: 12 })
  .filter((text) => !/[\u0000-\u001f\u007f\ud800-\udfff]/.test(text));
const trickyValue = fc.oneof(
  value,
  fc
    .array(fc.constantFrom('"', "'", '\\', '$', '`', '$(touch SENTINEL)', '~', ' ', '#', '!', '*', 'a'), {
      maxLength: 8,
    })
    .map((parts) => parts.join('')),
);
const quoting = fc.constantFrom('always' as const, 'needed' as const);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'key-value-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Values = Readonly<Record<string, string | undefined>>;

/**
 * Has a real bash source files, each in a subshell of its own, because a process for each would take seconds.
 * @returns the values that the keys then have, file by file; undefined for those that are not set
 */
function sourceAll(texts: readonly string[], keys: readonly string[]): readonly Values[] {
  const files = texts.map((text, index) => {
    const file = join(folder, `ifcfg-${index}`);
    writeFileSync(file, text);
    return file;
  });
  const print = keys.map((name) => `printf '%s\\0%s\\0' "\${${name}+set}" "$${name}"`).join('; ');
  // A script that fails to parse sets nothing more, as with the network scripts; the values are printed all the same.
  const script = `unset ${keys.join(' ')}; for file; do (. "$file" >/dev/null 2>&1 </dev/null; ${print}); done`;
  const out = execFileSync('bash', ['--norc', '-c', script, 'bash', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
  }).split('\0');
  expect(out).toHaveLength(2 * keys.length * texts.length + 1);
  expect(readdirSync(folder).filter((name) => !name.startsWith('ifcfg-'))).toEqual([]);
  return texts.map((_, at) =>
    Object.fromEntries(
      keys.map((name, index) => {
        const [isSet, value] = out.slice(2 * (at * keys.length + index));
        return [name, isSet === 'set' ? value : undefined];
      }),
    ),
  );
}

/** Has a real bash source one file. */
function source(text: string, keys: readonly string[]): Values | undefined {
  return sourceAll([text], keys)[0];
}

/** So many texts, one process of bash for all of them. */
const many = { minLength: 25, maxLength: 25 };

describe('parseKeyValue', () => {
  test.each([
    ['A=1', '1'],
    ['A=', ''],
    ['A=""', ''],
    ['  A="br0"  # the bridge', 'br0'],
    ["export A='a b'", 'a b'],
    ['A="a\\"b\\\\c\\$d\\`e\\f"', 'a"b\\c$d`e\\f'],
    ['A=a\\ b', 'a b'],
    ['A=x"y"\'z\'', 'xyz'],
    ['A=a#b', 'a#b'],
    ['A="one\ntwo"', 'one\ntwo'],
    ['A=1\nA=2', '2'],
    ['A=yes\r', 'yes\r'],
    ['A=[x]{a,b}*?!', '[x]{a,b}*?!'],
  ])('reads %j as bash does', (text, expected) => {
    expect(getValue(parseKeyValue(text), 'A')).toBe(expected);
    expect(source(text, ['A'])).toEqual({ A: expected });
  });

  test.each([
    'A="$(touch SENTINEL)"',
    'A="`touch SENTINEL`"',
    'A=`date`',
    'A="$B"',
    'A=$B',
    'A=~',
    'A=~root/x',
    "A=$'x'",
    'A=x:~',
  ])('does not work out %j, which a shell would', (text) => {
    const entry = lookUp(parseKeyValue(text), 'A');
    expect(entry).toMatchObject({ kind: 'assignment', key: 'A' });
    expect(entry?.value).toBeUndefined();
  });

  test.each(['. ./other', 'A=1 B=2', 'A=1; B=2', 'A=(1 2)', 'A+=x', 'A=1 &', 'if true', 'A[0]=1', 'A="open', 'A =1'])(
    'takes %j for no assignment of its own',
    (text) => {
      expect(parseKeyValue(text).entries.map(({ kind }) => kind)).toEqual(['other']);
    },
  );

  test('numbers lines, those of a long value included', () => {
    const file = parseKeyValue('# one\nA="2\n3"\n\nB=5\n');
    expect(file.entries.map(({ line, kind }) => [line, kind])).toEqual([
      [1, 'comment'],
      [2, 'assignment'],
      [4, 'blank'],
      [5, 'assignment'],
    ]);
  });

  test.each([
    ['A=1 "B\nA=2\n"', 'a quote that opens behind a blank'],
    ["x 'y\nA=2\n'", 'one in a command'],
    ['x \\\nA=2', 'a line that goes on in the next'],
    ["A=$'it\\'s\nA=2\n'", 'a quote that a backslash keeps open'],
  ])('%j is one piece: %s', (text) => {
    expect(parseKeyValue(`${text}\nB=3`).entries.map(({ raw }) => raw)).toEqual([text, 'B=3']);
    expect(source(`${text}\nB=3`, ['B'])).toEqual({ B: '3' });
  });

  test.each<[string, boolean]>([
    ['A=1 B="x y" # two', false],
    ['export A=1 B=2', false],
    ['A+=x', false],
    ['. ./other', true],
    ['A=1 x', true],
    ['A=1; B=2', true],
    ['A=$(x', true],
    ['if true', true],
    ['A="open', true],
  ])('of %j it says whether it is code: %j', (text, isCode) => {
    expect(parseKeyValue(text).entries.map((entry) => [entry.kind, entry.isCode === true])).toEqual([
      ['other', isCode],
    ]);
  });

  test('where a piece ends, it ends for bash: what stands behind is set or not, as it says', () => {
    const words = fc.constantFrom(
      ...['A=', 'B=', 'x', '"', '"', "'", "'", '\\', '#', ' ', ' ', '\t', '$', ':', '\n', '\n', '\nA=', '\nB="', "$'"],
    );
    const text = fc.array(words, { maxLength: 25 }).map((parts) => `${parts.join('')}\nZZ=1\n`);
    fc.assert(
      fc.property(fc.array(text, many), (all) => {
        const last = (text: string) => parseKeyValue(text).entries.at(-1);
        // What code does is not worked out.
        const texts = all.filter((text) => last(text)?.isCode !== true);
        const values = sourceAll(texts, ['ZZ']);
        const seen = texts.map((text, index) => [text, values[index]?.ZZ]);
        expect(seen).toEqual(texts.map((text) => [text, last(text)?.key === 'ZZ' ? '1' : undefined]));
      }),
      { numRuns: runs(16) },
    );
  });

  test('a quote that is open to the end is read once, however long the file is', () => {
    const open = (length: number): string => `A="open\n${'B=1\n'.repeat(length / 4)}`;
    const wide = (length: number): string => `A=1\n${'B=1 '.repeat(length / 4)}`;
    expect(parseKeyValue(open(1_000_000)).entries).toHaveLength(1);
    expect(parseKeyValue(wide(1_000_000)).entries).toHaveLength(2);
    for (const text of [open, wide]) expect(isBounded(parseKeyValue, text)).toBe(true);
  });

  test('what it reads is what bash sources, whatever the file, and the file comes out as it went in', () => {
    fc.assert(
      fc.property(fc.array(anyText, many), (texts) => {
        for (const text of texts) expect(formatKeyValue(parseKeyValue(text))).toBe(text);
        // Anything else than plain assignments may do anything to what comes before and behind.
        const plain = texts.filter((text) =>
          parseKeyValue(text).entries.every(
            ({ kind, key, value }) => kind !== 'other' && (key === undefined || value !== undefined),
          ),
        );
        const keys = ['A', 'B', 'C1'];
        const read = plain.map((text) => {
          const file = parseKeyValue(text);
          return { text, values: Object.fromEntries(keys.map((name) => [name, getValue(file, name)])) };
        });
        const sourced = sourceAll(plain, keys);
        expect(read).toEqual(plain.map((text, index) => ({ text, values: sourced[index] })));
      }),
      { numRuns: runs(16) },
    );
  });
});

describe('setValue', () => {
  test('gives bash back the value, for any value and any way of quoting', () => {
    const keys = ['A', 'B', 'C1', 'DEVICE', '_x'];
    const settings = fc.uniqueArray(fc.tuple(key, trickyValue, quoting), { selector: ([name]) => name });
    fc.assert(
      fc.property(fc.array(settings, many), (all) => {
        const texts = all.map((each) => {
          const old = parseKeyValue('# a comment\nA="old"\n');
          return formatKeyValue(each.reduce((file, [name, wanted, how]) => setValue(file, name, wanted, how), old));
        });
        const values = sourceAll(texts, keys);
        for (const [index, each] of all.entries()) {
          const wanted = { A: 'old', ...Object.fromEntries(each) };
          expect(values[index]).toEqual(Object.fromEntries(keys.map((name) => [name, wanted[name]])));
          const read = parseKeyValue(texts[index] ?? '');
          for (const [name, value] of each) expect(getValue(read, name)).toBe(value);
        }
      }),
      { numRuns: runs(6) },
    );
  });

  test('leaves every line that is not the key’s byte for byte', () => {
    fc.assert(
      fc.property(anyText, key, trickyValue, quoting, (text, name, wanted, how) => {
        const before = parseKeyValue(text);
        const after = setValue(before, name, wanted, how);
        const others = (file: typeof before) =>
          file.entries.filter((entry) => entry.key !== name).map(({ raw }) => raw);
        expect(others(after)).toEqual(others(before));
        // A quote that is not closed takes in the lines behind it.
        if (before.entries.some(({ kind }) => kind === 'other')) return;
        expect(getValue(parseKeyValue(formatKeyValue(after)), name)).toBe(wanted);
        expect(after.entries.filter((entry) => entry.key === name)).toHaveLength(1);
      }),
    );
  });

  test('edits in place: indentation, quotes and the comment behind stay', () => {
    const file = parseKeyValue('\texport A="1" # why\nB=2\n');
    expect(formatKeyValue(setValue(setValue(file, 'A', '3', 'needed'), 'B', '4', 'always'))).toBe(
      '\texport A="3" # why\nB=4\n',
    );
  });

  test('edits the last assignment, and takes earlier ones out, which a search from the top would find', () => {
    expect(formatKeyValue(setValue(parseKeyValue('A=no\nB=1\nA=no\n'), 'A', 'yes', 'needed'))).toBe('B=1\nA=yes\n');
  });

  test('ends a last line that lacks its line break before it adds one', () => {
    expect(formatKeyValue(setValue(parseKeyValue('ONBOOT=yes'), 'BRIDGE', 'br0', 'needed'))).toBe(
      'ONBOOT=yes\nBRIDGE=br0\n',
    );
    expect(formatKeyValue(setValue(parseKeyValue('ONBOOT=yes'), 'ONBOOT', 'no', 'needed'))).toBe('ONBOOT=no');
  });

  test.each(['a\nb', 'a\rb', '\0', '\t', '\u007f'])('refuses %j', (text) => {
    expect(() => setValue(parseKeyValue(''), 'A', text, 'needed')).toThrow(RangeError);
  });
});

test('assignment quotes always, or where it is needed', () => {
  expect(assignment('DEVICE', 'br0', 'always')).toBe('DEVICE="br0"');
  expect(assignment('DEVICE', 'br0', 'needed')).toBe('DEVICE=br0');
  expect(assignment('A', '', 'needed')).toBe('A=');
  expect(assignment('A', 'a b$', 'needed')).toBe('A="a b\\$"');
  expect(() => assignment('A;B', '1', 'needed')).toThrow(RangeError);
});

test('removeKey takes every assignment of a key out, and nothing else', () => {
  expect(formatKeyValue(removeKey(parseKeyValue('A=1\n# A=2\nB=3\nA=4\n'), 'A'))).toBe('# A=2\nB=3\n');
});

test('addLine begins a file', () => {
  expect(formatKeyValue(addLine(parseKeyValue(''), 'A=1'))).toBe('A=1\n');
});

test('hasCarriageReturns sees what an editor hides', () => {
  expect(hasCarriageReturns(parseKeyValue('A=1\r\nB=2\r\n'))).toBe(true);
  expect(hasCarriageReturns(parseKeyValue('A=1\nB=2\n'))).toBe(false);
});

test('a value may be quoted in part, and comments stay, which the package ini does not do', () => {
  const text = '# ours\nNAME=a"b c"\n';
  expect(getValue(parseKeyValue(text), 'NAME')).toBe('ab c');
  expect(parse(text).NAME).toBe('a"b c"');
  expect(formatKeyValue(parseKeyValue(text))).toBe(text);
  expect(stringify(parse(text))).not.toContain('ours');
});
