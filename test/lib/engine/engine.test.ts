import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { applyTask } from '../../../lib/engine/apply_task.ts';
import { checkTask } from '../../../lib/engine/check_task.ts';
import { defineModule } from '../../../lib/engine/define_module.ts';
import {
  BugError,
  ConvergenceError,
  InterruptedError,
  MissingError,
  UnsupportedChangeError,
} from '../../../lib/errors.ts';
import { once } from '../../../lib/task/diff.ts';
import { command, type Disruption, writeFile } from '../../../lib/task/step.ts';
import type { Task } from '../../../lib/task/task.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { config, entry, loader, loadingHost, markerOf, tiny, unknowable } from '../../support/tiny_modules.ts';

const commandLines = (host: FakeHost): readonly string[] =>
  host.executed.map((step) => (step.kind === 'command' ? step.argv.join(' ') : `${step.kind} ${step.path}`));

describe('law 1: changed if and only if something differs', () => {
  test('what is as wanted is ok, and takes neither a step nor the lock', async () => {
    const host = new FakeHost({ files: { '/a': 'text' } });
    const state = { path: '/a', text: 'text' };
    expect(await applyTask(host, entry(state))).toEqual({
      before: state,
      after: state,
      changed: false,
      differences: [],
      steps: [],
      warnings: [],
    });
    expect([host.executed, host.locked]).toEqual([[], false]);
  });

  test('what differs is changed, by exactly the planned steps', async () => {
    const host = new FakeHost({ files: { '/a': 'old' } });
    const { changed, differences, steps } = await applyTask(host, entry({ path: '/a', text: 'new' }));
    const before = { path: '/a', text: 'old', encoding: 'utf8' } as const;
    expect({ changed, differences }).toEqual({
      changed: true,
      differences: [{ path: 'text', wanted: 'new', actual: 'old' }],
    });
    expect(steps).toEqual([writeFile('/a', 'new', { before })]);
    expect([host.executed, host.logged]).toEqual([steps, ['entry /a: 1 step']]);
  });

  test('a difference without a step is a bug of the module', async () => {
    const host = new FakeHost();
    const task = tiny(
      () => ({}),
      () => [],
    )({});
    const wording = 'tiny sees a difference and plans no step for it: value is absent, wanted wanted';
    await expect(checkTask(host, task)).rejects.toThrow(new BugError(wording));
    await expect(applyTask(host, task)).rejects.toThrow(BugError);
    expect(host.locked).toBe(false);
  });
});

test('law 2: check says what apply does, and writes nothing', async () => {
  const host = new FakeHost({ files: { '/a': 'old' } });
  const task = entry({ path: '/a', text: 'new' });
  const checked = await checkTask(host, task);
  expect([host.executed, host.locked, host.logged, host.files.get('/a')]).toEqual([[], false, [], 'old']);
  expect(await applyTask(host, task)).toEqual(checked);
});

describe('law 3: after apply the state is read again', () => {
  test('what is still different is named with path, wanted and actual value', async () => {
    const host = new FakeHost({ commands: { step: {} } });
    const task = tiny(() => ({ state: { value: 'old' } }))('Turn it', {});
    const error = await applyTask(host, task).catch((reason: unknown) => reason);
    expect(error).toEqual(new ConvergenceError('all steps were taken, and still value is old, wanted wanted'));
    expect(error).toHaveProperty('context', { task: 'Turn it', host: 'fake', location: task.location });
    expect(task.location?.file).toMatch(/engine\.test\.ts$/);
  });

  test('what settles is read again, and no step is repeated', async () => {
    const values = ['old', 'on its way', 'wanted'];
    let reads = 0;
    const see = () => {
      const value = values[Math.min(reads++, 2)] ?? '';
      return { state: { value }, settling: value === 'on its way' };
    };
    const host = new FakeHost({ commands: { step: {} } });
    expect((await applyTask(host, tiny(see)({}))).changed).toBe(true);
    expect([reads, commandLines(host)]).toEqual([3, ['step']]);
  });

  test('a state that settles by itself needs no step', async () => {
    const seen = [{ settling: true }, { state: { value: 'wanted' } }];
    const host = new FakeHost();
    expect((await applyTask(host, tiny(() => seen.shift() ?? {})({}))).changed).toBe(false);
    expect(host.executed).toEqual([]);
  });

  test('a failed step ends the task, unless the state is to judge it', async () => {
    const run = (judgedBy: 'exit-code' | 'state', after: string) => {
      let value = 'old';
      const host = new FakeHost({
        commands: {
          step: () => {
            value = after;
            return { exitCode: 1 };
          },
        },
      });
      return applyTask(
        host,
        tiny(
          () => ({ state: { value } }),
          () => [command(['step'], { judgedBy })],
        )({}),
      );
    };
    await expect(run('exit-code', 'wanted')).rejects.toThrow('step failed with exit code 1');
    await expect(run('state', 'old')).rejects.toThrow(
      /^step failed with exit code 1\nall steps were taken, and still value is old/,
    );
    expect((await run('state', 'wanted')).warnings).toEqual([
      'step failed with exit code 1\nyet everything is as wanted',
    ]);
  });
});

test('law 4: only what is named is compared', async () => {
  const module = defineModule<object, object, undefined>({
    name: 'partly',
    desired: () => ({ named: { one: 1, unnamed: undefined }, atCreation: once('iso') }),
    subject: () => 'it',
    read: async () => ({
      state: { named: { one: 1, unnamed: 2, other: 3 }, atCreation: 'another', more: 4 },
      found: undefined,
    }),
    plan: () => [command(['step'])],
  });
  expect(await module.check(new FakeHost(), {})).toMatchObject({ changed: false, differences: [] });
});

describe('law 5: written and in force are two things', () => {
  const written = config('Configure', { path: '/c', text: 'new' });
  const load = loader({ reflects: [written] });
  const inForce = { 'live /c': { stdout: 'new' } };

  test('what is written and in force makes nothing due', async () => {
    const host = loadingHost({ files: { '/c': 'new' }, commands: inForce });
    expect((await applyTask(host, load)).changed).toBe(false);
  });

  test('the first step leaves a marker, and the verified load takes it away', async () => {
    const host = loadingHost({ files: { '/c': 'old' }, commands: { 'live /c': { stdout: 'old' } } });
    await applyTask(host, written);
    expect(host.files.get(markerOf('/c'))).toBe('Configure\n');
    expect((await applyTask(host, load)).changed).toBe(true);
    expect(commandLines(host)).toEqual([
      'directory /var/lib/kvm-play/pending',
      `write ${markerOf('/c')}`,
      'write /c',
      'load',
      `remove ${markerOf('/c')}`,
    ]);
    expect((await applyTask(host, load)).changed).toBe(false);
  });

  test('what does not hold on the live system is loaded, though nothing was written', async () => {
    const host = loadingHost({ files: { '/c': 'new' }, commands: { 'live /c': { stdout: 'old' } } });
    const { changed, differences } = await checkTask(host, load);
    expect({ changed, differences }).toEqual({
      changed: true,
      differences: [{ path: 'in force./c.text', wanted: 'new', actual: 'old' }],
    });
  });

  test('a marker of a run that died makes the load due, once', async () => {
    const host = loadingHost({ files: { '/c': 'new', [markerOf('/c')]: '' }, commands: inForce });
    expect((await checkTask(host, load)).differences).toEqual([
      { path: 'in force./c', wanted: 'loaded', actual: 'written by a run that did not finish' },
    ]);
    await applyTask(host, load);
    expect([host.files.has(markerOf('/c')), (await applyTask(host, load)).changed]).toEqual([false, false]);
  });

  test('what was written in this run is due, marker or not', async () => {
    const host = loadingHost({ files: { '/c': 'new' }, commands: inForce });
    expect((await checkTask(host, load, { written: new Set([written]) })).differences).toEqual([
      { path: 'in force./c', wanted: 'loaded', actual: 'written, not loaded' },
    ]);
  });

  test('what others have a part in is no reason to load', async () => {
    const host = loadingHost({
      files: { '/c': 'new' },
      commands: { ...inForce, 'others /c': { stdout: 'none yet' } },
    });
    expect(await applyTask(host, load)).toMatchObject({
      changed: false,
      warnings: ['Configure: lease is none yet, wanted there'],
    });
  });

  test('what others have a part in is awaited after a load, and its marker is gone by then', async () => {
    const controller = new AbortController();
    const host = loadingHost({ files: { '/c': 'new', [markerOf('/c')]: '' }, commands: inForce });
    host.commands.set('others /c', () => {
      if (!host.files.has(markerOf('/c'))) controller.abort();
      return { stdout: 'none yet' };
    });
    await expect(applyTask(host, load, { signal: controller.signal })).rejects.toThrow(InterruptedError);
    expect(commandLines(host)).toEqual(['load', `remove ${markerOf('/c')}`]);
  });

  describe('once all waiting is over', () => {
    afterEach(() => {
      jest.restoreAllMocks();
    });

    /** Has every look at the clock take ten minutes. */
    function hurry(): void {
      let now = 0;
      jest.spyOn(performance, 'now').mockImplementation(() => {
        now += 600_000;
        return now;
      });
    }

    test('what loading did not bring about is an error, and its marker stays for the next run', async () => {
      hurry();
      const host = loadingHost({
        files: { '/c': 'new', [markerOf('/c')]: '' },
        commands: { load: {}, 'live /c': { stdout: 'old' } },
      });
      await expect(applyTask(host, load)).rejects.toThrow(
        new ConvergenceError('Configure is not in force: text is old, wanted new'),
      );
      expect([commandLines(host), host.files.has(markerOf('/c'))]).toEqual([['load'], true]);
    });

    test('what others did not do is an error, and no reason to load again', async () => {
      hurry();
      const host = loadingHost({
        files: { '/c': 'new', [markerOf('/c')]: '' },
        commands: { ...inForce, 'others /c': { stdout: 'none yet' } },
      });
      await expect(applyTask(host, load)).rejects.toThrow(
        new ConvergenceError('Configure is in force, and after 60 s still lease is none yet, wanted there'),
      );
      expect((await applyTask(host, load)).changed).toBe(false);
    });

    test('what never holds still is an error, and no step is taken', async () => {
      hurry();
      const host = new FakeHost();
      await expect(applyTask(host, tiny(() => ({ settling: true, warnings: ['it crashed'] }))({}))).rejects.toThrow(
        new ConvergenceError('it has not settled within 30 s: it crashed'),
      );
      expect(host.executed).toEqual([]);
    });
  });

  test('a plain file that is reflected is loaded when it has changed, and a marker remembers it until then', async () => {
    const plain = entry('Write', { path: '/p', text: 'new' });
    const loadPlain = loader({ reflects: [plain] });
    const marker = '/var/lib/kvm-play/pending/entry-%2Fp';
    const host = loadingHost({ files: { '/p': 'old' } });
    expect((await checkTask(host, loadPlain)).changed).toBe(false);
    await applyTask(host, plain);
    expect(host.files.get(marker)).toBe('Write\n');
    expect((await checkTask(host, loadPlain)).differences).toEqual([
      { path: 'in force./p', wanted: 'loaded', actual: 'written by a run that did not finish' },
    ]);
    await applyTask(host, loadPlain);
    expect(host.files.has(marker)).toBe(false);
    expect((await applyTask(host, loadPlain)).changed).toBe(false);
  });

  test('a plain file that nobody reflects leaves no marker', async () => {
    const host = loadingHost();
    await applyTask(host, entry({ path: '/p', text: 'new' }));
    expect(commandLines(host)).toEqual(['write /p']);
  });

  test('a marker’s name is no longer than a file’s name may be', async () => {
    const path = `/${'long/'.repeat(60)}`;
    const plain = entry({ path, text: 'x' });
    loader({ reflects: [plain] });
    const host = loadingHost();
    await applyTask(host, plain);
    const [marker = ''] = [...host.files.keys()].filter((each) => each.startsWith('/var/lib/kvm-play/pending/'));
    expect(marker).toMatch(/\/entry-[0-9a-f]{64}$/);
  });

  test('a task whose text is loaded later leaves no marker', async () => {
    const host = loadingHost();
    await applyTask(host, config({ path: '/c', text: 'new', loadedLater: true }));
    expect(commandLines(host)).toEqual(['write /c']);
  });
});

describe('a task whose state cannot be known', () => {
  const warning = 'whether it changes anything cannot be known';
  const answers = (exitCode: number) => ({ commands: { poke: {}, poked: { exitCode } } });

  test.each([
    ['seems done', 0],
    ['seems not done', 1],
  ])('that %s takes its steps, is not looked at afterwards, and says so', async (_what, exitCode) => {
    const host = new FakeHost(answers(exitCode));
    expect(await checkTask(host, unknowable({}))).toMatchObject({ changed: true, warnings: [warning] });
    host.asked.length = 0;
    expect(await applyTask(host, unknowable({}))).toMatchObject({ changed: true, warnings: [warning] });
    expect([commandLines(host), host.asked]).toEqual([['poke'], ['poked']]);
  });

  test('fails with its step', async () => {
    const host = new FakeHost({ commands: { poke: { exitCode: 1 } } });
    await expect(applyTask(host, unknowable({}))).rejects.toThrow('poke failed with exit code 1');
  });
});

describe('law 6: what would disturb is refused unless the task says so', () => {
  const cutting = (disrupts: Disruption, options: object = {}): Task =>
    tiny(
      () => ({}),
      () => [command(['cut', '--password', 'hunter2'], { disrupts, secret: [2] })],
    )(options);

  test.each([
    ['link', 'cut network links'],
    ['guest', 'disturb a running guest'],
    ['data', 'destroy data'],
    ['snapshots', 'discard snapshots of a guest'],
    ['saved-state', 'discard the saved state of a guest'],
  ] as const)('%s', async (disrupts, words) => {
    const host = new FakeHost({ commands: { 'cut --password hunter2': {} } });
    await expect(applyTask(host, cutting(disrupts))).rejects.toThrow(
      new UnsupportedChangeError(
        `'cut --password ***' would ${words}; a task that may do so says disrupts: ['${disrupts}']`,
      ),
    );
    expect(host.locked).toBe(false);
    expect((await checkTask(host, cutting(disrupts, { disrupts: [disrupts] }))).changed).toBe(true);
    const others = (['link', 'guest', 'data', 'snapshots', 'saved-state'] as const).filter((word) => word !== disrupts);
    await expect(checkTask(host, cutting(disrupts, { disrupts: others }))).rejects.toThrow(words);
  });

  test('the links of this very machine are cut only where the run allows it', async () => {
    const host = new FakeHost({ isLocal: true });
    const task = cutting('link', { disrupts: ['link'] });
    await expect(checkTask(host, task)).rejects.toThrow(/--restart-own-network/);
    expect((await checkTask(host, task, { permissions: { restartOwnNetwork: true } })).changed).toBe(true);
  });

  test('a link that is cut outside of a network change is warned of: nothing would take that back', async () => {
    const task = cutting('link', { disrupts: ['link'] });
    const warningsOf = async (permissions = {}): Promise<readonly string[]> =>
      (await checkTask(new FakeHost(), task, { permissions })).warnings;
    expect(await warningsOf()).toEqual([
      expect.stringMatching(/^'cut --password \*\*\*' cuts network links, .* networkChange$/),
    ]);
    expect(await warningsOf({ inNetworkChange: true })).toEqual([]);
    const guest = cutting('guest', { disrupts: ['guest'] });
    expect((await checkTask(new FakeHost(), guest)).warnings).toEqual([]);
  });

  test('steps that cut the link run as one: after the first nobody may be there to start the second', async () => {
    const host = new FakeHost({ onStep: () => ({}) });
    const cut = (name: string) => command([name], { disrupts: 'link', judgedBy: 'state' });
    let looks = 0;
    const task = tiny(
      () => ({ state: { value: looks++ === 0 ? 'old' : 'wanted' } }),
      () => [command(['enable']), cut('stop'), cut('start'), command(['note'])],
    )({ disrupts: ['link'] });
    await applyTask(host, task);
    expect(commandLines(host)).toEqual(['enable', 'stop', 'start', 'note']);
    expect(host.detached).toEqual([['stop', 'start']]);
  });
});

test('what is missing is listed at once, each thing once, and nothing is written', async () => {
  const missing = ['pool', 'tool', 'pool'].map((key) => ({ key, what: `no ${key}`, remedy: `make a ${key}` }));
  const host = new FakeHost();
  await expect(applyTask(host, tiny(() => ({ missing }))({}))).rejects.toThrow(
    new MissingError('no pool: make a pool\nno tool: make a tool'),
  );
  expect(host.locked).toBe(false);
});

describe('an interruption', () => {
  const twoSteps = tiny(
    () => ({}),
    () => [command(['one']), command(['two'])],
  )({});

  test('before the first step leaves the host untouched', async () => {
    const host = new FakeHost();
    const error = await applyTask(host, twoSteps, { signal: AbortSignal.abort() }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'InterruptedError', taken: 0 });
    expect(host.locked).toBe(false);
  });

  test('while a step is executed lets it end, and takes no other', async () => {
    const controller = new AbortController();
    const one = () => {
      controller.abort();
      return {};
    };
    const host = new FakeHost({ commands: { one } });
    const error = await applyTask(host, twoSteps, { signal: controller.signal }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: 'interrupted after 1 of 2 steps', taken: 1 });
    expect(commandLines(host)).toEqual(['one']);
  });

  test('ends the wait for a state that settles', async () => {
    const controller = new AbortController();
    const task = tiny(() => {
      controller.abort();
      return { settling: true };
    })({});
    await expect(applyTask(new FakeHost(), task, { signal: controller.signal })).rejects.toThrow(InterruptedError);
  });
});
