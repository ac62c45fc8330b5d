import { describe, expect, test } from '@jest/globals';
import { KvmPlayError } from '../../lib/errors.ts';
import * as library from '../../lib/index.ts';
import { run } from '../../lib/run/run.ts';
import * as modules from '../../modules/index.ts';
import { refusal } from '../support/refusal.ts';

/** Calls without types, as a site makes them that nobody has checked. */
const functions: ReadonlyMap<string, (...args: readonly unknown[]) => unknown> = new Map(
  Object.entries({
    ...modules,
    ...Object.fromEntries(Object.entries(library.secret).map(([name, each]) => [`secret.${name}`, each])),
    ...Object.fromEntries(
      ['play', 'block', 'later', 'assert', 'fail', 'networkChange', 'defineInventory', 'defineModule'].map((name) => [
        name,
        Reflect.get(library, name),
      ]),
    ),
  }).map(([name, each]) => [name, (...args) => Reflect.apply(each, undefined, args)]),
);

const call = (name: string, ...args: readonly unknown[]): unknown => {
  const called = functions.get(name);
  if (called === undefined) throw new Error(`there is no ${name}`);
  return called(...args);
};

const wrong: readonly (readonly unknown[])[] = [
  [],
  [null],
  [5],
  [true],
  [['a']],
  [() => 1],
  ['title', null],
  ['title', 'text'],
  ['title', 5],
  [{ name: 5 }],
  [{ name: 'x', tasks: 5, path: 5, argv: 5, values: 5 }],
];

describe('what is called wrongly is refused at its line, in plain words', () => {
  test.each([...functions.keys()])('%s', (name) => {
    const refused = wrong.flatMap((args) => {
      try {
        call(name, ...args);
        return [];
      } catch (error) {
        return [error];
      }
    });
    expect(refused.length).toBeGreaterThan(1);
    for (const error of refused) {
      expect(error).toBeInstanceOf(KvmPlayError);
      if (!(error instanceof KvmPlayError)) continue;
      expect(error.message).not.toMatch(/Expected|Invalid|Cannot|undefined|TypeError|\bObject\b|\bArray\b/);
      expect(error.context.location?.file).toMatch(/wrong_calls\.test\.ts$/);
    }
  });

  test.each<[string, readonly unknown[], string]>([
    ['play', [], 'play: its options are missing, and must be an object, in braces: { name: value }'],
    ['play', [{ tasks: [] }], "play: 'name' is missing, and must be a text"],
    ['play', [{ name: ' ', tasks: [] }], "play: 'name' is empty"],
    ['play', [{ name: 'P' }], "play 'P': 'tasks' is missing"],
    [
      'play',
      [{ name: 'P', tasks: [], hosts: [] }],
      "play 'P': 'hosts' is an empty list, so that nothing would be done",
    ],
    ['play', [{ name: 'P', tasks: [], hosts: [{ user: 'root' }] }], "'name' is missing, and must be a text"],
    ['play', [{ name: 'P', tasks: [], hosts: [{ name: 'a', port: '22' }] }], `'port' is "22", and must be a number`],
    ['file', ['/tmp/x', 'a'], 'file: its arguments are "a", and must be an object, in braces'],
    ['file', ['/tmp/x'], 'file: its arguments are missing, and must be an object'],
    ['file', [{ path: {} }], "file: 'path' is an object, and must be a text"],
    ['service', [{ name: 'x', enabled: 'yes' }], `'enabled' is "yes", and must be true or false`],
    ['block', [[]], "block: 'title' is a list, and must be a text"],
    ['assert', ['It holds'], "assert: 'that' is missing, and must be a function"],
    ['fail', [], "fail: 'title' is missing, and must be a text"],
    ['networkChange', [{ prove: [5] }, [call('file', { path: '/x', content: '' })]], 'a probe is 5; write { tcp:'],
    ['networkChange', [{}, [call('fail', 'never')]], "'never' cannot be part of it: a network change holds tasks only"],
    ['defineInventory', [{ hosts: { a: null } }], "host 'a': its options are null"],
    ['defineInventory', [{ hosts: { a: { port: '22' } } }], `host 'a': 'port' is "22", and must be a number`],
    ['secret.command', ['pass show kvm'], 'secret.command takes a list of texts that begins with the program'],
    ['secret.text', ['password'], 'secret.text is written before a template'],
  ])('%s %j', (name, args, words) => {
    expect(refusal(() => call(name, ...args)).message).toContain(words);
  });

  test('a step in place of a task is told where modules come from', () => {
    const step = (...args: readonly unknown[]): unknown => Reflect.apply(library.command, undefined, args);
    expect(refusal(() => step('List', { argv: ['ls'] })).message).toContain("imported from 'kvm-play/modules'");
    const made: library.Play = Reflect.apply(library.play, undefined, [{ name: 'P', tasks: [step(['ls'])] }]);
    expect(refusal(() => made.build()).message).toContain(
      "number 1 of its tasks is a step, and must be a task or a block; import modules from 'kvm-play/modules'",
    );
  });

  test.each([['site.ts'], [{}], [[5]], [undefined]])('run(%j)', async (plays) => {
    await expect(Reflect.apply(run, undefined, [plays])).rejects.toThrow('run takes a play or a list of plays');
  });

  test('a program that connects or loads an inventory', async () => {
    await expect(Reflect.apply(library.connect, undefined, [{}])).rejects.toThrow("connect: 'name' is missing");
    await expect(Reflect.apply(library.loadInventory, undefined, [{}])).rejects.toThrow('loadInventory takes a path');
  });
});
