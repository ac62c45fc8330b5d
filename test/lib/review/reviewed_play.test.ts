import { describe, expect, test } from '@jest/globals';
import { block, later } from '../../../lib/site/play_items.ts';
import { command, writeFile } from '../../../lib/task/step.ts';
import type { Task } from '../../../lib/task/task.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { applyPlan, planFor, stepsOf } from '../../support/plans.ts';
import { config, entry, loader, loadingHost, tiny } from '../../support/tiny_modules.ts';

const os = { '/etc/os-release': 'ID=debian\nVERSION_ID="12"\n' };
const write = (title: string, more: object = {}): Task => entry(title, { path: `/${title}`, text: title, ...more });

/** A task that runs `poke` until that has worked. */
function poke(host: FakeHost, more: object = {}): Task {
  return tiny(
    () => ({ state: { value: host.files.has('/poked') ? 'wanted' : 'unwanted' } }),
    () => [command(['poke'])],
  )('Poke', more);
}

/** A host on which `poke` works, and which moves by it. */
function moving(move: (host: FakeHost) => void): FakeHost {
  return new FakeHost({
    files: os,
    onStep: (_argv, host) => {
      host.files.set('/poked', '');
      move(host);
      return {};
    },
  });
}

/** A host on which `poke` fails. */
function failing(): FakeHost {
  return new FakeHost({ files: os, commands: { poke: { exitCode: 1 } } });
}

describe('on a host that has not moved', () => {
  test('exactly the steps of the plan are executed', async () => {
    const host = loadingHost({ files: { '/c': 'old', '/b': 'b' }, commands: { 'live /c': { stdout: 'old' } } });
    const written = config('Configure', { path: '/c', text: 'new' });
    const items = [write('a'), write('b'), written, loader('Load', { reflects: [written] })];
    const plan = await planFor(host, items);
    expect(stepsOf(plan)).toHaveLength(3);
    const { ends, errors, executed } = await applyPlan(host, items, plan);
    expect(errors).toEqual([]);
    expect(ends).toEqual(['a changed', 'b ok', 'Configure changed', 'Load changed']);
    expect(executed).toEqual(stepsOf(plan));
  });

  test('a plan without steps changes nothing', async () => {
    const host = new FakeHost({ files: { '/a': 'a' } });
    const plan = await planFor(host, [write('a')]);
    expect(await applyPlan(host, [write('a')], plan)).toEqual({ ends: ['a ok'], errors: [], executed: [] });
    expect(host.locked).toBe(false);
  });

  test('conditions, tasks that are made in their turn, and a failure that was foreseen are as they were', async () => {
    const host = new FakeHost({ files: { ...os, '/same': 'same' } });
    const first = write('first');
    const items = [
      first,
      write('if', { when: (known: { changed(task: Task): boolean }) => known.changed(first) }),
      write('not', { when: () => false }),
      later('made', (known) => (known.changed(first) ? [write('x'), write('same'), write('same')] : [])),
      later('none', () => []),
      block('May fail', [write('broken', { needs: '/missing' }), write('left')], { rescue: [write('rescue')] }),
    ];
    const plan = await planFor(host, items);
    const { ends, errors, executed } = await applyPlan(host, items, plan);
    expect(ends).toEqual([
      'first changed',
      'if changed',
      'not skipped',
      'x changed',
      'same ok',
      'same ok',
      'none skipped',
      'broken failed',
      'rescue changed',
      'left skipped',
    ]);
    expect([executed, errors]).toEqual([stepsOf(plan), [expect.stringContaining('/missing')]]);
  });
});

describe('on a host that has moved', () => {
  const refused =
    'the host is not as it was when the plan was made, and nothing was written; make a new plan and review it';

  test.each([
    [
      'a file is another',
      (host: FakeHost) => host.files.set('/a', 'moved'),
      [
        "'a': changed by 1 step, and now by another",
        '  step 1, write /a: the file that is there: planned SHA-256 8e9aa3a9e8a5…, now SHA-256 …',
      ],
    ],
    [
      'a file is gone',
      (host: FakeHost) => host.files.delete('/a'),
      [
        "'a': changed by 1 step, and now by another",
        '  step 1, write /a: the file that is there: planned SHA-256 …, now none',
      ],
    ],
    [
      'there is nothing to do any more',
      (host: FakeHost) => host.files.set('/a', 'a'),
      ["'a': planned changed by 1 step, now ok", '  step 1, planned: write /a', '  step 1, now: nothing'],
    ],
    [
      'there is more to do',
      (host: FakeHost) => host.files.delete('/b'),
      ["'b': planned ok, now changed by 1 step", '  step 1, planned: nothing', '  step 1, now: write /b'],
    ],
  ])('nothing is written: %s', async (_what, move, lines) => {
    const host = new FakeHost({ files: { '/a': 'old', '/b': 'b' } });
    const items = [write('first'), write('a'), write('b')];
    const plan = await planFor(host, items);
    move(host);
    const { ends, errors, executed } = await applyPlan(host, items, plan);
    const told = errors.map((message) => message.replaceAll(/SHA-256 \w{12}…/g, 'SHA-256 …'));
    expect(told).toEqual([[refused, ...lines].join('\n').replaceAll(/SHA-256 \w+…/g, 'SHA-256 …')]);
    expect([ends, executed]).toEqual([['first skipped', 'a skipped', 'b skipped'], []]);
    expect(host.locked).toBe(false);
  });

  test('what a text, a command or a secret would be is told, but for the secret', async () => {
    let [text, argument, password] = ['same\nold\n', 'one', 'hunter2'];
    const task = tiny(
      () => ({}),
      () => [
        writeFile('/t', text),
        command(['step', argument], { timeLimit: text.length }),
        command(['log-in', password], { secret: [1] }),
      ],
    )('Do it', {});
    const host = new FakeHost();
    const plan = await planFor(host, [task]);
    [text, argument, password] = ['same\nnew\n', 'two', 'hunter3'];
    const { errors } = await applyPlan(host, [task], plan);
    expect(errors).toEqual([
      [
        refused,
        "'Do it': changed by 3 steps, and now by others",
        '  step 1, write /t: its text differs',
        ...['  --- planned', '  +++ now', '  @@ -2,1 +2,1 @@', '  -old', '  +new'],
        '  step 2, planned: step one',
        '  step 2, now: step two',
        "  step 3, log-in '***': what is secret in it differs",
      ].join('\n'),
    ]);
  });

  test('a condition that is another, a task that is made no more or as well', async () => {
    const host = new FakeHost({ files: { ...os, '/flag': 'on', '/fine': 'fine' } });
    const flag = entry('flag', { path: '/flag', text: 'on' });
    const items = [
      flag,
      write('if', { when: (known: { changed(task: Task): boolean }) => known.changed(flag) }),
      write('fine', { when: (known: { changed(task: Task): boolean }) => !known.changed(flag) }),
      later('made', (known) => (known.changed(flag) ? write('x') : write('y'))),
    ];
    const plan = await planFor(host, items);
    host.files.delete('/flag');
    const { errors } = await applyPlan(host, items, plan);
    expect(errors[0]?.split('\n').slice(1)).toEqual([
      "'flag': planned ok, now changed by 1 step",
      ...['  step 1, planned: nothing', '  step 1, now: write /flag'],
      "'if': planned skipped, now changed by 1 step",
      ...['  step 1, planned: nothing', '  step 1, now: write /if'],
      "'fine': planned ok, now skipped",
      "'x': not in the plan, and now changed by 1 step",
      "'y': planned changed by 1 step, and now it is not there",
    ]);
  });
});

describe('in its turn, a task is held against the plan again', () => {
  test.each([
    [
      'would take other steps',
      'text',
      /^what 'a' would do is not what was planned, so nothing of it was done; .*\nstep 1, write/,
    ],
    ['has nothing to do any more', 'a', /\nstep 1, planned: write \/a\nstep 1, now: nothing$/],
  ])('one that %s fails before any of them', async (_what, text, message) => {
    for (const more of [{}, { mayFail: true }]) {
      const host = moving(({ files }) => files.set('/a', text));
      const items = [poke(host), write('a', more), write('b')];
      const { ends, errors, executed } = await applyPlan(host, items, await planFor(host, items));
      expect(ends).toEqual(['Poke changed', 'a failed', 'b skipped']);
      expect(errors).toEqual([expect.stringMatching(message)]);
      expect(executed).toEqual([{ kind: 'command', argv: ['poke'] }]);
    }
  });

  test('neither its rescue nor what follows always is done', async () => {
    const host = moving(({ files }) => files.set('/a', 'moved'));
    const items = [poke(host), block('Block', [write('a')], { rescue: [write('r')], always: [write('z')] })];
    const { ends, executed } = await applyPlan(host, items, await planFor(host, items));
    expect(ends).toEqual(['Poke changed', 'a failed', 'z skipped']);
    expect(executed).toHaveLength(1);
  });

  test('a rescue that was not foreseen is not done', async () => {
    const host = failing();
    const items = [block('Block', [poke(host)], { rescue: [write('r')] })];
    const { ends, errors, executed } = await applyPlan(host, items, await planFor(host, items));
    expect(ends).toEqual(['Poke failed', 'r failed']);
    expect(errors[1]).toBe("'r' is not in the plan, so nothing of it was done; make a new plan and review it");
    expect(executed).toHaveLength(1);
  });

  test('one that is not wanted any more, though it has steps, ends the host', async () => {
    const host = failing();
    const first = poke(host, { mayFail: true });
    const items = [
      first,
      write('a', { when: (known: { failed(task: Task): boolean }) => !known.failed(first) }),
      write('b'),
    ];
    const { ends, errors } = await applyPlan(host, items, await planFor(host, items));
    expect(ends).toEqual(['Poke failed', 'a failed', 'b skipped']);
    expect(errors[1]).toMatch(
      /^what 'a' would do is not what was planned.*\nstep 1, planned: write \/a\nstep 1, now: nothing$/s,
    );
  });

  test('steps of the plan that nothing took are a failure of the host', async () => {
    const host = failing();
    const first = poke(host, { mayFail: true });
    const items = [first, later('made', (known) => (known.failed(first) ? [] : write('x')))];
    const { ends, errors } = await applyPlan(host, items, await planFor(host, items));
    expect(ends).toEqual(['Poke failed', 'made skipped']);
    expect(errors[1]).toBe(
      "the plan has steps of 'x', which were not taken in this run; make a new plan and review it",
    );
  });

  test('one that is tried again takes the same steps again, or none', async () => {
    let attempts = 0;
    const answer = (): object => {
      attempts += 1;
      return { exitCode: attempts < 2 ? 1 : 0 };
    };
    const host = new FakeHost({ commands: { step: answer } });
    const again = (plan: () => string): Task =>
      tiny(
        () => ({ state: { value: attempts < 2 ? 'unwanted' : 'wanted' } }),
        () => [command([plan()])],
      )('Again', { retry: { attempts: 2, interval: 0 } });
    const same = [again(() => 'step')];
    expect((await applyPlan(host, same, await planFor(host, same))).ends).toEqual(['Again changed']);
    attempts = 0;
    const other = [again(() => (attempts === 0 ? 'step' : 'other'))];
    const { ends, errors } = await applyPlan(host, other, await planFor(host, other));
    expect(ends).toEqual(['Again failed']);
    expect(errors[0]).toMatch(/step 1, planned: step\nstep 1, now: other\nit was tried 2 times/);
  });
});
