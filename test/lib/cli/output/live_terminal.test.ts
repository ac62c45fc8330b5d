import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { LiveTerminal } from '../../../../lib/cli/output/live_terminal.ts';
import { nothingCounted, type PlayEvent, type TaskName } from '../../../../lib/events/events.ts';
import { terminalReporter } from '../../../../lib/reporters/terminal.ts';
import { FakeScreen } from '../../../support/fake_screen.ts';

const look = { color: false, unicode: true };
const signals = ['SIGINT', 'SIGTERM', 'SIGTSTP', 'SIGCONT', 'SIGQUIT', 'SIGHUP', 'exit'] as const;
const listeners = (): readonly number[] => signals.map((signal) => process.listenerCount(signal));

const tasks: readonly TaskName[] = ['Create the bridge', 'Restart the network', 'Create the guest'].map(
  (title, index) => ({ index, title, module: 'tiny', location: undefined }),
);
const start: readonly PlayEvent[] = [
  { type: 'run-start', check: false },
  { type: 'play-start', play: 'A bridge', hosts: ['kvm1', 'kvm2'], tasks },
  { type: 'host-phase', host: 'kvm1', phase: 'looking' },
  { type: 'host-phase', host: 'kvm2', phase: 'connecting' },
];
const taskEvents: readonly (readonly PlayEvent[])[] = tasks.map((task) => [
  { type: 'task-start', host: 'kvm1', task },
  { type: 'task-end', host: 'kvm1', task, status: 'ok', seconds: 1 },
]);
const end: PlayEvent = {
  type: 'run-end',
  summary: { check: false, interrupted: false, hosts: { kvm1: { ...nothingCounted, ok: 3 }, kvm2: nothingCounted } },
};

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A report with the view below it, as the command shows them. */
function shown(screen: FakeScreen): { report(event: PlayEvent): void; live: LiveTerminal } {
  const live = new LiveTerminal(screen, look);
  const tell = terminalReporter({ ...look, write: live.write, steps: false, skipped: false, width: 40 });
  return {
    live,
    report: (event) => {
      live.report(event);
      tell(event);
    },
  };
}

/** The report as it is in a pipe. */
function piped(events: readonly PlayEvent[]): string {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const tell = terminalReporter({ ...look, write, steps: false, skipped: false, width: 40 });
  for (const event of events) tell(event);
  return text.trimEnd();
}

const view = [
  '',
  'kvm1  0/3  2 s  looking at all tasks',
  'kvm2  0/3  2 s  connecting',
  '──────────────────────────────  0 of 6 tasks, 0 of 2 hosts, 2 s',
].join('\n');

test('the view stands below the report, and is gone at its end', () => {
  const screen = new FakeScreen(80, 24);
  const { report } = shown(screen);
  for (const event of start) report(event);
  expect(screen.writes).toEqual([]);
  jest.advanceTimersByTime(2100);
  expect(screen.text).toBe(`${piped(start)}\n${view}`);
  expect(screen.hasCursor).toBe(false);
  report(end);
  expect(screen.text).toBe(piped([...start, end]));
  expect(screen.hasCursor).toBe(true);
});

test.each([
  ['wide and high', 80, 24],
  ['low', 80, 7],
  ['too low for a view', 80, 4],
  ['narrow', 25, 12],
])('what is left is the report, in a window that is %s', (_what, columns, rows) => {
  const screen = new FakeScreen(columns, rows);
  const { report } = shown(screen);
  const events = [...start, ...taskEvents.flat(), end];
  for (const event of events) {
    report(event);
    jest.advanceTimersByTime(250);
  }
  // What the window wraps is wrapped in a pipe's text as well.
  const wrapped = new FakeScreen(columns, 1000);
  wrapped.write(piped(events));
  expect(screen.text).toBe(wrapped.text);
  expect(screen.hasCursor).toBe(true);
});

test('a frame is one write, held until it is whole; at most ten a second, and one a second where only the clock goes on', () => {
  const screen = new FakeScreen(80, 24);
  const { report } = shown(screen);
  for (const event of start) report(event);
  for (let count = 0; count < 100; count += 1) {
    for (const event of taskEvents[count % 3] ?? []) report(event);
    jest.advanceTimersByTime(10);
  }
  expect(screen.writes.length).toBeGreaterThan(5);
  expect(screen.writes.length).toBeLessThanOrEqual(11);
  for (const frame of screen.writes) expect(frame).toMatch(/^\u001b\[\?2026h.*\u001b\[\?2026l$/s);
  jest.advanceTimersByTime(2000);
  screen.writes.length = 0;
  jest.advanceTimersByTime(5000);
  expect(screen.writes).toHaveLength(5);
  // Where nothing of the report is new, nothing is cleared before it is drawn over.
  for (const frame of screen.writes) expect(frame).toMatch(/^[^J]*\u001b\[J[^J]*$/);
});

describe('what somebody else prints', () => {
  test('stays, and the view is drawn anew below it', () => {
    const screen = new FakeScreen(80, 24);
    const { report } = shown(screen);
    for (const event of start) report(event);
    jest.advanceTimersByTime(1500);
    screen.write('said by the site\n');
    jest.advanceTimersByTime(600);
    expect(screen.text).toBe(`${piped(start)}\nsaid by the site\n${view}`);
    report(end);
    expect(screen.text).toBe(`${piped(start)}\nsaid by the site\n${piped([end])}`);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('on %s finds a free line, and the cursor', (signal) => {
    const screen = new FakeScreen(80, 24);
    const { report } = shown(screen);
    const interrupted = (): void => {
      expect([screen.text, screen.hasCursor]).toEqual([piped(start), true]);
      screen.write('interrupted:\nthe step under way is finished\n');
    };
    process.once(signal, interrupted);
    for (const event of start) report(event);
    jest.advanceTimersByTime(1500);
    process.emit(signal);
    expect(screen.text).toContain('interrupted');
    jest.advanceTimersByTime(1200);
    expect(screen.text).toBe(`${piped(start)}\ninterrupted:\nthe step under way is finished\n${view}`);
    report(end);
  });
});

test('a window of another size gets another view, and what the old one has wrapped is cleared', () => {
  const screen = new FakeScreen(80, 24);
  const { report } = shown(screen);
  for (const event of start) report(event);
  jest.advanceTimersByTime(2000);
  screen.resize(30, 10);
  jest.advanceTimersByTime(100);
  expect(screen.lines.slice(-4)).toEqual([
    '',
    'kvm1  0/3  2 s  looking at a…',
    'kvm2  0/3  2 s  connecting',
    '0 of 6 tasks, 0 of 2 hosts, …',
  ]);
  expect(screen.text.match(/kvm1/g)).toHaveLength(1);
  report(end);
  expect(screen.text).not.toContain('connecting');
});

test('the end of the process takes it away, with what the report has said by then', () => {
  const screen = new FakeScreen(80, 24);
  const before = listeners();
  const { report, live } = shown(screen);
  for (const event of start) report(event);
  jest.advanceTimersByTime(2100);
  report({ type: 'host-failed', host: 'kvm1', error: new Error('oops') });
  const [exit] = process.listeners('exit').slice(-1);
  exit?.(0);
  expect(screen.text).toContain('failed: [kvm1] =>');
  expect(screen.text).not.toContain('connecting');
  expect(screen.hasCursor).toBe(true);
  expect([listeners(), screen.listeners, jest.getTimerCount()]).toEqual([before, 0, 0]);
  live.close();
  screen.writes.length = 0;
  live.write('later\n');
  expect(screen.writes).toEqual(['later\n']);
});

test('nothing of it keeps the process alive', () => {
  jest.useRealTimers();
  const before = process.getActiveResourcesInfo();
  const { report } = shown(new FakeScreen(80, 24));
  for (const event of start) report(event);
  const during = process.getActiveResourcesInfo();
  report(end);
  expect(during).toEqual(before);
});

test('a second run has a view again', () => {
  const screen = new FakeScreen(80, 24);
  const { report } = shown(screen);
  for (const event of [...start, end, ...start]) report(event);
  jest.advanceTimersByTime(2100);
  expect(screen.text).toBe(`${piped([...start, end, ...start])}\n${view}`);
  report(end);
});
