import { expect, test } from '@jest/globals';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { CommandError, ConnectionError, ConvergenceError } from '../../../lib/errors.ts';
import { nothingCounted, type PlayEvent, type TaskName } from '../../../lib/events/events.ts';
import { JunitReport } from '../../../lib/reporters/junit.ts';
import { command } from '../../../lib/task/step.ts';

const location = { file: `${process.cwd()}/sites/site.ts`, line: 4 };
const bridge: TaskName = { index: 0, title: 'Create "br0" & <wait>', module: 'ifcfg_bridge', location };
const forward: TaskName = { index: 1, title: 'Forward packets', module: 'sysctl', location: undefined };
const changed = {
  changed: true,
  differences: [],
  steps: [command(['x', 'hunter2'], { secret: [1] })],
  warnings: ['mind'],
  before: {},
  after: {},
};
const same = { changed: false, differences: [], steps: [], warnings: [], before: {}, after: {} };
const runEnd: PlayEvent = {
  type: 'run-end',
  summary: { check: false, interrupted: false, hosts: { a: nothingCounted } },
};

/** Writes a report of events of which one comes every half second. */
function written(events: readonly PlayEvent[], mayChange = (_run: number): boolean => true): string {
  let clock = 0;
  const report = new JunitReport({ mayChange, now: () => clock });
  for (const event of events) {
    clock += 500;
    report.add(event);
  }
  const xml = report.xml();
  expect(XMLValidator.validate(xml)).toBe(true);
  return xml;
}

/** Every element of a name, with its attributes as they are read. */
function elements(xml: string, name: string): readonly Record<string, unknown>[] {
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', isArray: (tag) => tag === name });
  const found: Record<string, unknown>[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inside] of Object.entries(value)) {
      if (key === name && Array.isArray(inside)) found.push(...inside.map((each) => Object(each)));
      if (Array.isArray(inside)) inside.forEach(walk);
      else walk(inside);
    }
  };
  walk(parser.parse(xml));
  return found;
}

const start = (hosts: readonly string[]): readonly PlayEvent[] => [
  { type: 'run-start', check: false },
  { type: 'play-start', play: 'Bridge', hosts, tasks: [bridge, forward] },
];

test('a suite for each host and play, a case for each task', () => {
  const error = new CommandError('it failed:\n\u001b[31m<no>\uffff', { argv: ['x'], exitCode: 1, stderr: '' });
  const xml = written([
    ...start(['a', 'b']),
    { type: 'task-end', host: 'a', task: bridge, status: 'changed', result: changed, seconds: 1.5 },
    { type: 'task-end', host: 'b', task: bridge, status: 'failed', error, seconds: 0.25 },
    { type: 'task-end', host: 'a', task: forward, status: 'ok', result: same, seconds: 0.5 },
    { type: 'task-end', host: 'b', task: forward, status: 'skipped', seconds: 0 },
    runEnd,
  ]);
  expect(elements(xml, 'testsuites')).toMatchObject([
    { tests: '4', failures: '1', errors: '0', skipped: '1', time: '3.000' },
  ]);
  expect(elements(xml, 'testsuite')).toMatchObject([
    { name: 'Bridge on a', hostname: 'a', tests: '2', failures: '0', skipped: '0', time: '1.000' },
    { name: 'Bridge on b', hostname: 'b', tests: '2', failures: '1', skipped: '1', time: '1.000' },
  ]);
  expect(elements(xml, 'testcase')).toMatchObject([
    { name: bridge.title, classname: 'Bridge on a', time: '1.500', file: 'sites/site.ts', line: '4' },
    { name: 'Forward packets', time: '0.500', 'system-out': 'ok' },
    { name: bridge.title, classname: 'Bridge on b', failure: { type: 'CommandError', message: 'it failed:' } },
    { name: 'Forward packets', skipped: { message: 'not attempted' } },
  ]);
  expect(xml).toContain('it failed:\n\\x1b[31m&lt;no&gt;\ufffd');
  expect(xml).toContain("changed\nx '***'\n[WARNING]: mind");
  expect(xml).not.toContain('hunter2');
});

test('a host that is lost is an error of the task under way, else of its own; a host that failed is a failure', () => {
  const lost = new ConnectionError('gone').at({ task: forward.title });
  const xml = written([
    ...start(['a', 'b', 'c']),
    { type: 'host-unreachable', host: 'a', error: lost },
    { type: 'host-unreachable', host: 'b', error: new ConnectionError('refused') },
    { type: 'host-failed', host: 'c', error: new ConvergenceError('undone') },
    runEnd,
  ]);
  expect(elements(xml, 'testcase')).toMatchObject([
    { name: 'Forward packets', error: { message: 'gone' } },
    { name: 'reach the host', error: { message: 'refused' } },
    { name: 'the host as a whole', failure: { message: 'undone' } },
  ]);
  expect(elements(xml, 'testsuites')).toMatchObject([{ tests: '3', failures: '1', errors: '2' }]);
});

test('a change is a failure in a run in which nothing may change', () => {
  const end: PlayEvent = { type: 'task-end', host: 'a', task: bridge, status: 'changed', result: changed, seconds: 1 };
  const once = [...start(['a']), end, runEnd];
  const xml = written([...once, ...once], (run) => run === 1);
  expect(elements(xml, 'testsuite')).toMatchObject([
    { name: 'Bridge on a', failures: '0' },
    { name: 'Bridge on a (run 2)', failures: '1' },
  ]);
  expect(elements(xml, 'failure')).toMatchObject([{ message: 'changed, and nothing was to change' }]);
});

test('a run that has not begun has nothing to report', () => {
  expect(new JunitReport({ mayChange: () => true }).hasBegun).toBe(false);
});
