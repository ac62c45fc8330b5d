import { expect, test } from '@jest/globals';
import { PlaybookError } from '../../../lib/errors.ts';
import { networkChange } from '../../../lib/network_change/network_change.ts';
import { play } from '../../../lib/site/play.ts';
import { assert, block, later } from '../../../lib/site/play_items.ts';
import type { Known, Task } from '../../../lib/task/task.ts';
import { refusal } from '../../support/refusal.ts';
import { entry } from '../../support/tiny_modules.ts';

/** Lets a value pass for any type, as in a site whose types nobody has checked. */
function untyped<T>(value: unknown): T {
  if (passesFor<T>(value)) return value;
  throw new Error('everything passes');
}
const passesFor = <T>(_value: unknown): _value is T => true;

const task = entry('Write', { path: '/x', text: '' });
const written = (more: object): Task => entry('Write', { path: '/x', text: '', ...more });

test.each<[string, () => unknown, string]>([
  ["a task's become", () => written({ become: 'no' }), `'become' is "no", and must be true or false`],
  ["a task's mayFail", () => written({ mayFail: 'no' }), `'mayFail' is "no", and must be true or false`],
  ["a task's when", () => written({ when: true }), "'when' is true, and must be a function"],
  ["a task's until", () => written({ until: true }), "'until' is true, and must be a function"],
  [
    "a task's tags",
    () => written({ tags: 'slow' }),
    `'tags' is "slow", and must be a list of texts, in brackets, each in quotes: ["slow"]`,
  ],
  [
    "a task's disrupts",
    () => written({ disrupts: 'link' }),
    `'disrupts' is "link", and must be a list of texts, in brackets, each in quotes: ["link"]`,
  ],
  ["a tag's type", () => written({ tags: [5] }), "'tags' is a list, and must be a list of texts"],
  ["a task's retry", () => written({ retry: 3 }), "'retry' is 3, and must be an object"],
  ["a play's become", () => play({ name: 'P', tasks: [], ...untyped<object>({ become: 'no' }) }), `'become' is "no"`],
  [
    "a play's hosts",
    () => play({ name: 'P', tasks: [], ...untyped<object>({ hosts: 'web' }) }),
    `'hosts' is "web", and must be a list`,
  ],
  ['a host', () => play({ name: 'P', tasks: [], ...untyped<object>({ hosts: [5] }) }), 'a host is 5'],
  ['no host', () => play({ name: 'P', tasks: [], ...untyped<object>({ hosts: [null] }) }), 'a host is null'],
  [
    "a play's variables",
    () => play({ name: 'P', tasks: [], ...untyped<object>({ vars: [1] }) }),
    "'vars' is a list, and must be an object",
  ],
  [
    "a play's name",
    () => play(untyped<{ name: string; tasks: [] }>({ name: 5, tasks: [] })),
    "'name' is 5, and must be a text",
  ],
  ["a block's when", () => block('B', [task], untyped({ when: false })), "block: 'when' is false"],
  ["a block's become", () => block('B', [task], untyped({ become: 1 })), "block: 'become' is 1"],
  ["a block's tasks", () => block('B', untyped(task)), 'block: its tasks are an object, and must be a list'],
  ["a block's rescue", () => block('B', [task], untyped({ rescue: task })), "block's rescue: its tasks are an object"],
  [
    "a block's always",
    () => block('B', [task], untyped({ always: ['x'] })),
    `block's always: number 1 of its tasks is "x"`,
  ],
  ["an assertion's condition", () => assert('A', untyped(true)), "assert: 'that' is true, and must be a function"],
  ["later's function", () => later('L', untyped([task])), "later: 'make' is a list, and must be a function"],
  ["a network change's tasks", () => networkChange({}, untyped(task)), 'networkChange: its tasks are an object'],
])('%s of another type is refused where it is written', (_what, work, words) => {
  const error = refusal(work);
  expect(error).toBeInstanceOf(PlaybookError);
  expect(error.message).toContain(words);
  expect(error.context.location?.file).toMatch(/option_types\.test\.ts$/);
});

test.each<[string, unknown, string]>([
  ['one task without brackets', task, 'play: its tasks are an object, and must be a list'],
  ['a promise', Promise.resolve([]), 'play: its tasks are a promise'],
  ['a list in the list', [task, [task]], 'number 2 of its tasks is a list, and must be a task or a block; write ...'],
  ['nothing in the list', [undefined], 'number 1 of its tasks is undefined'],
])('a play of %s is refused', (_what, tasks, words) => {
  const error = refusal(() => play({ name: 'P', tasks: untyped<[]>(tasks) }).build());
  expect(error).toBeInstanceOf(PlaybookError);
  expect(error.message).toContain(words);
});

test('what later returns must be tasks', () => {
  const known: Known = untyped({});
  const error = refusal(() => later('L', () => untyped(5)).make(known));
  expect(error).toBeInstanceOf(PlaybookError);
  expect(error.message).toContain('later: its tasks are 5');
  expect(later('L', () => undefined).make(known)).toEqual([]);
  expect(later('L', () => task).make(known)).toEqual([task]);
});

test('an option that is undefined is left to its default', () => {
  expect(written({ become: undefined, tags: undefined }).tags).toEqual([]);
});
