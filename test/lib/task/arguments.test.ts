import { expect, test } from '@jest/globals';
import * as v from 'valibot';
import { parseArguments } from '../../../lib/task/arguments.ts';
import { absolutePath, found, line } from '../../../lib/validation/schemas.ts';

const schema = v.strictObject({
  name: v.pipe(line('a name'), v.regex(/^[a-z]+$/, found('a name is made of letters'))),
  state: v.optional(v.picklist(['present', 'absent'])),
  mode: v.optional(v.picklist(['a', 'b', 'c'])),
  active: v.optional(v.boolean()),
});

test.each<[object, string]>([
  [{}, "the argument 'name' is missing"],
  [{ name: 'x', stat: 'absent' }, "there is no argument 'stat'; did you mean 'state'?"],
  [{ name: 'x', state: 'gone' }, `'state' is "gone", and must be "present" or "absent"`],
  [{ name: 'x', mode: 'd' }, `'mode' is "d", and must be "a", "b" or "c"`],
  [{ name: 'x', active: 'yes' }, `'active' is "yes", and must be true or false`],
  [{ name: 'x1' }, `'name': a name is made of letters, and is "x1"`],
  // A line break breaks the rule of letters too, and is said once.
  [{ name: 'x\nX=1' }, `'name': a name must be one line without control characters, and is "x\\nX=1"`],
  [{ name: 'X', active: 1 }, `'name': a name is made of letters, and is "X"; 'active' is 1, and must be true or false`],
])('%j is one clear sentence', (args, sentence) => {
  expect(() => parseArguments('tiny', schema, args)).toThrow(new Error(`tiny: ${sentence}`));
});

test('the options that every task takes are no arguments of a module', () => {
  expect(parseArguments('tiny', schema, { name: 'x', disrupts: ['link'], loadedLater: true })).toEqual({ name: 'x' });
});

test('a path is no longer than a host takes it', () => {
  const path = v.strictObject({ path: absolutePath('a path') });
  const parse = (text: string) => () => parseArguments('tiny', path, { path: text });
  const deep = '/abcdefghi'.repeat(409);
  for (const text of [`/srv/${'a'.repeat(255)}`, `/${'ü'.repeat(127)}`, deep]) expect(parse(text)).not.toThrow();
  for (const text of [`/srv/${'a'.repeat(256)}/b`, `/${'ü'.repeat(128)}`, `${deep}/abcdef`]) {
    expect(parse(text)).toThrow(/has names of at most 255 bytes, and at most 4095 in all; .{40}… is too long/);
  }
});
