import { expect, test } from '@jest/globals';
import * as v from 'valibot';
import { defineInventory } from '../../../lib/inventory/define.ts';
import { networkChange } from '../../../lib/network_change/network_change.ts';
import { play } from '../../../lib/site/play.ts';
import { assert, block, fail, later } from '../../../lib/site/play_items.ts';
import { parseArguments } from '../../../lib/task/arguments.ts';
import { refusal } from '../../support/refusal.ts';
import { entry } from '../../support/tiny_modules.ts';

const task = entry('Write', { path: '/x', text: '' });
/** What no compiler has looked at. */
const untyped = (value: object): object => value;

test.each<[string, () => unknown, string]>([
  [
    'a play',
    () => play({ name: 'P', tasks: [], ...untyped({ host: ['kvm1'] }) }),
    "play: there is no 'host'; did you mean 'hosts'?",
  ],
  [
    'a host',
    () => play({ name: 'P', tasks: [], hosts: [{ name: 'a', ...untyped({ prot: 22 }) }] }),
    "did you mean 'port'?",
  ],
  [
    'a variable',
    () => play({ name: 'P', tasks: [], vars: { a: 1, ...untyped({ list: [1] }) } }),
    "the variable 'list' is [1]",
  ],
  ['a block', () => block('B', [task], untyped({ resuce: [] })), "block: there is no 'resuce'; did you mean 'rescue'?"],
  ['later', () => later('L', () => undefined, untyped({ tag: [] })), "did you mean 'tags'?"],
  ['assert', () => assert('A', () => true, untyped({ remdy: '' })), "did you mean 'remedy'?"],
  ['fail', () => fail('F', untyped({ wen: true })), "did you mean 'when'?"],
  ['a network change', () => networkChange(untyped({ confirm: 5 }), [task]), "networkChange: there is no 'confirm'"],
  ['an inventory', () => defineInventory({ hosts: { a: untyped({ adress: 'x' }) } }), "did you mean 'address'?"],
])('a key of %s that means nothing is refused, and the nearest named', (_what, work, words) => {
  const error = refusal(work);
  expect(error.message).toContain(words);
  expect(error.context.location?.file).toMatch(/known_keys\.test\.ts$/);
});

test('items of lists are counted from 1, in errors as in differences', () => {
  const schema = v.strictObject({ disks: v.array(v.strictObject({ size: v.number() })) });
  const { message } = refusal(() => parseArguments('m', schema, { disks: [{ size: 1 }, { size: 'x' }] }));
  expect(message).toContain('\'disks.2.size\' is "x"');
});
