import { describe, expect, test } from '@jest/globals';
import { defineModule } from '../../../lib/engine/define_module.ts';
import { ConnectionError, PlaybookError } from '../../../lib/errors.ts';
import { nothingCounted, type PlayEvent } from '../../../lib/events/events.ts';
import { JunitReport } from '../../../lib/reporters/junit.ts';
import { terminalReporter } from '../../../lib/reporters/terminal.ts';
import { type HostRunOptions, runOnHost } from '../../../lib/run/host_run.ts';
import { run } from '../../../lib/run/run.ts';
import { type Play, play } from '../../../lib/site/play.ts';
import { block, type PlayItem } from '../../../lib/site/play_items.ts';
import { command } from '../../../lib/task/step.ts';
import type { Task } from '../../../lib/task/task.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { jsonStream } from '../../support/json_stream.ts';
import { config, entry, loader, loadingHost, markerOf, tiny, unknowable } from '../../support/tiny_modules.ts';

type TaskEnd = Extract<PlayEvent, { type: 'task-end' }>;

async function eventsOf(
  host: FakeHost,
  tasks: readonly PlayItem[],
  options: HostRunOptions = {},
): Promise<PlayEvent[]> {
  const events: PlayEvent[] = [];
  await runOnHost(host, tasks, options, (event) => events.push(event));
  jsonStream(events);
  return events;
}

/** One line for each task and each failure of the host. */
function told(events: readonly PlayEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === 'host-failed') return [`host failed: ${event.error.message}`];
    if (event.type !== 'task-end') return [];
    const { status, task, after = [], error } = event;
    const because = after.length === 0 ? '' : ` (after: ${after.join(', ')})`;
    return [`${status}: ${task.title}${because}${error === undefined ? '' : `: ${error.message}`}`];
  });
}

const check = { check: true };

describe('before the first write', () => {
  test('all that is missing is listed at once, on the first task that lacks something', async () => {
    const host = new FakeHost();
    const tasks = [
      entry('One', { path: '/1', text: '1' }),
      entry('Two', { path: '/2', text: '2', needs: '/iso' }),
      entry('Three', { path: '/3', text: '3', needs: '/pool' }),
    ];
    const expected = [
      'failed: Two: there is no file /iso: put it there\nthere is no file /pool: put it there',
      'skipped: One',
      'skipped: Three',
    ];
    expect(told(await eventsOf(host, tasks, check))).toEqual(expected);
    expect(told(await eventsOf(host, tasks))).toEqual(expected);
    expect([host.executed, host.locked]).toEqual([[], false]);
  });

  test('what an earlier task provides is not missing', async () => {
    const host = new FakeHost();
    const tasks = [
      entry('Make the pool', { path: '/pool', text: 'pool' }),
      entry('Make the volume', { path: '/volume', text: 'volume', needs: '/pool' }),
    ];
    expect(told(await eventsOf(host, tasks, check))).toEqual([
      'changed: Make the pool',
      'changed: Make the volume (after: Make the pool)',
    ]);
    expect(host.executed).toEqual([]);
    expect(told(await eventsOf(host, tasks))).toEqual(['changed: Make the pool', 'changed: Make the volume']);
    expect(told(await eventsOf(host, tasks))).toEqual(['ok: Make the pool', 'ok: Make the volume']);
  });

  test('what a task that lacks something would provide is not listed as well', async () => {
    const tasks = [
      entry('Make the pool', { path: '/pool', text: 'pool', needs: '/disk' }),
      entry('Make the volume', { path: '/volume', text: 'volume', needs: '/pool' }),
    ];
    expect(told(await eventsOf(new FakeHost(), tasks, check))[0]).toBe(
      'failed: Make the pool: there is no file /disk: put it there',
    );
  });

  test('what a later task provides is missing', async () => {
    const tasks = [entry({ path: '/volume', text: 'v', needs: '/pool' }), entry({ path: '/pool', text: 'p' })];
    expect(told(await eventsOf(new FakeHost(), tasks, check))[0]).toMatch(/^failed: entry \/volume: there is no file/);
  });

  test('a disruption that a later task does not allow is refused', async () => {
    const host = loadingHost({ files: { '/c': 'old' } });
    const written = config({ path: '/c', text: 'new' });
    const tasks = [written, loader('Load', { reflects: [written], disturbs: 'guest' })];
    for (const options of [check, {}]) {
      expect(told(await eventsOf(host, tasks, options))).toEqual([
        "failed: Load: 'load' would disturb a running guest; a task that may do so says disrupts: ['guest']",
        'skipped: config /c',
      ]);
    }
    expect(host.executed).toEqual([]);
  });
});

describe('law 5 in a play', () => {
  const written = config('Configure', { path: '/c', text: 'new' });
  const tasks = [written, loader('Load', { reflects: [written] })];

  test('check sees the load coming before anything is written, and apply agrees', async () => {
    const host = loadingHost({ files: { '/c': 'new' }, commands: { 'live /c': { stdout: 'new' } } });
    expect(told(await eventsOf(host, tasks, check))).toEqual(['ok: Configure', 'ok: Load']);
    host.files.set('/c', 'old');
    host.commands.set('live /c', { stdout: 'old' });
    expect(told(await eventsOf(host, tasks, check))).toEqual(['changed: Configure', 'changed: Load']);
    expect(host.executed).toEqual([]);
    expect(told(await eventsOf(host, tasks))).toEqual(['changed: Configure', 'changed: Load']);
    expect(told(await eventsOf(host, tasks))).toEqual(['ok: Configure', 'ok: Load']);
  });

  test('what was written and is in force by chance is loaded all the same', async () => {
    const host = loadingHost({ files: { '/c': 'old' }, commands: { 'live /c': { stdout: 'new' } } });
    expect(told(await eventsOf(host, tasks, check))).toEqual(['changed: Configure', 'changed: Load']);
    expect(told(await eventsOf(host, tasks))).toEqual(['changed: Configure', 'changed: Load']);
  });

  test('a run that dies between writing and loading is completed by the next', async () => {
    let dies = true;
    const host = loadingHost({ files: { '/c': 'old' }, commands: { 'live /c': { stdout: 'new' } } });
    host.commands.set('load', () => {
      if (dies) throw new ConnectionError('lost');
      return {};
    });
    await expect(eventsOf(host, tasks)).rejects.toThrow(ConnectionError);
    expect(host.files.has(markerOf('/c'))).toBe(true);
    dies = false;
    expect(told(await eventsOf(host, tasks, check))).toEqual(['ok: Configure', 'changed: Load']);
    expect(told(await eventsOf(host, tasks))).toEqual(['ok: Configure', 'changed: Load']);
    expect(told(await eventsOf(host, tasks))).toEqual(['ok: Configure', 'ok: Load']);
  });
});

describe('law 7: every run proves its own idempotency', () => {
  test('a task that a later one has undone fails the host', async () => {
    const tasks = [
      entry('First', { path: '/a', text: '1' }),
      config('Second', { path: '/a', text: '2', loadedLater: true }),
    ];
    expect(told(await eventsOf(new FakeHost(), tasks))).toEqual([
      'changed: First',
      'changed: Second',
      "host failed: 'First' no longer holds: text is 2, wanted 1\na later task of the play has undone it",
    ]);
  });

  test('two tasks that want one thing otherwise are refused before the first write, by check as well', async () => {
    const tasks = [entry('First', { path: '/a', text: '1' }), entry('Second', { path: '/a', text: '2' })];
    for (const options of [check, {}]) {
      const host = new FakeHost({ files: { '/a': '1' } });
      const [second, first] = told(await eventsOf(host, tasks, options));
      expect(second).toMatch(
        /^failed: Second: it wants text to be 2, and 'First' \(.*run\.test\.ts:\d+\) wants it to be 1, both of entry \/a: each takes back/,
      );
      expect([first, host.executed]).toEqual(['skipped: First', []]);
    }
    expect(
      told(
        await eventsOf(
          new FakeHost(),
          [tasks[0], tasks[0]].flatMap((task) => task ?? []),
        ),
      ),
    ).toEqual(['changed: First', 'ok: First']);
  });

  test('a contradiction is refused by check and apply alike, also where a failure would be handled', async () => {
    const inside = [
      entry('First', { path: '/a', text: '1' }),
      entry('Second', { path: '/a', text: '2', mayFail: true }),
    ];
    const items = [block('Both', inside, { rescue: [entry('Rescue', { path: '/b', text: '1' })] })];
    for (const options of [check, {}]) {
      const host = new FakeHost();
      expect(told(await eventsOf(host, items, options))).toEqual([
        expect.stringMatching(/^failed: Second: it wants text to be 2, and 'First'/),
        'skipped: First',
      ]);
      expect(host.executed).toEqual([]);
    }
  });

  test('a load that a later task has taken back fails the host', async () => {
    const host = loadingHost({ files: { '/c': 'old' } });
    const written = config('Configure', { path: '/c', text: 'new' });
    let value = 'old';
    host.commands.set('unload', () => {
      value = 'wanted';
      host.commands.set('live /c', { stdout: 'old' });
      return {};
    });
    const unload = tiny(
      () => ({ state: { value } }),
      () => [command(['unload'])],
    )('Unload', {});
    expect(told(await eventsOf(host, [written, loader('Load', { reflects: [written] }), unload]))).toEqual([
      'changed: Configure',
      'changed: Load',
      'changed: Unload',
      "host failed: 'Load' no longer holds: in force./c.text is old, wanted new\na later task of the play has undone it",
    ]);
  });

  test('a task whose state cannot be known is passed over, and every report says so', async () => {
    const host = new FakeHost({ commands: { poke: {}, poked: { exitCode: 1 } } });
    const tasks = [entry('Write', { path: '/a', text: '1' }), unknowable('Poke', {})];
    const events = await eventsOf(host, tasks);
    expect(told(events)).toEqual(['changed: Write', 'changed: Poke']);
    const warning = 'whether it changes anything cannot be known';
    expect(jsonStream(events)).toContain(`"warnings":["${warning}"]`);
    const junit = new JunitReport({ mayChange: () => true });
    let terminal = '';
    const show = terminalReporter({
      write: (text) => {
        terminal += text;
      },
      ...{ color: false, unicode: true, steps: false, skipped: false, quiet: true, width: 80 },
    });
    const started: PlayEvent = { type: 'play-start', play: 'Play', hosts: ['fake'], tasks: [] };
    for (const event of [started, ...events]) {
      junit.add(event);
      show(event);
    }
    expect(junit.xml()).toContain(`[WARNING]: ${warning}`);
    expect(terminal).toContain(`[WARNING]: ${warning}`);
  });

  test('a run that changed nothing is not looked at again', async () => {
    let reads = 0;
    const task = tiny(() => {
      reads += 1;
      return { state: { value: 'wanted' } };
    })({});
    await eventsOf(new FakeHost(), [task]);
    expect(reads).toBe(1);
  });
});

describe('what ends a host', () => {
  const fine = (title: string): Task => entry(title, { path: `/${title}`, text: 'text' });
  const failing = tiny(
    () => ({}),
    () => [command(['step'])],
  )('Fail', {});

  test('a failed task: the rest is skipped', async () => {
    const host = new FakeHost({ commands: { step: { exitCode: 3 } } });
    const events = await eventsOf(host, [fine('one'), failing, fine('two')]);
    expect(told(events)).toEqual(['changed: one', 'failed: Fail: step failed with exit code 3', 'skipped: two']);
    const failed = events.find((event): event is TaskEnd => event.type === 'task-end' && event.status === 'failed');
    expect(failed?.error).toHaveProperty('context', { host: 'fake', task: 'Fail', location: failing.location });
  });

  test('a lost connection: the task under way is neither done nor skipped, and the error names it', async () => {
    const lost = () => {
      throw new ConnectionError('lost');
    };
    const host = new FakeHost({ commands: { step: lost } });
    const events: PlayEvent[] = [];
    const ended = runOnHost(host, [fine('one'), failing, fine('two')], {}, (event) => events.push(event));
    await expect(ended).rejects.toMatchObject({ message: 'lost', context: { task: 'Fail', host: 'fake' } });
    expect(told(events)).toEqual(['changed: one', 'skipped: two']);
  });

  test('an interruption between two tasks: what follows was not attempted', async () => {
    const controller = new AbortController();
    const step = () => {
      controller.abort();
      return {};
    };
    const seen = ['old', 'wanted'];
    const last = tiny(() => ({ state: { value: seen.shift() ?? 'wanted' } }))('Step', {});
    const events = await eventsOf(new FakeHost({ commands: { step } }), [last, fine('two')], {
      signal: controller.signal,
    });
    expect(told(events)).toEqual(['changed: Step', 'skipped: two']);
  });

  test('an interruption in the midst of a task: it has failed, and says how far it came', async () => {
    const controller = new AbortController();
    const one = () => {
      controller.abort();
      return {};
    };
    const task = tiny(
      () => ({}),
      () => [command(['one']), command(['two'])],
    )('Both', {});
    const events = await eventsOf(new FakeHost({ commands: { one } }), [task, fine('two')], {
      signal: controller.signal,
    });
    expect(told(events)).toEqual(['failed: Both: interrupted after 1 of 2 steps', 'skipped: two']);
  });
});

test.each([true, false])('the times of tasks add up to no more than the run has taken (check: %s)', async (check) => {
  const tasks = Array.from({ length: 5 }, (_, index) =>
    defineModule<object, { value: string }, undefined>({
      name: 'slow',
      desired: () => ({ value: 'wanted' }),
      subject: () => `${index}`,
      read: async () => {
        await new Promise((resolve) => setTimeout(resolve, 40));
        return { state: { value: 'wanted' }, found: undefined };
      },
      plan: () => [],
    })({}),
  );
  const before = performance.now();
  const events = await eventsOf(new FakeHost(), tasks, { check });
  const took = (performance.now() - before) / 1000;
  const seconds = events.flatMap((event) => (event.type === 'task-end' ? [event.seconds] : []));
  expect(seconds).toHaveLength(5);
  expect(seconds.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(took);
});

test('where something has changed, it is told that all tasks are looked at once more', async () => {
  const tasks = [entry({ path: '/1', text: '1' })];
  const host = new FakeHost();
  const phases = async (): Promise<unknown> =>
    (await eventsOf(host, tasks)).map((event) => ('phase' in event ? event.phase : event.type));
  expect(await phases()).toEqual(['task-start', 'task-end', 'verifying']);
  expect(await phases()).toEqual(['task-start', 'task-end']);
});

describe('run', () => {
  const holding = tiny(() => ({ state: { value: 'wanted' }, warnings: ['mind this'] }));
  const failing = tiny(() => ({ missing: [{ key: 'x', what: 'there is no x', remedy: 'make one' }] }));

  test('tells everything by events and a summary, and leaves a failed host out of later plays', async () => {
    const events: PlayEvent[] = [];
    const plays = [
      play({ name: 'First', tasks: [holding({})] }),
      play({ name: 'Second', tasks: [failing({}), holding({})] }),
      play({ name: 'Third', tasks: [holding({})] }),
    ];
    const summary = await run(plays, { check: true, onEvent: (event) => events.push(event) });
    const counts = { ...nothingCounted, ok: 1, failed: 1, skipped: 1, warnings: 1 };
    expect(summary).toEqual({ check: true, hosts: { localhost: counts }, interrupted: false });
    expect(events.map((event) => ('phase' in event ? event.phase : event.type))).toEqual([
      'run-start',
      'play-start',
      'looking',
      'task-end',
      'ended',
      'play-start',
      'looking',
      'task-end',
      'task-end',
      'ended',
      'play-start',
      'run-end',
    ]);
    expect(events[10]).toMatchObject({ play: 'Third', hosts: [] });
  });

  test('in check mode a later play counts on what an earlier one would make on the same host', async () => {
    const volume = play({
      name: 'Volume',
      tasks: [entry('Make the volume', { path: '/nowhere/volume', text: 'v', needs: '/nowhere/pool' })],
    });
    const pool = play({ name: 'Pool', tasks: [entry('Make the pool', { path: '/nowhere/pool', text: 'p' })] });
    const ends = async (list: readonly Play[]): Promise<readonly string[]> => {
      const events: PlayEvent[] = [];
      await run(list, { check: true, onEvent: (event) => events.push(event) });
      return told(events);
    };
    expect(await ends([pool, volume])).toEqual([
      'changed: Make the pool',
      'changed: Make the volume (after: Make the pool)',
    ]);
    expect(await ends([volume, pool])).toEqual([expect.stringMatching(/^failed: Make the volume: there is no file/)]);
  });

  test('an interrupted run begins no other play', async () => {
    const plays = [play({ name: 'First', tasks: [holding({})] })];
    const events: PlayEvent[] = [];
    const summary = await run(plays, { signal: AbortSignal.abort(), onEvent: (event) => events.push(event) });
    expect(summary).toEqual({ check: false, hosts: {}, interrupted: true });
    expect(events.map(({ type }) => type)).toEqual(['run-start', 'run-end']);
  });

  test('an unknown variable is an error before anything is attempted', async () => {
    const events: PlayEvent[] = [];
    const site = play({ name: 'First', vars: { memory: 512 }, tasks: [holding({})] });
    const ended = run(site, { vars: { memry: 1 }, onEvent: (event) => events.push(event) });
    await expect(ended).rejects.toThrow(new PlaybookError("the site has no variable 'memry'; did you mean 'memory'?"));
    expect(events).toEqual([]);
  });
});
