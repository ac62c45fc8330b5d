import { describe, expect, test } from '@jest/globals';
import { loadYaml } from '../../../lib/formats/yaml_text.ts';

const yaml = await loadYaml();

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
    ['a: 1\nb: *c\nd: &c 1\n', 2],
  ])('%j cannot be read, and the line is named', (text, line) => {
    expect(yaml.parse(text)).toEqual({ line, problem: expect.stringMatching(/\w/) });
  });

  test('what is written says the same', () => {
    const value = { a: { b: ['1', 'x: y', ''], c: {}, d: [], e: 'fd00::1/64', f: 'true', g: '# no comment' } };
    expect(yaml.parse(yaml.format(value))).toMatchObject({ value });
  });
});
