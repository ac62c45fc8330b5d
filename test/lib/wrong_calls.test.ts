import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
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

  const end = { type: 'run-end', summary: { check: true, hosts: {}, interrupted: false } };
  test.each<[unknown, string]>([
    [undefined, 'planOf takes the events of a run, e.g. events(site, { check: true }), and was given undefined'],
    [5, 'and was given 5'],
    ['events', 'and was given "events"'],
    [{ type: 'run-end' }, 'and was given an object'],
    [Promise.resolve([]), 'and was given a promise; write await before it'],
    [[null], 'event number 1 is null, and must be an object'],
    [[end, 5], 'event number 2 is 5'],
    [[{}], "event number 1: 'type' is missing"],
    [[{ type: 'play-start', play: 'P' }], "event number 1: 'hosts' is missing, and must be a list of texts"],
    [[{ type: 'task-end', host: 'a', task: null }], "event number 1: 'task' is null"],
    [[{ type: 'task-end', host: 'a', task: { index: 0, title: 'T' }, result: 5 }], 'its result is 5'],
    [[{ type: 'run-end' }], "event number 1: 'summary' is missing"],
    [[{ type: 'run-end', summary: { check: true } }], "its summary: 'hosts' is missing"],
    [[{ type: 'run-end', summary: { check: true, hosts: { a: null } } }], 'the summary of a is null'],
  ])('planOf(%j)', async (events, words) => {
    const refused = Reflect.apply(library.planOf, undefined, [events]);
    await expect(refused).rejects.toThrow(words);
    await expect(refused).rejects.toBeInstanceOf(KvmPlayError);
  });

  const parse = (...args: readonly unknown[]): unknown => Reflect.apply(library.parseArguments, undefined, args);
  test.each<[readonly unknown[], string]>([
    [[], 'parseArguments takes the name of a module, a schema of valibot, and the arguments; the name is undefined'],
    [[5, v.string(), 'x'], 'the name is 5'],
    [['tiny'], 'the schema is undefined'],
    [['tiny', { name: 'text' }, {}], 'the schema is an object'],
    [['tiny', v.string, {}], 'the schema is a function'],
    [['tiny', v.pipeAsync(v.string()), 'x'], 'the schema is an asynchronous one'],
    [['tiny', v.strictObject({}), null], 'tiny: its arguments are null'],
  ])('parseArguments %#', (args, words) => {
    expect(refusal(() => parse(...args)).message).toContain(words);
  });
});
