import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { defineModule, type Module } from '../../../lib/engine/define_module.ts';
import { UnsupportedChangeError } from '../../../lib/errors.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { networkChange } from '../../../lib/network_change/network_change.ts';
import { linksScript, wayScript } from '../../../lib/network_change/network_state.ts';
import { runOnHost } from '../../../lib/run/host_run.ts';
import { assert, block, fail, later, type PlayItem } from '../../../lib/site/play_items.ts';
import type { Task, TaskOptions } from '../../../lib/task/task.ts';
import type { FakeHost } from '../../../lib/testing/index.ts';
import { config, entry, loader, loadingHost } from '../../support/tiny_modules.ts';

/** What a random play is made of. Places are numbers: they choose among the tasks that came before. */
type Part =
  | { readonly kind: 'entry' | 'config'; readonly path: string; readonly text: string; readonly more: More }
  | { readonly kind: 'loader'; readonly mask: number }
  | { readonly kind: 'assert' | 'later' | 'fail'; readonly place: number }
  | { readonly kind: 'refused'; readonly more: More }
  | { readonly kind: 'change'; readonly tasks: readonly ChangePart[] }
  | {
      readonly kind: 'block';
      readonly inside: readonly Part[];
      readonly rescue: readonly Part[] | undefined;
      readonly always: readonly Part[];
    };

/** A task of a network change. It has no condition of its own. */
interface ChangePart {
  readonly kind: 'entry' | 'config' | 'refused' | 'locked out';
  readonly path: string;
  readonly text: string;
  readonly needs: string | undefined;
}

interface More {
  readonly when: 'always' | 'never' | 'changed' | 'skipped' | 'failed';
  readonly place: number;
  readonly needs: string | undefined;
  readonly mayFail: boolean;
  readonly until: 'none' | 'its text';
}

const path = fc.constantFrom('/a', '/b', '/c', '/d', '/e', '/f');
const text = fc.constantFrom('1', '2');
const more: fc.Arbitrary<More> = fc.record({
  when: fc.constantFrom('always', 'always', 'always', 'never', 'changed', 'skipped', 'failed'),
  place: fc.nat(20),
  needs: fc.option(fc.constantFrom('/a', '/b', '/never'), { nil: undefined, freq: 4 }),
  mayFail: fc.boolean(),
  until: fc.constantFrom('none', 'its text'),
});

const changePart: fc.Arbitrary<ChangePart> = fc.record({
  kind: fc.constantFrom('entry', 'config', 'entry', 'config', 'entry', 'config', 'refused', 'locked out'),
  path,
  text,
  needs: fc.option(fc.constantFrom('/a', '/b', '/never'), { nil: undefined, freq: 6 }),
});

/** A task that has something to do, and whose plan is refused. */
const refused: Module<object> = defineModule<object, { value: string }, undefined>({
  name: 'refused',
  desired: () => ({ value: 'wanted' }),
  subject: () => 'it',
  read: async () => ({ state: {}, found: undefined }),
  plan: () => {
    throw new UnsupportedChangeError('there is no such way');
  },
});

/** A task that holds, and with which no network change is allowed. */
const lockedOut: Module<object> = defineModule<object, { value: string }, undefined>({
  name: 'locked_out',
  desired: () => ({ value: 'wanted' }),
  subject: () => 'it',
  read: async () => ({
    state: { value: 'wanted' },
    found: undefined,
    network: { links: [], lockout: ['it would leave the host without its network'] },
  }),
  plan: () => [],
});

const { parts } = fc.letrec<{ parts: readonly Part[]; part: Part }>((tie) => ({
  parts: fc.array(tie('part'), { minLength: 1, maxLength: 6 }),
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ kind: fc.constantFrom('entry' as const, 'config' as const), path, text, more }),
    fc.record({ kind: fc.constant('loader' as const), mask: fc.nat(255) }),
    fc.record({ kind: fc.constantFrom('assert' as const, 'later' as const, 'fail' as const), place: fc.nat(20) }),
    fc.record({ kind: fc.constant('refused' as const), more }),
    fc.record({ kind: fc.constant('change' as const), tasks: fc.array(changePart, { minLength: 1, maxLength: 4 }) }),
    fc.record({
      kind: fc.constant('block' as const),
      inside: tie('parts'),
      rescue: fc.option(tie('parts'), { nil: undefined }),
      always: fc.oneof(fc.constant([]), tie('parts')),
    }),
  ),
}));

/** Makes the items of a play. Of one file only one task is made: what a second one would do is known only once the first has written. */
function itemsOf(all: readonly Part[]): readonly PlayItem[] {
  const tasks: Task[] = [];
  let made = 0;
  const isTaken = (path: string): boolean => tasks.some(({ subject }) => subject === path);
  const changeOf = (inside: readonly ChangePart[]): readonly PlayItem[] => {
    const own = inside.flatMap((part): readonly Task[] => {
      const { path, text, needs } = part;
      if (part.kind === 'refused') return [refused({})];
      if (part.kind === 'locked out') return [lockedOut({})];
      if (isTaken(path)) return [];
      const task =
        part.kind === 'entry'
          ? entry({ path, text, ...(needs !== undefined && needs !== path && { needs }) })
          : config({ path, text, provides: [`file:${path}`] });
      tasks.push(task);
      return [task];
    });
    if (own.length === 0) return [];
    const reflects = own.filter(({ module }) => module === 'config');
    const load = loader({ reflects, disturbs: 'link', disrupts: ['link'] });
    return [networkChange({ confirmWithin: 60 }, reflects.length > 0 ? [...own, load] : own)];
  };
  const item = (part: Part): readonly PlayItem[] => {
    switch (part.kind) {
      case 'entry':
      case 'config': {
        if (isTaken(part.path)) return [];
        const { needs } = part.more;
        const own = optionsOf(part.more, part.text, tasks);
        const args = { path: part.path, text: part.text, ...own };
        const task =
          part.kind === 'entry'
            ? entry({ ...args, ...(needs !== undefined && needs !== part.path && { needs }) })
            : config({ ...args, loadedLater: true, provides: [`file:${part.path}`] });
        tasks.push(task);
        return [task];
      }
      case 'loader': {
        const reflects = tasks.filter(({ module }, index) => module === 'entry' && (part.mask >> (index % 8)) & 1);
        const task = loader({ reflects });
        return [task];
      }
      case 'refused': {
        const task = refused(optionsOf({ ...part.more, until: 'none' }, '', tasks));
        tasks.push(task);
        return [task];
      }
      case 'change':
        return changeOf(part.tasks);
      case 'fail': {
        const earlier = tasks[part.place % Math.max(1, tasks.length)];
        return [fail('Give up', { when: (known) => earlier !== undefined && known.failed(earlier) })];
      }
      case 'assert':
        return [assert('It has had its turn', (known) => tasks.every((task) => !known.failed(task) || task.mayFail))];
      case 'later': {
        const earlier = tasks[part.place % Math.max(1, tasks.length)];
        made += 1;
        const note = entry('Note', { path: `/note${made}`, text: 'noted' });
        return [later('Made', (known) => (earlier !== undefined && known.changed(earlier) ? note : undefined))];
      }
      case 'block': {
        const inside = part.inside.flatMap(item);
        if (inside.length === 0) return [];
        const rescue = part.rescue?.flatMap(item);
        return [block('Block', inside, { ...(rescue && { rescue }), always: part.always.flatMap(item) })];
      }
    }
  };
  return all.flatMap(item);
}

function optionsOf(
  { when, place, mayFail, until }: More,
  wanted: string,
  earlier: readonly Task[],
): TaskOptions<{ readonly text: string }> {
  const other = earlier[place % Math.max(1, earlier.length)];
  const retry = { attempts: 2, interval: 0 };
  return {
    mayFail,
    ...(when === 'never' && { when: () => false }),
    ...(other !== undefined && when !== 'always' && when !== 'never' && { when: (known) => known[when](other) }),
    ...(until === 'its text' && { until: (state) => state.text === wanted, retry }),
  };
}

/**
 * A host on which `load` puts all files in force, as those are that are there from the start, and which carries out network changes as the program on the host
 * does.
 */
function newHost(files: Readonly<Record<string, string>>): FakeHost {
  const status = { state: 'none', id: '' };
  const answers = {
    'sh -c printf %s "$SSH_CONNECTION"': { stdout: '192.168.221.1 5 192.168.221.150 22' },
    'ip -o address show': { stdout: '2: ens33    inet 192.168.221.150/24 scope global ens33\n' },
    'ip -4 route show default': { stdout: 'default via 192.168.221.1 dev ens33\n' },
    'ip -6 route show default': {},
    [`sh -c ${wayScript()}`]: { stdout: '192.168.221.1 from 192.168.221.150 dev ens33 uid 0 \n    cache \n' },
    [`sh -c ${linksScript()}`]: { stdout: 'ens33 52:54:00:aa:00:01 \n' },
    'sh /var/lib/kvm-play/change/program status': () => ({
      stdout: `state ${status.state}\nid ${status.id}\ntitle net\nowner me\nfingerprint x\nage 3\nleft 7\n`,
    }),
  };
  const live = Object.fromEntries(Object.entries(files).map(([path, text]) => [`live ${path}`, { stdout: text }]));
  return loadingHost({
    files: { '/etc/os-release': 'ID=debian\n', ...files },
    commands: { ...answers, ...live },
    onStep: ([tool, , call, id = ''], host) => {
      if (tool === 'load') {
        for (const [path, text] of host.files) host.commands.set(`live ${path}`, { stdout: text });
      } else if (call === 'begin') Object.assign(status, { state: 'armed', id });
      else if (call === 'confirm') status.state = 'confirmed';
      return {};
    },
  });
}

/** What a run came to: a line a task, with its steps; the plans of network changes; and whether something could not be known. */
interface Report {
  readonly ends: readonly string[];
  readonly plans: readonly string[];
  readonly isUnknown: boolean;
}

async function reportOf(host: FakeHost, items: readonly PlayItem[], check: boolean): Promise<Report> {
  const events: PlayEvent[] = [];
  await runOnHost(host, items, { check }, (event) => events.push(event));
  const ends = events.flatMap((event) => {
    if (event.type === 'host-failed') return [`host failed: ${event.error.message}`];
    if (event.type !== 'task-end') return [];
    const { task, status, handling, reason, error, result } = event;
    const steps = result?.steps.map((step) => ('path' in step ? `${step.kind} ${step.path}` : step.argv.join(' ')));
    // Check mode does not try again what waiting alone cannot bring about.
    const message = error?.message.replace(/\nit was tried \d+ times$/, '');
    return [JSON.stringify({ title: task.title, status, handling, reason, message, steps })];
  });
  const plans = events.flatMap((event) =>
    event.type === 'network-change' && event.plan ? [`${event.title} ${JSON.stringify(event.plan)}`] : [],
  );
  const warnings = events.flatMap((event) => (event.type === 'task-end' ? (event.result?.warnings ?? []) : []));
  return { ends, plans, isUnknown: warnings.some((warning) => warning.startsWith("what 'until' waits for")) };
}

describe('check mode', () => {
  test('says of every random play what apply does, and the next run agrees with both', async () => {
    const seen = { compared: 0, changes: 0, refusedChanges: 0, handled: 0 };
    await fc.assert(
      fc.asyncProperty(parts, fc.dictionary(path, text), async (all, files) => {
        const items = itemsOf(all);
        const host = newHost(files);
        const before = Object.fromEntries(host.files);
        const checked = await reportOf(host, items, true);
        expect([Object.fromEntries(host.files), host.executed, host.locked]).toEqual([before, [], false]);
        // Where something else must bring a state about, check mode says that it cannot know.
        if (checked.isUnknown) return;
        seen.compared += 1;
        seen.changes += checked.plans.length;
        seen.refusedChanges += checked.ends.some((line) => line.includes('without its network')) ? 1 : 0;
        seen.handled += checked.ends.some((line) => line.includes('"handling"')) ? 1 : 0;
        expect(await reportOf(host, items, false)).toEqual(checked);
        const again = await reportOf(host, items, true);
        if (!again.isUnknown) expect(await reportOf(host, items, false)).toEqual(again);
      }),
      { numRuns: 150, seed: 7 },
    );
    expect(seen.compared).toBeGreaterThan(75);
    expect(Math.min(seen.changes, seen.refusedChanges, seen.handled)).toBeGreaterThan(3);
  });
});
