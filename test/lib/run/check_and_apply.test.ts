import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { runOnHost } from '../../../lib/run/host_run.ts';
import { assert, block, later, type PlayItem } from '../../../lib/site/play_items.ts';
import type { Task, TaskOptions } from '../../../lib/task/task.ts';
import type { FakeHost } from '../../../lib/testing/index.ts';
import { config, entry, loader, loadingHost } from '../../support/tiny_modules.ts';

/** What a random play is made of. Places are numbers: they choose among the tasks that came before. */
type Part =
  | { readonly kind: 'entry' | 'config'; readonly path: string; readonly text: string; readonly more: More }
  | { readonly kind: 'loader'; readonly mask: number }
  | { readonly kind: 'assert' | 'later'; readonly place: number }
  | {
      readonly kind: 'block';
      readonly inside: readonly Part[];
      readonly rescue: readonly Part[] | undefined;
      readonly always: readonly Part[];
    };

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

const { parts } = fc.letrec<{ parts: readonly Part[]; part: Part }>((tie) => ({
  parts: fc.array(tie('part'), { minLength: 1, maxLength: 6 }),
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ kind: fc.constantFrom('entry' as const, 'config' as const), path, text, more }),
    fc.record({ kind: fc.constant('loader' as const), mask: fc.nat(255) }),
    fc.record({ kind: fc.constantFrom('assert' as const, 'later' as const), place: fc.nat(20) }),
    fc.record({
      kind: fc.constant('block' as const),
      inside: tie('parts'),
      rescue: fc.option(tie('parts'), { nil: undefined }),
      always: fc.oneof(fc.constant([]), tie('parts')),
    }),
  ),
}));

/** Makes the items of a play. Of one file only one task of a kind is made: two could never both hold, which is refused. */
function itemsOf(all: readonly Part[]): readonly PlayItem[] {
  const tasks: Task[] = [];
  let made = 0;
  const item = (part: Part): readonly PlayItem[] => {
    switch (part.kind) {
      case 'entry':
      case 'config': {
        if (tasks.some(({ subject }) => subject === part.path)) return [];
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

/** What a run came to, a line a task, and what nobody could know beforehand. */
async function told(
  host: FakeHost,
  items: readonly PlayItem[],
  check: boolean,
): Promise<{ ends: string[]; unknown: boolean }> {
  const events: PlayEvent[] = [];
  await runOnHost(host, items, { check }, (event) => events.push(event));
  const ends = events.flatMap((event) => {
    if (event.type === 'host-failed') return [`host failed: ${event.error.message}`];
    if (event.type !== 'task-end') return [];
    return [`${event.task.title} ${event.status} ${event.handling ?? ''} ${event.reason ?? ''}`];
  });
  const warnings = events.flatMap((event) => (event.type === 'task-end' ? (event.result?.warnings ?? []) : []));
  return { ends, unknown: warnings.some((warning) => warning.startsWith("what 'until' waits for")) };
}

describe('check mode', () => {
  test('says of every random play what apply does, and the next run agrees with both', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(parts, fc.dictionary(path, text), async (all, files) => {
        const items = itemsOf(all);
        const host = loadingHost({ files: { '/etc/os-release': 'ID=debian\n', ...files } });
        const before = Object.fromEntries(host.files);
        const checked = await told(host, items, true);
        expect([Object.fromEntries(host.files), host.executed, host.locked]).toEqual([before, [], false]);
        // Where something else must bring a state about, check mode says that it cannot know.
        if (checked.unknown) return;
        compared += 1;
        expect((await told(host, items, false)).ends).toEqual(checked.ends);
        const again = await told(host, items, true);
        if (!again.unknown) expect((await told(host, items, false)).ends).toEqual(again.ends);
      }),
      { numRuns: 200, seed: 7 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});
