import { describe, expect, test } from '@jest/globals';
import { ArgumentError, type KvmPlayError, PlaybookError } from '../../../lib/errors.ts';
import type { Values } from '../../../lib/inventory/values.ts';
import { checkNames, isPlay, type PlayOptions, play } from '../../../lib/site/play.ts';
import { block, fail, type PlayItem } from '../../../lib/site/play_items.ts';
import type { Task } from '../../../lib/task/task.ts';
import { refusal } from '../../support/refusal.ts';
import { config, entry, loader, unknowable } from '../../support/tiny_modules.ts';

const withTasks = (...tasks: readonly Task[]): (() => readonly PlayItem[]) => play({ name: 'Play', tasks }).build;

describe('a play', () => {
  test('is recognized', () => {
    expect([play({ name: 'Play', tasks: [] }), { name: 'Play', build: () => [] }, null, 'x'].map(isPlay)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

test('a text that no host can be given is refused in names, titles and among hosts', () => {
  expect(() => fail('a\0b')).toThrow("fail: 'title' cannot hold a NUL (\\0)");
  expect(() => block('a\0b', [fail('a')])).toThrow("block: 'title' cannot hold a NUL (\\0)");
  expect(() => play({ name: 'a\0b', tasks: [] })).toThrow("play: 'name' cannot hold a NUL (\\0)");
  expect(() => play({ name: 'a', hosts: ['k\0'], tasks: [] })).toThrow("play: 'hosts.0' cannot hold a NUL (\\0)");
  expect(() => play({ name: '\ud800', tasks: [] })).toThrow("'name' cannot hold half a character");
});

describe('variables', () => {
  const built = (vars: Values, values: Values): string | undefined =>
    play({ name: 'Play', vars, tasks: (all) => [entry(JSON.stringify(all), { path: '/x', text: '' })] }).build(
      values,
    )[0]?.title;

  test.each([
    [{ a: 1 }, {}, { a: 1 }],
    [{ a: 1 }, { a: 0 }, { a: 0 }],
    [{ a: 1 }, { a: '0' }, { a: 0 }],
    [{ a: 'x' }, { a: '' }, { a: '' }],
    [{ a: 'x' }, { a: 5 }, { a: '5' }],
    [{ a: true }, { a: 'false' }, { a: false }],
    [{ a: 1 }, { b: 2 }, { a: 1 }],
  ])('%j with %j is %j', (vars, values, expected) => {
    expect(built(vars, values)).toBe(JSON.stringify(expected));
  });

  test.each([
    [{ a: 1 }, { a: 'x' }, `the variable 'a' is a number (1), and was given "x"`],
    [{ a: 1 }, { a: ' ' }, `the variable 'a' is a number (1), and was given " "`],
    [{ a: true }, { a: 'yes' }, `the variable 'a' is a boolean (true), and was given "yes"; write true or false`],
    [{ a: true }, { a: 1 }, `the variable 'a' is a boolean (true), and was given 1; write true or false`],
  ])('%j with %j is refused', (vars, values, message) => {
    expect(refusal(() => built(vars, values)).message).toBe(message);
  });

  test('that no play has are refused, and the nearest one named', () => {
    const plays = [{ memory: 1 }, { port: 'x' }].map((vars) => play({ name: 'Play', vars, tasks: [] }));
    expect(() => checkNames(plays, { port: 'y', memory: 2 })).not.toThrow();
    expect(() => checkNames(plays, { prot: 'y' })).toThrow("the site has no variable 'prot'; did you mean 'port'?");
    expect(() => checkNames(plays, { elephant: 1 })).toThrow(
      "the site has no variable 'elephant'; it has memory, port",
    );
  });
});

describe('law 5, when a site is loaded', () => {
  const written = config('Configure', { path: '/c', text: 'x' });

  test('what is written is loaded by a later task, or meant for later', () => {
    expect(withTasks(written, loader({ reflects: [written] }))()).toHaveLength(2);
    expect(withTasks(config({ path: '/c', text: 'x', loadedLater: true }))()).toHaveLength(1);
  });

  test.each<[string, readonly Task[], RegExp, string]>([
    ['nothing loads', [written], /takes effect only when something loads it/, 'Configure'],
    ['an earlier task loads', [loader('Load', { reflects: [written] }), written], /is no earlier task/, 'Load'],
    ['a task of another play writes', [loader('Load', { reflects: [written] })], /is no earlier task/, 'Load'],
  ])('what %s is refused at its line', (_what, tasks, message, task) => {
    const error = refusal(withTasks(...tasks));
    expect(error).toBeInstanceOf(PlaybookError);
    expect(error.message).toMatch(message);
    expect(error.context).toMatchObject({ task, location: { file: expect.stringMatching(/play\.test\.ts$/) } });
  });

  test('what nothing has to load may be reflected, and need not be', () => {
    const plain = entry('Write', { path: '/x', text: '' });
    expect(withTasks(plain, loader({ reflects: [plain] }))()).toHaveLength(2);
    expect(withTasks(plain)()).toHaveLength(1);
  });

  test('what nobody can know is not reflected: it would be loaded on every run', () => {
    const blind = unknowable('Poke', {});
    const error = refusal(withTasks(blind, loader('Load', { reflects: [blind] })));
    expect(error.message).toMatch(/^it reflects 'Poke', and it cannot be known whether that task changes anything/);
    expect(error.context.task).toBe('Load');
  });

  test('a module that cannot load takes no reflects', () => {
    expect(() => entry({ path: '/x', text: '', reflects: [written] })).toThrow(
      "entry cannot load what another task has written, so it takes no 'reflects'",
    );
  });
});

describe('an error while the tasks are made', () => {
  const failing = (error: unknown): KvmPlayError => {
    const options: PlayOptions<Record<never, never>> = {
      name: 'Play',
      tasks: () => {
        throw error;
      },
    };
    return refusal(() => play(options).build());
  };

  test('of the library keeps what it says', () => {
    const error = new ArgumentError('no such thing');
    expect(failing(error)).toBe(error);
    expect(error.context.task).toBe("play 'Play'");
  });

  test('of anyone else becomes a PlaybookError at the line where it was thrown', () => {
    const cause = new RangeError('too late');
    const error = failing(cause);
    expect(error).toBeInstanceOf(PlaybookError);
    expect(error).toMatchObject({ message: 'RangeError: too late', cause, context: { task: "play 'Play'" } });
    expect(error.context.location?.line).toBe(Number(/play\.test\.ts:(\d+)/.exec(cause.stack ?? '')?.[1]));
  });
});
