import { describe, expect, test } from '@jest/globals';
import { PlanMismatchError, PlaybookError } from '../../../lib/errors.ts';
import { taskName } from '../../../lib/events/events.ts';
import type { Plan } from '../../../lib/review/plan.ts';
import { type RunOptions, run } from '../../../lib/run/run.ts';
import { type Play, play } from '../../../lib/site/play.ts';
import { block, later, leavesOf, type PlayItem } from '../../../lib/site/play_items.ts';
import { entry } from '../../support/tiny_modules.ts';

/** The plan of plays that have nothing to do. */
function planned(
  ...plays: readonly (readonly [play: string, hosts: readonly string[], items: readonly PlayItem[]])[]
): Plan {
  return {
    type: 'kvm-play-plan',
    version: 2,
    made: '2026-01-01T00:00:00.000Z',
    salt: '00',
    plays: plays.map(([name, hosts, items]) => ({
      play: name,
      hosts: hosts.map((host) => ({
        host,
        networkChanges: [],
        tasks: leavesOf(items).map((leaf, index) => {
          const { location: _location, ...named } = taskName(leaf, index);
          return { ...named, status: 'ok', differences: [], warnings: [], steps: [] };
        }),
      })),
    })),
  };
}

/** Runs plays on hosts that do not exist. @returns why it was refused; the hosts that were attempted when it was not */
async function outcome(plays: Play | readonly Play[], plan: Plan, options: RunOptions = {}): Promise<unknown> {
  try {
    const signal = AbortSignal.abort();
    const { hosts } = await run(plays, { ...options, plan, signal });
    return hosts;
  } catch (error) {
    if (error instanceof PlanMismatchError) return error.message.split('\n').slice(1);
    throw error;
  }
}

const task = (title: string, text = title): PlayItem => entry(title, { path: `/${title}`, text });
const made = later('Make', () => []);
const site = (items: readonly PlayItem[], name = 'Play'): Play => play({ name, hosts: ['a', 'b'], tasks: items });
const accepted = {};

describe('before anything is attempted, a plan is held against the site', () => {
  const items = [task('one'), made, block('Block', [task('two')], { rescue: [task('three')] })];
  const plan = planned(['Play', ['a', 'b'], items]);

  test('the same one is accepted', async () => {
    expect(await outcome(site(items), plan)).toEqual(accepted);
  });

  test('one with a rescue that was not foreseen, and with tasks that are made in their turn, is accepted', async () => {
    const foreseen = planned(['Play', ['a', 'b'], items]).plays.map(({ play, hosts }) => ({
      play,
      hosts: hosts.map((host) => ({
        ...host,
        tasks: host.tasks
          .filter(({ title }) => title !== 'three')
          .map((each) => (each.module === 'later' ? { ...each, module: 'entry', title: 'made' } : each)),
      })),
    }));
    expect(await outcome(site(items), { ...plan, plays: foreseen })).toEqual(accepted);
  });

  test.each<[string, Play | readonly Play[], readonly string[]]>([
    ['another play', site(items, 'Other'), ["plays: planned 'Play', now 'Other'"]],
    ['one play more', [site(items), site(items, 'More')], ["plays: planned 'Play', now 'Play', 'More'"]],
    [
      'a task with other arguments',
      site([task('one', 'other'), ...items.slice(1)]),
      ["[a] 'one' has other arguments than planned", "[b] 'one' has other arguments than planned"],
    ],
    [
      'another task',
      play({ name: 'Play', hosts: ['a', 'b'], tasks: [task('zero'), ...items.slice(1)] }),
      ["[a] planned 'one' (entry), now 'zero' (entry)", "[b] planned 'one' (entry), now 'zero' (entry)"],
    ],
    [
      'a task less',
      site(items.slice(0, 2)),
      ['a', 'b'].flatMap((host) =>
        ['two', 'three'].map((title) => `[${host}] planned '${title}', and now there is no such task`),
      ),
    ],
    ['a task more', site([...items, task('four')]), ["[a] 'four' is not in the plan", "[b] 'four' is not in the plan"]],
    [
      'other hosts',
      play({ name: 'Play', hosts: ['b', 'c'], tasks: items }),
      ["[a] is in the plan of 'Play', and not in this run", "[c] is in this run of 'Play', and not in the plan"],
    ],
  ])('one with %s is refused', async (_what, plays, lines) => {
    expect(await outcome(plays, plan)).toEqual(lines);
  });

  test('of many differences the first are listed', async () => {
    const many = Array.from({ length: 15 }, (_, index) => task(`t${index}`));
    const others = many.map((_, index) => task(`t${index}`, 'other'));
    const lines = await outcome(site(others), planned(['Play', ['a', 'b'], many]));
    expect(lines).toHaveLength(21);
    expect(lines).toEqual(expect.arrayContaining(['and 10 more']));
  });

  test('with a limit hosts of the plan may be left out, and none comes in', async () => {
    expect(await outcome(site(items), plan, { limit: 'b' })).toEqual(accepted);
    expect(await outcome(site(items), planned(['Play', ['a'], items]), { limit: 'b' })).toEqual([
      "[b] is in this run of 'Play', and not in the plan",
    ]);
  });

  test('in check mode there is none to be applied', async () => {
    await expect(outcome(site(items), plan, { check: true })).rejects.toThrow(PlaybookError);
  });
});
