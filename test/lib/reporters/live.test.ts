import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { CommandError, ConnectionError } from '../../../lib/errors.ts';
import type { NetworkChangePhase, PlayEvent, TaskName } from '../../../lib/events/events.ts';
import { type LiveOptions, LiveView, type Size } from '../../../lib/reporters/live.ts';

const task = (index: number, title: string): TaskName => ({ index, title, module: 'tiny', location: undefined });
const bridge = task(0, 'Create the bridge');
const guest = task(1, 'Create the guest');

/** Events, and the seconds after which they come. */
type Told = readonly (readonly [seconds: number, event: PlayEvent])[];

function linesOf(
  told: Told,
  seconds: number,
  { columns = 80, rows = 24, ...options }: Partial<Size & LiveOptions> = {},
): readonly string[] {
  const view = new LiveView({ color: false, unicode: true, ...options });
  for (const [at, event] of told) view.add(event, at * 1000);
  return view.lines(seconds * 1000, { columns, rows });
}

const begun = (hosts: readonly string[]): Told => [
  [0, { type: 'run-start', check: false }],
  [0, { type: 'play-start', play: 'A bridge', hosts, tasks: [bridge, guest] }],
];
const phase = (host: string, phase: 'connecting' | 'looking' | 'verifying' | 'ended'): PlayEvent => {
  return { type: 'host-phase', host, phase };
};
const starts = (host: string, task: TaskName): PlayEvent => ({ type: 'task-start', host, task });
const ends = (host: string, task: TaskName, status: 'ok' | 'skipped' = 'ok'): PlayEvent => {
  return { type: 'task-end', host, task, status, seconds: 1 };
};

test('each host that is at work has a line, and all of them have a bar', () => {
  const told: Told = [
    ...begun(['kvm1', 'kvm2.example.org', 'kvm3', 'kvm4']),
    [0, phase('kvm1', 'connecting')],
    [0, phase('kvm2.example.org', 'connecting')],
    [0, phase('kvm4', 'looking')],
    [1, phase('kvm1', 'looking')],
    [2, starts('kvm1', bridge)],
    [3, ends('kvm1', bridge)],
    [3, starts('kvm1', guest)],
    [4, ends('kvm4', bridge)],
    [4, ends('kvm4', guest)],
  ];
  expect(linesOf(told, 12.9)).toEqual([
    '',
    'kvm1              1/2   9 s  Create the guest',
    'kvm2.example.org  0/2  12 s  connecting',
    'kvm3              0/2  12 s  waiting',
    'kvm4              2/2   8 s  going on',
    '━━━━━━━━━━━───────────────────  3 of 8 tasks, 0 of 4 hosts, 12 s',
  ]);
  const later: Told = [...told, [13, phase('kvm4', 'ended')], [60, phase('kvm1', 'verifying')]];
  expect(linesOf(later, 3725)).toEqual([
    '',
    'kvm1              1/2  1:01:05  looking at all tasks once more',
    'kvm2.example.org  0/2  1:02:05  connecting',
    'kvm3              0/2  1:02:05  waiting',
    '━━━━━━━━━━━───────────────────  3 of 8 tasks, 1 of 4 hosts, 1:02:05',
  ]);
});

test('where nothing is known yet, or the window is too small, there is nothing', () => {
  expect(linesOf([[0, { type: 'run-start', check: false }]], 1)).toEqual([]);
  expect(linesOf(begun(['kvm1']), 1, { rows: 5 })).toEqual([]);
  expect(linesOf(begun(['kvm1']), 1, { columns: 19 })).toEqual([]);
  expect(linesOf(begun(['kvm1']), 1, { columns: Number.NaN, rows: Number.NaN })).toEqual([]);
  expect(linesOf(begun(['kvm1']), 1, { columns: 20, rows: 6 })).toHaveLength(3);
});

test('a second run does not show what the first one came to', () => {
  expect(linesOf([...begun(['kvm1']), [9, { type: 'run-start', check: false }]], 9)).toEqual([]);
  expect(linesOf([...begun(['kvm1']), ...begun(['kvm2'])], 1).join()).not.toContain('kvm1');
});

describe('what is counted', () => {
  test('are failures, each host once, and none that somebody deals with', () => {
    const error = new CommandError('no', { argv: ['x'], exitCode: 1, stderr: '' });
    const fails = (host: string): PlayEvent => {
      return { type: 'task-end', host, task: bridge, status: 'failed', error, seconds: 1 };
    };
    const told: Told = [
      ...begun(['kvm1', 'kvm2', 'kvm3']),
      [1, fails('kvm1')],
      [1, { type: 'host-failed', host: 'kvm1', error }],
      [1, { type: 'host-unreachable', host: 'kvm2', error: new ConnectionError('gone') }],
      [1, { type: 'task-end', host: 'kvm3', task: bridge, status: 'failed', handling: 'ignored', error, seconds: 1 }],
    ];
    expect(linesOf(told, 2).at(-1)).toMatch(/ 2 of 6 tasks, 0 of 3 hosts, 2 failed, 2 s$/);
  });

  test('is what a host really had to do', () => {
    const more: Told = [...begun(['kvm1']), ...[0, 1, 2].map((at) => [at, ends('kvm1', task(at, 'Made'))] as const)];
    expect(linesOf(more, 3)[1]).toMatch(/^kvm1 {2}3\/3 /);
    const fewer: Told = [...begun(['kvm1', 'kvm2']), [1, ends('kvm1', bridge)], [1, phase('kvm1', 'ended')]];
    expect(linesOf(fewer, 2).at(-1)).toMatch(/ 1 of 3 tasks, 1 of 2 hosts, 2 s$/);
  });
});

describe('a network change', () => {
  const change = (phase: NetworkChangePhase, more: object = {}): PlayEvent => {
    return { type: 'network-change', host: 'kvm1', title: 'Move', phase, ...more };
  };
  const plan = { confirmWithin: 90, files: [], proves: [] };
  const armed: Told = [
    ...begun(['kvm1']),
    [1, change('looking')],
    [2, change('arming', { plan })],
    [3, change('armed', { id: '1' })],
  ];

  test('shows its steps, and what is left until the host goes back', () => {
    expect(linesOf(armed.slice(0, -1), 2)[1]).toBe('kvm1  0/2  0 s  Move: arming the rollback');
    expect(linesOf(armed, 3)[1]).toBe('kvm1  0/2  0 s  (rolls back in 89 s) Move: armed');
    const applying: Told = [
      ...armed,
      [4, starts('kvm1', bridge)],
      [4, change('applying', { reason: 'Create the bridge' })],
    ];
    expect(linesOf(applying, 6)[1]).toBe('kvm1  0/2  2 s  (rolls back in 86 s) Move: applying Create the bridge');
    const proving: Told = [...applying, [20, change('reached')], [21, change('proving')]];
    expect(linesOf(proving, 21.5)[1]).toBe('kvm1  0/2  0 s  (rolls back in 71 s) Move: proving');
    expect(linesOf(proving, 100)[1]).toBe('kvm1  0/2  1:19  (rolls back in 0 s) Move: proving');
    expect(linesOf([...proving, [30, change('confirmed')]], 31)[1]).toBe('kvm1  0/2  1 s  Move: confirmed');
    expect(linesOf([...proving, [30, change('rolling-back')]], 31)[1]).toBe('kvm1  0/2  1 s  Move: rolling back');
  });

  test('that is only planned is nothing to wait for', () => {
    expect(linesOf([...begun(['kvm1']), [1, change('planned', { plan })]], 2)[1]).toContain('waiting');
  });
});

describe('more than fits', () => {
  const names = Array.from({ length: 40 }, (_, index) => `kvm${index + 1}`);
  const told: Told = [
    ...begun(names),
    ...names.slice(0, 30).map((name, index) => [index / 10, phase(name, 'connecting')] as const),
    [5, phase('kvm1', 'looking')],
    [6, phase('kvm2', 'looking')],
    [7, { type: 'network-change', host: 'kvm30', title: 'Move', phase: 'proving' }],
  ];

  test('in the height takes half of the window, with the change of a network and the slowest', () => {
    const lines = linesOf(told, 9, { rows: 14 });
    expect(lines).toHaveLength(7);
    expect(lines.slice(1, -1)).toEqual([
      'kvm3   0/2  8 s  connecting',
      'kvm4   0/2  8 s  connecting',
      'kvm5   0/2  8 s  connecting',
      'kvm30  0/2  2 s  Move: proving',
      'and 36 more: 2 at work, 24 connecting, 10 waiting',
    ]);
    expect(linesOf(told, 9, { rows: 6 }).slice(1, -1)).toEqual(['and 40 more: 3 at work, 27 connecting, 10 waiting']);
    expect(linesOf(told, 9, { rows: 100 })).toHaveLength(42);
  });

  const wide = task(0, '橋を作る👨‍👩‍👧‍👦é'.repeat(20));

  test.each([20, 21, 22, 23, 40, 79])(
    'in the width of %d columns is cut off, and wide characters are counted',
    (columns) => {
      for (const unicode of [true, false]) {
        const lines = linesOf([...begun(['橋'.repeat(40), 'kvm2']), [1, starts('橋'.repeat(40), wide)]], 2, {
          columns,
          unicode,
        });
        for (const line of lines) expect(stringWidth(line)).toBeLessThan(columns);
        expect(stringWidth(lines[1] ?? '')).toBeGreaterThan(columns - 4);
        expect(lines[1]?.endsWith(unicode ? '…' : '...')).toBe(true);
      }
    },
  );
});

test('without Unicode there is none', () => {
  const told: Told = [...begun(['kvm1', 'k'.repeat(50)]), [1, ends('kvm1', bridge)]];
  const text = linesOf(told, 2, { unicode: false }).join('\n');
  expect(text).toMatch(/^[ -~\n]*$/);
  expect(text).toContain('#######-----------------------  1 of 4 tasks');
});

test('colors are there when they are wanted: for who does not answer, and who goes back', () => {
  const told: Told = [
    ...begun(['kvm1', 'kvm2']),
    [0, phase('kvm1', 'connecting')],
    [0, { type: 'network-change', host: 'kvm2', title: 'Move', phase: 'rolling-back' }],
  ];
  const sequence = '\u001b[';
  expect(linesOf(told, 10, { color: true }).join('\n')).not.toContain(`${sequence}33m`);
  const [, one, other, all] = linesOf(told, 11, { color: true });
  expect([one, other]).toEqual([expect.stringMatching(/^.\[33m.*.\[39m$/), expect.stringMatching(/^.\[31m.*.\[39m$/)]);
  expect(all).toContain(`${sequence}2m`);
  expect(linesOf(told, 11).join('\n')).not.toContain(sequence);
});

test('what a host or a site says cannot steer the terminal', () => {
  const told: Told = [...begun(['kvm1']), [0, starts('kvm1', task(0, 'One\n\u001b[2Jtwo\tthree'))]];
  expect(linesOf(told, 1)[1]).toBe('kvm1  0/2  1 s  One \\x1b[2Jtwo three');
});
