import { expect, test } from '@jest/globals';
import { ConnectionError, MissingError } from '../../../lib/errors.ts';
import type { PlayEvent, TaskName } from '../../../lib/events/events.ts';
import { command, makeDirectory, removeFile, writeFile } from '../../../lib/task/step.ts';
import { jsonStream } from '../../support/json_stream.ts';

const task: TaskName = { index: 0, title: 'Create', module: 'sysctl', location: { file: '/s.ts', line: 4 } };

function written(event: PlayEvent): unknown {
  const line = jsonStream([event]);
  expect([line.split('\n').length, line.endsWith('\n')]).toEqual([2, true]);
  return JSON.parse(line);
}

test('every event is one line with the version of the stream', () => {
  expect(written({ type: 'run-start', check: true })).toEqual({ version: 1, type: 'run-start', check: true });
  const summary = { check: true, hosts: {}, interrupted: false };
  expect(written({ type: 'run-end', summary })).toEqual({ version: 1, type: 'run-end', summary });
});

test('steps are shown without secrets and standard input, and files as diffs', () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join('');
  const steps = [
    command(['set', '--password', 'hunter2'], { secret: [2], stdin: 'hunter2', disrupts: 'guest', timeLimit: 5 }),
    makeDirectory('/etc/d'),
    writeFile('/etc/x', 'text\n', { mode: 0o600 }),
    writeFile('/etc/y', `${lines}new\n`, { before: { path: '/etc/y', text: `${lines}old\n`, encoding: 'utf8' } }),
    removeFile('/etc/z', { before: { path: '/etc/z', text: 'gone\n', encoding: 'utf8' } }),
  ];
  const differences = [{ path: 'memory', wanted: 1, actual: undefined }];
  const result = { changed: true, differences, steps, warnings: ['mind this'], before: {}, after: { text: 'secret' } };
  expect(written({ type: 'task-end', host: 'a', task, status: 'changed', result, after: ['x'], seconds: 1 })).toEqual({
    version: 1,
    type: 'task-end',
    host: 'a',
    task,
    status: 'changed',
    after: ['x'],
    seconds: 1,
    result: {
      changed: true,
      differences: [{ path: 'memory', wanted: 1 }],
      warnings: ['mind this'],
      steps: [
        { kind: 'command', argv: ['set', '--password', '***'], disrupts: 'guest', timeLimit: 5 },
        { kind: 'directory', path: '/etc/d' },
        { kind: 'write', path: '/etc/x', mode: 0o600, diff: '--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+text' },
        {
          kind: 'write',
          path: '/etc/y',
          diff: '--- /etc/y\n+++ /etc/y\n@@ -48,4 +48,4 @@\n line 47\n line 48\n line 49\n-old\n+new',
        },
        { kind: 'remove', path: '/etc/z', diff: '--- /etc/z\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-gone' },
      ],
    },
  });
});

test('an error is shown with name, message, task, host and location', () => {
  const { location } = task;
  const error = new MissingError('there is no x').at({ task: 'Create', host: 'a', location });
  expect(written({ type: 'task-end', host: 'a', task, status: 'failed', error, seconds: 0 })).toMatchObject({
    status: 'failed',
    error: { name: 'MissingError', message: 'there is no x', task: 'Create', host: 'a', location },
  });
  expect(written({ type: 'host-unreachable', host: 'a', error: new ConnectionError('gone') })).toEqual({
    version: 1,
    type: 'host-unreachable',
    host: 'a',
    error: { name: 'ConnectionError', message: 'gone' },
  });
  expect(written({ type: 'host-failed', host: 'a', error: new TypeError('oops') })).toMatchObject({
    error: { name: 'TypeError', message: 'oops' },
  });
});
