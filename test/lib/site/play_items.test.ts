import { describe, expect, test } from '@jest/globals';
import { CommandError, PlaybookError } from '../../../lib/errors.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { networkChange } from '../../../lib/network_change/network_change.ts';
import { runOnHost } from '../../../lib/run/host_run.ts';
import { assert, block, fail, later, type PlayItem } from '../../../lib/site/play_items.ts';
import { command } from '../../../lib/task/step.ts';
import type { Known, Task } from '../../../lib/task/task.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { config, entry, loader, loadingHost, tiny, unknowable } from '../../support/tiny_modules.ts';

type TaskEnd = Extract<PlayEvent, { type: 'task-end' }>;

/** Runs a play on one host. @returns its events' ends, as `title status`, with what else is said of them */
async function play(
  items: readonly PlayItem[],
  { host = newHost(), check = false, signal }: { host?: FakeHost; check?: boolean; signal?: AbortSignal } = {},
): Promise<{ ends: readonly string[]; errors: readonly string[]; host: FakeHost; results: readonly TaskEnd[] }> {
  const events: PlayEvent[] = [];
  await runOnHost(host, items, { check, ...(signal && { signal }) }, (event) => events.push(event));
  const results = events.filter((event) => event.type === 'task-end');
  const ends = results.map(({ task, status, handling, reason }) =>
    [task.title, status, ...(handling === undefined ? [] : [handling]), ...(reason === undefined ? [] : [reason])].join(
      ' ',
    ),
  );
  const errors = events.flatMap((event) =>
    'error' in event && event.error !== undefined ? [event.error.message] : [],
  );
  return { ends, errors, host, results };
}

function newHost(files: Readonly<Record<string, string>> = {}): FakeHost {
  return new FakeHost({ files: { '/etc/os-release': 'ID=centos\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n', ...files } });
}

const file = (name: string, more: object = {}): Task => entry(name, { path: `/${name}`, text: name, ...more });
/** A task whose step fails. */
const broken = (title: string, more: object = {}): Task =>
  tiny(
    () => ({}),
    () => [command(['step'])],
  )(title, more);
const failing = (files: Readonly<Record<string, string>> = {}): FakeHost =>
  new FakeHost({
    files,
    onStep: (argv) => {
      throw new CommandError(`${argv.join(' ')} failed`, { argv, exitCode: 1, stderr: '' });
    },
  });

describe.each([
  ['check mode', true],
  ['apply mode', false],
])('in %s', (_name, check) => {
  test('a task whose condition does not hold is skipped, and says whose condition it is', async () => {
    const { ends, host } = await play(
      [file('a', { when: () => false }), block('Group', [file('b'), file('c')], { when: () => false }), file('d')],
      { check },
    );
    expect(ends).toEqual([
      "a skipped the condition of 'a' does not hold",
      "b skipped the condition of 'Group' does not hold",
      "c skipped the condition of 'Group' does not hold",
      'd changed',
    ]);
    expect([...host.files.keys()].filter((path) => path.length === 2)).toEqual(check ? [] : ['/d']);
  });

  test('results of earlier tasks are known, those of later ones are an error with both lines', async () => {
    const first = entry('first', { path: '/first', text: 'new' });
    const same = entry('same', { path: '/same', text: 'same' });
    const seen: unknown[] = [];
    const asks = file('asks', {
      when: (known: Known) => {
        seen.push(
          known.host,
          known.changed(first),
          known.changed(same),
          known.before(first).text,
          known.after(first).text,
        );
        return true;
      },
    });
    await play([first, same, asks], { check, host: newHost({ '/first': 'old', '/same': 'same' }) });
    expect(seen.slice(-5)).toEqual(['fake', true, false, 'old', 'new']);

    const early = file('early', { when: (known: Known) => known.changed(first) });
    const { errors, results, host } = await play([early, first], { check });
    expect(errors[0]).toMatch(
      /^it uses the result of 'first' \(.*play_items\.test\.ts:\d+\), which has not had its turn/,
    );
    expect(results[0]?.error).toMatchObject({
      context: { task: 'early', location: { file: expect.stringContaining('play_items') } },
    });
    expect(host.executed).toEqual([]);
  });

  test('facts are read where somebody asks for them', async () => {
    const wanted = file('a', {
      when: ({ facts }: Known) => facts.family === 'redhat' && facts.version === 7 && facts.distribution === 'centos',
    });
    const host = new FakeHost({
      files: { '/etc/os-release': 'ID=centos\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n' },
      commands: {
        'systemd-detect-virt': { exitCode: 1, stdout: 'none\n' },
        'systemctl is-active network NetworkManager systemd-networkd networking': {
          exitCode: 3,
          stdout: 'inactive\nactive\ninactive\ninactive\n',
        },
      },
    });
    const { ends } = await play([wanted, assert('NM', ({ facts }) => facts.networkBackend === 'NetworkManager')], {
      check,
      host,
    });
    expect(ends).toEqual(['a changed', 'NM ok']);
  });

  test('tasks that are made in their turn are made from results', async () => {
    const first = entry('first', { path: '/first', text: 'new' });
    const made = later('Made', (known) => [
      entry('one', { path: '/one', text: `${known.after(first).text}` }),
      entry('two', { path: '/two', text: 'two' }),
    ]);
    const { ends, host } = await play([first, made, later('None', () => undefined)], { check });
    expect(ends).toEqual(['first changed', 'one changed', 'two changed', 'None skipped there is no task to be made']);
    if (!check) expect(host.files.get('/one')).toBe('new');
  });

  test('what must hold and does not ends the host before the first write', async () => {
    const { ends, errors, host } = await play(
      [file('a'), assert('There are two NICs', () => false, { remedy: 'plug one in' }), file('b')],
      { check },
    );
    expect(ends).toEqual(['There are two NICs failed', 'a skipped', 'b skipped']);
    expect(errors).toEqual(['assertion failed: There are two NICs\nplug one in']);
    expect(host.executed).toEqual([]);
  });

  test('a task of which something is missing is rescued, and always follows', async () => {
    const { ends } = await play(
      [
        block('Try', [file('a', { needs: '/none' }), file('b')], { rescue: [file('c')], always: [file('d')] }),
        file('e'),
      ],
      { check },
    );
    expect(ends).toEqual(['a failed rescued', 'c changed', 'd changed', 'e changed', 'b skipped']);
  });

  test('a failure that may be is ignored, whatever it is', async () => {
    const { ends } = await play([file('a', { needs: '/none', mayFail: true }), file('b')], { check });
    expect(ends).toEqual(['a failed ignored', 'b changed']);
  });

  test('what is not wanted is not loaded either', async () => {
    const host = loadingHost({
      commands: {
        'live /etc/a': { stdout: 'other' },
        'others /etc/a': {},
        'live /etc/b': { stdout: 'b' },
        'others /etc/b': {},
      },
      files: { '/etc/b': 'b' },
    });
    const unwanted = config('a', { path: '/etc/a', text: 'a', when: () => false });
    const kept = config('b', { path: '/etc/b', text: 'b' });
    const { ends } = await play([unwanted, kept, loader('load', { reflects: [unwanted, kept] })], { check, host });
    expect(ends).toEqual(["a skipped the condition of 'a' does not hold", 'b ok', 'load ok']);
  });
});

describe('blocks', () => {
  test('a failure goes to the nearest rescue; the others of the block are not attempted', async () => {
    const { ends, host } = await play(
      [
        block('Outer', [block('Inner', [broken('x'), file('y')], { always: [file('z')] }), file('w')], {
          rescue: [file('r')],
        }),
        file('after'),
      ],
      { host: onlyFilesWork() },
    );
    expect(ends).toEqual(['x failed rescued', 'z changed', 'r changed', 'after changed', 'y skipped', 'w skipped']);
    expect(host.files.has('/w')).toBe(false);
  });

  test('a failure in the rescue, or in what is always done, ends the host; what is always done is done before', async () => {
    const rescued = await play(
      [block('B', [broken('x')], { rescue: [broken('r')], always: [file('z')] }), file('after')],
      {
        host: onlyFilesWork(),
      },
    );
    expect(rescued.ends).toEqual(['x failed rescued', 'r failed', 'z changed', 'after skipped']);
    const always = await play([block('B', [broken('x')], { rescue: [], always: [broken('z')] }), file('after')], {
      host: onlyFilesWork(),
    });
    expect(always.ends).toEqual(['x failed rescued', 'z failed', 'after skipped']);
  });

  test('what is always done follows a failure that nobody deals with, in every block around it', async () => {
    const inner = block('Inner', [broken('x'), file('y')], { always: [file('z')] });
    const { ends } = await play([block('Outer', [inner, file('w')], { always: [file('v')] }), file('after')], {
      host: onlyFilesWork(),
    });
    expect(ends).toEqual(['x failed', 'z changed', 'v changed', 'y skipped', 'w skipped', 'after skipped']);
  });

  test('a rescue may take back what its block has made, and what is always done what either has', async () => {
    const text = (path: string, wanted: string): Task => config({ path, text: wanted, loadedLater: true });
    const made = [entry('made', { path: '/a', text: '1' }), broken('x')];
    const rescued = await play([block('B', made, { rescue: [entry('undone', { path: '/a', text: '0' })] })], {
      host: onlyFilesWork(),
    });
    expect([rescued.ends, rescued.errors.slice(1)]).toEqual([
      ['made changed', 'x failed rescued', 'undone changed'],
      [],
    ]);
    const always = await play([
      block('B', [entry('made', { path: '/a', text: '1' })], { always: [text('/a', '')] }),
      file('after'),
    ]);
    expect([always.ends, always.errors]).toEqual([['made changed', 'config /a changed', 'after changed'], []]);
  });

  test('a task behind a block may not take back what the block has made, nor a rescue what was made before it', async () => {
    const undo = config('undo', { path: '/a', text: '', loadedLater: true });
    const behind = await play([block('B', [entry('made', { path: '/a', text: '1' })], { always: [file('z')] }), undo]);
    expect(behind.errors).toEqual([expect.stringMatching(/^'made' no longer holds/)]);
    const before = await play(
      [entry('made', { path: '/a', text: '1' }), block('B', [broken('x')], { rescue: [undo] })],
      {
        host: onlyFilesWork(),
      },
    );
    expect(before.errors.slice(1)).toEqual([expect.stringMatching(/^'made' no longer holds/)]);
  });

  test('what of a block was not attempted is known as skipped, and is not loaded', async () => {
    const host = new FakeHost({
      onStep: () => ({ exitCode: 1 }),
      files: { '/etc/os-release': 'ID=debian\n' },
      commands: { 'live /etc/a': { stdout: 'other' }, 'live /etc/b': { stdout: 'other' }, load: {} },
    });
    const never = config('never', { path: '/etc/a', text: 'a' });
    const unneeded = config('unneeded', { path: '/etc/b', text: 'b' });
    const { ends, errors } = await play(
      [
        block('Fails', [broken('x'), never], { rescue: [file('r')] }),
        block('Works', [file('w')], { rescue: [unneeded] }),
        loader('load', { reflects: [never, unneeded] }),
        file('asks', { when: (known: Known) => known.skipped(never) && known.skipped(unneeded) }),
      ],
      { host },
    );
    expect([ends, errors.slice(1)]).toEqual([
      ['x failed rescued', 'r changed', 'w changed', 'load ok', 'asks changed', 'never skipped'],
      [],
    ]);
  });

  test('fail ends the host with its own words, in a rescue as well', async () => {
    const { ends, errors } = await play(
      [block('B', [broken('x')], { rescue: [fail('Ask the storage team', { remedy: 'call 123' })] })],
      { host: onlyFilesWork() },
    );
    expect(ends).toEqual(['x failed rescued', 'Ask the storage team failed']);
    expect(errors[1]).toBe('Ask the storage team\ncall 123');
  });

  test('an interruption is rescued by nobody', async () => {
    const controller = new AbortController();
    const host = new FakeHost({
      onStep: () => {
        controller.abort();
        return { exitCode: 1 };
      },
    });
    const { ends } = await play([block('B', [broken('x'), file('y')], { rescue: [file('r')], always: [file('z')] })], {
      host,
      signal: controller.signal,
    });
    expect(ends).not.toContain('r changed');
  });

  test('one without items is refused, as is a network change with conditions inside', () => {
    expect(() => block('Empty', [])).toThrow(PlaybookError);
    expect(() => networkChange({}, [file('a', { when: () => true })])).toThrow("'a' takes no 'when'");
  });
});

describe('another try', () => {
  test('a task that fails is looked at and tried again, as often as it says', async () => {
    let tries = 0;
    const host = new FakeHost({
      onStep: () => {
        tries += 1;
        return tries < 3 ? { exitCode: 1 } : {};
      },
    });
    const module = tiny(() => (tries < 3 ? {} : { state: { value: 'wanted' } }));
    const { ends } = await play([module('again', { retry: { attempts: 3, interval: 0 } })], { host });
    expect([ends, tries]).toEqual([['again changed'], 3]);
  });

  test('then it fails, and says how often it was tried', async () => {
    const { ends, errors } = await play([broken('again', { retry: { attempts: 2, interval: 0 } })], {
      host: failing(),
    });
    expect(ends).toEqual(['again failed']);
    expect(errors[0]).toMatch(/it was tried 2 times$/);
  });

  test('a state that is not the one which is waited for is looked at again', async () => {
    let looks = 0;
    const module = tiny(() => {
      looks += 1;
      return { state: { value: 'wanted' } };
    });
    const until = (): boolean => looks > 4;
    const { ends } = await play([module('wait', { until, retry: { attempts: 9, interval: 0 } })]);
    expect(ends).toEqual(['wait ok']);
    expect(
      (await play([module('wait', { until: () => false, retry: { attempts: 2, interval: 0 } })])).errors[0],
    ).toMatch(/^what 'until' waits for does not hold: .*wanted.*\nit was tried 2 times$/);
  });

  test('check mode waits as apply does where nothing changes before, and says the same', async () => {
    for (const check of [true, false]) {
      let looks = 0;
      const wait = tiny(() => {
        looks += 1;
        return { state: { value: 'wanted' } };
      })('wait', { until: () => looks > 2, retry: { attempts: 3, interval: 0 } });
      expect((await play([wait, file('b')], { check })).ends).toEqual(['wait ok', 'b changed']);
      const vain = tiny(() => ({ state: { value: 'wanted' } }))('vain', {
        until: () => false,
        retry: { attempts: 2, interval: 0 },
      });
      expect(await play([vain, file('b')], { check })).toMatchObject({
        ends: ['vain failed', 'b skipped'],
        errors: [expect.stringMatching(/^what 'until' waits for does not hold.*\nit was tried 2 times$/)],
      });
    }
  });

  test('where something changes before, check mode says that it cannot be known', async () => {
    const wait = entry('wait', { path: '/w', text: 'w', until: () => false, retry: { attempts: 2, interval: 0 } });
    const { ends, results } = await play([file('a'), wait], { check: true, host: newHost({ '/w': 'w' }) });
    expect(ends).toEqual(['a changed', 'wait ok']);
    const warning = expect.stringMatching(/^what 'until' waits for does not hold yet .*: apply waits for it/);
    expect(results[1]?.result?.warnings).toEqual([warning]);
    const own = await play([wait], { check: true });
    expect([own.ends, own.results[0]?.result?.warnings]).toEqual([['wait changed'], [warning]]);
    const foreseen = entry('wait', { path: '/w', text: 'w', until: ({ text }) => text === 'w' });
    expect((await play([foreseen], { check: true })).results[0]?.result?.warnings).toEqual([]);
  });

  test('an attempt that changed something is told, though the next one finds nothing to do', async () => {
    let looks = 0;
    const task = entry('wait', {
      path: '/w',
      text: 'w',
      until: () => {
        looks += 1;
        return looks > 6;
      },
      retry: { attempts: 9, interval: 0 },
    });
    const { ends, results } = await play([task]);
    expect(ends).toEqual(['wait changed']);
    expect(results[0]?.result).toMatchObject({
      changed: true,
      before: { text: '' },
      differences: [{ path: 'text' }],
      steps: [{ kind: 'write' }],
    });
  });

  test('a look that fails is taken again, as often as the task says', async () => {
    for (const check of [true, false]) {
      let looks = 0;
      const task = tiny(() => {
        looks += 1;
        if (looks < 3) throw new CommandError('not yet', { argv: ['ask'], exitCode: 1, stderr: '' });
        return { state: { value: 'wanted' } };
      })('ask', { retry: { attempts: 3, interval: 0 } });
      expect((await play([task], { check })).ends).toEqual(['ask ok']);
    }
  });

  test('what until throws is told at the line of the site, and a state that nobody can know is not waited for', async () => {
    const { results } = await play([
      file('wait', {
        until: () => {
          throw new TypeError('oops');
        },
      }),
    ]);
    expect(results[0]?.error).toMatchObject({
      message: 'TypeError: oops',
      context: { location: { file: expect.stringContaining('play_items') } },
    });
    expect(() => unknowable({ until: () => true })).toThrow("'until' has nothing to wait for");
  });

  test('no command takes longer than its task may', async () => {
    const module = tiny(
      () => ({}),
      () => [command(['long'], { timeLimit: 300 }), command(['short'], { timeLimit: 2 }), command(['any'])],
    );
    const { results } = await play([module('limited', { timeLimit: 60 })], { check: true });
    expect(results[0]?.result?.steps).toMatchObject([{ timeLimit: 60 }, { timeLimit: 2 }, { timeLimit: 60 }]);
    expect(() => module({ timeLimit: 0 })).toThrow("'timeLimit' is a whole number of seconds from 1 on, and is 0");
    expect(() => module({ retry: { attempts: 0 } })).toThrow("'retry.attempts' is a whole number from 1 on, and is 0");
  });
});

/** A host on which files can be written, and every command fails. */
function onlyFilesWork(): FakeHost {
  return new FakeHost({ onStep: () => ({ exitCode: 1 }) });
}
