import { describe, expect, test } from '@jest/globals';
import { PlanError } from '../../../lib/errors.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { planOf } from '../../../lib/review/plan_of.ts';
import type { PlayItem } from '../../../lib/site/play_items.ts';
import { secret } from '../../../lib/task/secret.ts';
import { command, makeDirectory, removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { planFor, runEvents, stepsOf } from '../../support/plans.ts';
import { config, entry, tiny } from '../../support/tiny_modules.ts';

const taking = (steps: readonly Step[]): PlayItem =>
  tiny(
    () => ({ warnings: ['mind the step'] }),
    () => steps,
  )('Take steps', {});

describe('planOf', () => {
  test('holds the tasks in order, with everything that their steps do', async () => {
    const before = { path: '/old', text: 'old\n', encoding: 'utf8' as const };
    const steps = [
      command(['load', 'it'], { timeLimit: 5, judgedBy: 'state', units: ['it'], undo: { withOldFiles: [['unload']] } }),
      writeFile('/new', 'new\n', { mode: 0o600 }),
      writeFile('/old', 'newer\n', { before }),
      makeDirectory('/d', { mode: 0o700 }),
      removeFile('/gone', { before: { ...before, path: '/gone' } }),
    ];
    const fine = entry('Fine', { path: '/fine', text: 'fine' });
    const unwanted = entry('Unwanted', { path: '/no', text: 'no', when: () => false });
    const items = [fine, taking(steps), unwanted];
    const plan = await planFor(new FakeHost({ files: { '/fine': 'fine' } }), items);
    const hash = '01d09d19c2139a46aebfb577780d123d7396e97201bc7ead210a2ebff8239dee';
    expect(plan).toEqual({
      type: 'kvm-play-plan',
      version: 2,
      made: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      salt: expect.stringMatching(/^[0-9a-f]{32}$/),
      plays: [
        {
          play: 'Play',
          hosts: [
            {
              host: 'fake',
              networkChanges: [],
              tasks: [
                {
                  ...{ index: 0, title: 'Fine', module: 'entry', fingerprint: fine.fingerprint, status: 'ok' },
                  ...{ differences: [], warnings: [], steps: [] },
                },
                {
                  ...{ index: 1, title: 'Take steps', module: 'tiny', fingerprint: expect.any(String) },
                  status: 'changed',
                  differences: [{ path: 'value', wanted: 'wanted' }],
                  warnings: ['mind the step'],
                  steps: [
                    {
                      ...{ kind: 'command', argv: ['load', 'it'], timeLimit: 5, judgedBy: 'state', units: ['it'] },
                      undo: { withOldFiles: [['unload']] },
                    },
                    { kind: 'write', path: '/new', text: 'new\n', mode: 0o600 },
                    { kind: 'write', path: '/old', text: 'newer\n', replaces: hash },
                    { kind: 'directory', path: '/d', mode: 0o700 },
                    { kind: 'remove', path: '/gone', replaces: hash },
                  ],
                },
                {
                  ...{ index: 2, title: 'Unwanted', module: 'entry', fingerprint: unwanted.fingerprint },
                  ...{ status: 'skipped', reason: "the condition of 'Unwanted' does not hold" },
                  ...{ differences: [], warnings: [], steps: [] },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test('is made of events as they come', async () => {
    const all = await runEvents(new FakeHost(), [entry({ path: '/a', text: 'a' })], { check: true });
    async function* later(): AsyncGenerator<PlayEvent> {
      yield* all;
    }
    expect(stepsOf(await planOf(later()))).toEqual([{ kind: 'write', path: '/a', text: 'a' }]);
  });

  describe('of secrets', () => {
    process.env.PLAN_SECRET = 'hunter2-and-more';
    const password = secret.env('PLAN_SECRET');
    const steps = [
      command(['log-in', 'hunter1'], { secret: [1] }),
      command(['define'], { stdin: '<password>hunter3</password>' }),
      writeFile('/secret', password),
      writeFile('/plain', 'it is hunter2-and-more by chance'),
    ];
    const sealed = { seal: expect.stringMatching(/^[0-9a-f]{64}$/) };

    test('holds a seal, and nothing that can be read', async () => {
      await password.reveal();
      const plan = await planFor(new FakeHost(), [taking(steps)]);
      expect(JSON.stringify(plan)).not.toMatch(/hunter/);
      expect(stepsOf(plan)).toEqual([
        { kind: 'command', argv: ['log-in', '***'], ...sealed },
        { kind: 'command', argv: ['define'], stdin: '***', ...sealed },
        { kind: 'write', path: '/secret', secret: true, ...sealed },
        { kind: 'write', path: '/plain', text: 'it is *** by chance', ...sealed },
      ]);
    });

    test('the digests of two plans have nothing in common', async () => {
      const digests = async (): Promise<readonly unknown[]> =>
        stepsOf(await planFor(new FakeHost(), [taking(steps.slice(0, 1))])).map((step) => Object(step).seal);
      expect(await digests()).not.toEqual(await digests());
    });
  });

  describe('refuses', () => {
    const fine = entry({ path: '/fine', text: 'fine' });
    const refusal = async (events: readonly PlayEvent[]): Promise<string> => {
      const error: unknown = await planOf(events).catch((thrown) => thrown);
      if (!(error instanceof PlanError)) throw new Error('it was not refused');
      return error.message;
    };

    test('what failed', async () => {
      const needy = entry({ path: '/a', text: 'a', needs: '/missing' });
      expect(await refusal(await runEvents(new FakeHost(), [needy], { check: true }))).toBe(
        'no plan was made\n[fake] failed: what cannot be checked cannot be reviewed',
      );
    });

    test('a host that was not reached, a run that was interrupted, has no end, or was none in check mode', async () => {
      const unreached = (await runEvents(new FakeHost(), [fine], { check: true })).map((event): PlayEvent => {
        if (event.type !== 'run-end') return event;
        const { fake } = event.summary.hosts;
        if (fake === undefined) throw new Error('the host is not in the summary');
        return { ...event, summary: { ...event.summary, hosts: { fake: { ...fake, unreachable: 1 } } } };
      });
      expect(await refusal(unreached)).toMatch(/\[fake\] was not reached/);
      const interrupted = await runEvents(new FakeHost(), [fine], { check: true, interrupted: true });
      expect(await refusal(interrupted)).toMatch(/the run was interrupted/);
      expect(await refusal(interrupted.slice(0, -1))).toMatch(/the run has no end/);
      expect(await refusal(await runEvents(new FakeHost(), [fine]))).toMatch(/the run was none in check mode/);
    });

    test('two tasks that change one file: what the second does is known only after the first', async () => {
      const tasks = [
        entry('One', { path: '/a', text: '1' }),
        config('Two', { path: '/a', text: '2', loadedLater: true }),
      ];
      expect(await refusal(await runEvents(new FakeHost(), tasks, { check: true }))).toMatch(
        /^no plan was made\n\[fake\] 'One' and 'Two' both change \/a, so .* make one task of them/,
      );
    });
  });
});
