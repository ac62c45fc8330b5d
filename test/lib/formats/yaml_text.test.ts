import { describe, expect, test } from '@jest/globals';
import { loadYaml, type TextEdit } from '../../../lib/formats/yaml_text.ts';

const yaml = await loadYaml();

function edited(text: string, edits: readonly TextEdit[] | string): string {
  if (typeof edits === 'string') return edits;
  return edits
    .toSorted((one, other) => other.start - one.start)
    .reduce((now, { start, end, text: put }) => now.slice(0, start) + put + now.slice(end), text);
}

describe('what a YAML file says', () => {
  test.each([
    ['a: {b: [1, 0x10], c: "no"}\n', { a: { b: ['1', '0x10'], c: 'no' } }],
    ['a: &x [1]\nb: *x\n', { a: ['1'], b: ['1'] }],
    ['', {}],
    ['# only a comment\n', {}],
    ['a:\n', { a: '' }],
  ])('%j is all text', (text, value) => {
    expect(yaml.parse(text)).toEqual({ text, value });
  });

  test.each([
    ['a:\n  b: 1\n c: 2\n', 3],
    ['a: 1\na: 2\n', 2],
    ['a: [1\nb: 2\n', 2],
    ['- a\n', 1],
    ['a: 1\n---\nb: 2\n', 2],
  ])('%j cannot be read, and the line is named', (text, line) => {
    expect(yaml.parse(text)).toEqual({ line, problem: expect.stringMatching(/\w/) });
  });

  test('what is written says the same', () => {
    const value = { a: { b: ['1', 'x: y', ''], c: {}, d: [], e: 'fd00::1/64', f: 'true', g: '# no comment' } };
    expect(yaml.parse(yaml.format(value))).toMatchObject({ value });
  });
});

describe('keys that are taken out', () => {
  const without = (text: string, ...keys: string[]): string => edited(text, yaml.withoutKeys(text, ['a', 'b'], keys));

  test('leave the lines beside them', () => {
    const text = 'a:\n  b:\n    # one\n    x: # two\n      - 1 # three\n      # four\n      - 2\n\n    y: 3\n';
    expect(without(text, 'x')).toBe('a:\n  b:\n    # one\n\n    y: 3\n');
  });

  test('leave the others of a mapping in braces as they are', () => {
    expect(without('a: {b: {x: [1, 2], "y" : 3,  z: 4}} # c\n', 'x', 'z')).toBe('a: {b: {"y" : 3}} # c\n');
  });

  test('leave an empty mapping, and no key without a value', () => {
    expect(without('a:\n  b:\n    x: 1\nc: 2', 'x')).toBe('a:\n  b: {}\nc: 2');
    expect(without('a: {b: {x: 1}}', 'x')).toBe('a: {b: {}}');
  });

  test('are not there: nothing is edited', () => {
    expect(yaml.withoutKeys('a: {b: {y: 1}}', ['a', 'b'], ['x'])).toEqual([]);
  });

  test('stay where aliases would lose what they name', () => {
    expect(yaml.withoutKeys('a:\n  b:\n    x: &n [1]\nc: *n\n', ['a', 'b'], ['x'])).toMatch(/alias/);
    expect(yaml.withoutKeys('c: &n {x: 1}\na:\n  b: *n\n', ['a', 'b'], ['x'])).toMatch(/alias/);
  });
});
