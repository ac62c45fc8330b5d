import { describe, expect, test } from '@jest/globals';
import { applyEdits } from '../../../lib/formats/yaml_edit.ts';
import { loadYaml } from '../../../lib/formats/yaml_text.ts';
import type { YamlMapping } from '../../../lib/formats/yaml_value.ts';

const yaml = await loadYaml();

/** The text after the edits, or why there are none. */
function edited(text: string, wanted: YamlMapping): string {
  const edits = yaml.edit(text, wanted);
  return typeof edits === 'string' ? edits : applyEdits(text, edits);
}

describe('keys that are taken out', () => {
  test('leave the lines beside them', () => {
    const text = 'a:\n  b:\n    # one\n    x: # two\n      - 1 # three\n      # four\n      - 2\n\n    y: 3\n';
    expect(edited(text, { a: { b: { y: '3' } } })).toBe('a:\n  b:\n    # one\n\n    y: 3\n');
  });

  test('leave the others of a mapping in braces as they are', () => {
    expect(edited('a: {b: {x: [1, 2], "y" : 3,  z: 4}} # c\n', { a: { b: { y: '3' } } })).toBe(
      'a: {b: {"y" : 3}} # c\n',
    );
  });

  test('leave an empty mapping, and no key without a value', () => {
    expect(edited('a:\n  b:\n    x: 1\nc: 2', { a: { b: {} }, c: '2' })).toBe('a:\n  b: {}\nc: 2');
    expect(edited('a: {b: {x: 1}}', { a: { b: {} } })).toBe('a: {b: {}}');
  });

  test('end lines as the text does', () => {
    expect(edited('a:\r\n  b: 1\r\n', { a: { b: '1', c: '2' } })).toBe('a:\r\n  b: 1\r\n  c: 2\r\n');
  });

  test('are not there: nothing is edited', () => {
    expect(yaml.edit('a: {b: {y: 1}}', { a: { b: { y: '1' } } })).toEqual([]);
  });

  test('stay where aliases would lose what they name', () => {
    expect(edited('a:\n  b:\n    x: &n [1]\nc: *n\n', { a: { b: {} }, c: ['1'] })).toMatch(/alias/);
    expect(edited('c: &n {x: 1}\na:\n  b: *n\n', { c: { x: '1' }, a: { b: {} } })).toMatch(/alias/);
  });
});

describe('values that change', () => {
  test.each([
    ['a scalar, and its comment stays', 'a: 1 # why\nb: 2\n', { a: '3', b: '2' }, 'a: 3 # why\nb: 2\n'],
    ['a scalar that needs quotes', 'a: 1\n', { a: 'x: y' }, 'a: "x: y"\n'],
    ['a scalar in braces', 'a: { b: 1, c: "2" } # d\n', { a: { b: '3', c: '2' } }, 'a: { b: 3, c: "2" } # d\n'],
    ['a list in brackets', 'a: [1, "2"] # d\n', { a: ['0', '2'] }, 'a: [0, "2"] # d\n'],
    [
      'items of a list, and those that stay keep their comments',
      'a:\n# one\n- 1 # first\n- 2 # second\n# end\nb: 1\n',
      { a: ['0', '2', '3'], b: '1' },
      'a:\n# one\n- 0\n- 2 # second\n- 3\n# end\nb: 1\n',
    ],
    [
      'items that are mappings',
      'a:\n  - to: x\n    via: y\n',
      {
        a: [
          { to: 'x', via: 'y' },
          { to: 'z', via: 'w' },
        ],
      },
      'a:\n  - to: x\n    via: y\n  - to: z\n    via: w\n',
    ],
    ['a whole list', 'a:\n  - 1\n  - 2\nb: 1\n', { a: ['3'], b: '1' }, 'a:\n  - 3\nb: 1\n'],
    ['a list that becomes empty', 'a:\n  - 1\nb: 1\n', { a: [], b: '1' }, 'a: []\nb: 1\n'],
    ['a scalar that becomes a list', 'a: 1 # c\n', { a: ['1', '2'] }, 'a:\n  - 1\n  - 2 # c\n'],
    [
      'nothing that becomes a mapping',
      'a:\n  b:\n  c: 1\n',
      { a: { b: { x: '1' }, c: '1' } },
      'a:\n  b:\n    x: 1\n  c: 1\n',
    ],
    ['an empty mapping that gets a key', 'a: {}\n', { a: { b: ['1'] } }, 'a: {b: [1]}\n'],
  ])('%s', (_what, text, wanted, result) => {
    expect(edited(text, wanted)).toBe(result);
  });

  test('new keys come last, as deep as the others', () => {
    expect(
      edited('# top\na:\n    b:\n        c: 1 # c\n# end\n', { a: { b: { c: '1', d: ['2'], e: { f: '3' } } } }),
    ).toBe('# top\na:\n    b:\n        c: 1 # c\n        d:\n          - 2\n        e:\n          f: 3\n# end\n');
    expect(edited('a: 1', { a: '1', b: '2' })).toBe('a: 1\nb: 2');
    expect(edited('a:\n  x: 1\n', { a: { y: '2' } })).toBe('a:\n  y: 2\n');
  });

  test('stay where aliases would lose what they name', () => {
    expect(edited('a: &n [1]\nb: *n\n', { a: ['2'], b: ['1'] })).toMatch(/alias|cannot be changed/);
    expect(edited('a: &n 1\nb: *n\n', { a: '1', b: '2' })).toMatch(/alias/);
  });
});
