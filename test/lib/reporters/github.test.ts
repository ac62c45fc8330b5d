import { expect, test } from '@jest/globals';
import { CommandError, ConnectionError, PlaybookError } from '../../../lib/errors.ts';
import { nothingCounted, type PlayEvent, type TaskName } from '../../../lib/events/events.ts';
import { errorAnnotation, type GithubOptions, githubReporter } from '../../../lib/reporters/github.ts';

const location = { file: '/repo/sites/site.ts', line: 4 };
const task: TaskName = { index: 0, title: 'Bridge: br0, br1', module: 'ifcfg_bridge', location };
const result = { changed: true, differences: [], steps: [], warnings: ['100% full\nreally'], before: {}, after: {} };
const end: PlayEvent = { type: 'task-end', host: 'a', task, status: 'changed', result, seconds: 1 };
const runEnd: PlayEvent = {
  type: 'run-end',
  summary: { check: false, interrupted: false, hosts: { a: nothingCounted } },
};

function written(events: readonly PlayEvent[], options: Partial<GithubOptions> = {}): readonly string[] {
  const lines: string[] = [];
  const write = (line: string): number => lines.push(line);
  const report = githubReporter({ write, workspace: '/repo', mayChange: () => true, ...options });
  for (const event of events) report(event);
  return lines;
}

test('failures and warnings are annotations at the lines of the site, after the run', () => {
  const error = new CommandError('it failed\n::set-env name=x::y', { argv: ['x'], exitCode: 1, stderr: '' });
  const events: readonly PlayEvent[] = [
    { type: 'run-start', check: false },
    end,
    { type: 'task-end', host: 'b', task, status: 'failed', error: error.at({ task: 'Other', location }), seconds: 1 },
    { type: 'host-unreachable', host: 'c', error: new ConnectionError('gone') },
  ];
  expect(written(events, { stopToken: 'T' })).toEqual(['::stop-commands::T\n']);
  expect(written([...events, runEnd], { stopToken: 'T' })).toEqual([
    '::stop-commands::T\n',
    '::T::\n',
    '::warning file=sites/site.ts,line=4,title=Bridge%3A br0%2C br1 on a::100%25 full%0Areally\n',
    expect.stringMatching(
      /^::error file=sites\/site\.ts,line=4,title=Other on b::it failed%0A\\x3a:set-env name=x::y%0A.*\n$/,
    ),
    '::error title=kvm-play on c::gone\n',
  ]);
  expect(written([...events, runEnd])[0]).toMatch(/^::warning/);
});

test('a change is an error in a run in which nothing may change', () => {
  const once: readonly PlayEvent[] = [{ type: 'run-start', check: false }, end, runEnd];
  const lines = written([...once, ...once], { mayChange: (run) => run === 1 });
  expect(lines.filter((line) => line.startsWith('::error'))).toEqual([
    '::error file=sites/site.ts,line=4,title=Bridge%3A br0%2C br1 on a::changed, and nothing was to change\n',
  ]);
});

test('an error before the run', () => {
  const error = new PlaybookError('no such name').at({ location });
  expect(errorAnnotation(error, '/repo')).toMatch(
    /^::error file=sites\/site\.ts,line=4,title=kvm-play::no such name%0Aat /,
  );
});
