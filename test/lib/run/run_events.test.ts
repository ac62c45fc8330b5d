import { describe, expect, test } from '@jest/globals';
import { defineModule, type Module } from '../../../lib/engine/define_module.ts';
import { PlaybookError } from '../../../lib/errors.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { events } from '../../../lib/run/run_events.ts';
import { play } from '../../../lib/site/play.ts';
import { command } from '../../../lib/task/step.ts';

/** Waits on this very machine for so many seconds; what it wants is never so, unless it is `so`. */
const wait: Module<{ value: string; seconds: number }> = defineModule({
  name: 'wait',
  desired: ({ value, seconds }: { value: string; seconds: number }) => ({ value, seconds }),
  subject: ({ value }) => value,
  read: async (host, wanted) => {
    await host.query(['sleep', String(wanted.seconds)]);
    return { state: { ...wanted, value: 'so' }, found: undefined };
  },
  plan: (_seen, { value }) => [command(['make-it', value])],
});

const site = (name: string, value = 'so', seconds = 0): ReturnType<typeof play> =>
  play({ name, tasks: [wait('One', { value, seconds }), wait('Two', { value, seconds })] });

async function titles(name: string): Promise<readonly string[]> {
  const told: string[] = [];
  for await (const event of events(site(name, 'so', 0.2), { check: true })) {
    if (event.type !== 'host-phase') told.push(event.type === 'play-start' ? event.play : event.type);
  }
  return told;
}

describe('events', () => {
  test('come one by one, and the summary past the last', async () => {
    const run = events(site('One play'));
    const types: string[] = [];
    for (;;) {
      const { done, value } = await run.next();
      if (done) {
        expect(value.hosts.localhost).toMatchObject({ ok: 2 });
        break;
      }
      types.push(value.type);
    }
    const task = ['task-start', 'task-end'];
    const host = 'host-phase';
    expect(types).toEqual(['run-start', 'play-start', host, ...task, ...task, host, 'run-end']);
  });

  test('of two runs at once do not mix', async () => {
    const told = (name: string): readonly string[] => ['run-start', name, 'task-end', 'task-end', 'run-end'];
    expect(await Promise.all([titles('A'), titles('B')])).toEqual([told('A'), told('B')]);
  });

  test('are left by breaking off the run', async () => {
    const seen: string[] = [];
    const onEvent = (event: PlayEvent): void => {
      seen.push(event.type === 'task-end' ? event.status : event.type);
    };
    for await (const event of events(site('Left', 'so', 0.5), { onEvent })) {
      if (event.type === 'play-start') break;
    }
    // Once the loop is left the run is over, and no task was applied.
    expect(seen).toEqual(expect.arrayContaining(['skipped', 'run-end']));
    expect(seen).not.toContain('ok');
    const after = seen.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(seen).toHaveLength(after);
  });

  test('end with what was wrong before anything was attempted', async () => {
    const run = events(site('Wrong'), { vars: { none: 1 } });
    await expect(run.next()).rejects.toThrow(PlaybookError);
  });

  test('are ended by the caller’s own signal', async () => {
    const controller = new AbortController();
    let interrupted: boolean | undefined;
    for await (const event of events(site('Aborted', 'so', 0.3), { signal: controller.signal })) {
      if (event.type === 'play-start') controller.abort();
      if (event.type === 'run-end') interrupted = event.summary.interrupted;
    }
    expect(interrupted).toBe(true);
  });
});
