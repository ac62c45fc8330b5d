import { describe, expect, test } from '@jest/globals';
import { CommandError, PlaybookError } from '../../lib/errors.ts';
import type { PlayEvent } from '../../lib/events.ts';
import { runOnHost } from '../../lib/host_run.ts';
import type { Known } from '../../lib/known.ts';
import type { Task } from '../../lib/module.ts';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { assert, block, fail, later, type PlayItem } from '../../lib/play_items.ts';
import { command } from '../../lib/step.ts';
import { FakeHost } from '../support/fake_host.ts';
import { config, entry, loader, loadingHost, tiny } from '../support/tiny_modules.ts';

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
    expect(errors).toEqual(['it does not hold: There are two NICs\nplug one in']);
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

  test('a failure in the rescue, or in what is always done, ends the host', async () => {
    const rescued = await play(
      [block('B', [broken('x')], { rescue: [broken('r')], always: [file('z')] }), file('after')],
      {
        host: onlyFilesWork(),
      },
    );
    expect(rescued.ends).toEqual(['x failed rescued', 'r failed', 'z skipped', 'after skipped']);
    const always = await play([block('B', [broken('x')], { rescue: [], always: [broken('z')] }), file('after')], {
      host: onlyFilesWork(),
    });
    expect(always.ends).toEqual(['x failed rescued', 'z failed', 'after skipped']);
  });

  test('fail ends the host with its own words, in a rescue as well', async () => {
    const { ends, errors } = await play(
      [block('B', [broken('x')], { rescue: [fail('Ask the storage team', { remedy: 'call 123' })] })],
      { host: onlyFilesWork() },
    );
    expect(ends).toEqual(['x failed rescued', 'Ask the storage team failed']);
    expect(errors[1]).toBe('it does not hold: Ask the storage team\ncall 123');
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
