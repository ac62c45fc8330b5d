import { expect, test } from '@jest/globals';
import { ConnectionError, MissingError } from '../../../lib/errors.ts';
import type { PlayEvent, TaskName } from '../../../lib/events.ts';
import { jsonReporter } from '../../../lib/reporters/json.ts';
import { command, writeFile } from '../../../lib/step.ts';

const task: TaskName = { index: 0, title: 'Create', module: 'sysctl', location: { file: '/s.ts', line: 4, column: 2 } };

function written(event: PlayEvent): unknown {
  const lines: string[] = [];
  jsonReporter((text) => lines.push(text))(event);
  const [line = ''] = lines;
  expect([lines.length, line.split('\n').length, line.endsWith('\n')]).toEqual([1, 2, true]);
  return JSON.parse(line);
}

test('every event is one line with the version of the stream', () => {
  expect(written({ type: 'run-start', check: true })).toEqual({ version: 1, type: 'run-start', check: true });
  const summary = { check: true, hosts: {}, interrupted: false };
  expect(written({ type: 'run-end', summary })).toEqual({ version: 1, type: 'run-end', summary });
});

test('steps are shown without secrets and standard input', () => {
  const steps = [
    command(['set', '--password', 'hunter2'], { secret: [2], stdin: 'hunter2', disrupts: 'guest', timeLimit: 5 }),
    writeFile('/etc/x', 'text'),
  ];
  const differences = [{ path: 'memory', wanted: 1, actual: undefined }];
  const result = { changed: true, differences, steps, warnings: ['mind this'] };
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
        { kind: 'write', path: '/etc/x', text: 'text' },
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
