import { describe, expect, test } from '@jest/globals';
import { ArgumentError, CommandError, ConnectionError } from '../../../lib/errors.ts';
import {
  type HostSummary,
  nothingCounted,
  type PlayEvent,
  type TaskName,
  type TaskStatus,
} from '../../../lib/events/events.ts';
import { fileDiff } from '../../../lib/reporters/file_diff.ts';
import { type TerminalOptions, terminalReporter } from '../../../lib/reporters/terminal.ts';
import { errorLines } from '../../../lib/reporters/words.ts';
import { command, makeDirectory, removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { TaskResult } from '../../../lib/task/task.ts';

const bridge: TaskName = { index: 0, title: 'Create the bridge', module: 'ifcfg_bridge', location: undefined };
const forward: TaskName = { index: 1, title: 'Forward packets', module: 'sysctl', location: undefined };
const counts: HostSummary = nothingCounted;

function shown(events: readonly PlayEvent[], options: Partial<TerminalOptions> = {}): string {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const report = terminalReporter({
    write,
    color: false,
    unicode: true,
    steps: false,
    skipped: false,
    width: 40,
    ...options,
  });
  for (const event of events) report(event);
  return text;
}

function end(
  task: TaskName,
  status: TaskStatus,
  more: Partial<Extract<PlayEvent, { type: 'task-end' }>> = {},
): PlayEvent {
  return { type: 'task-end', host: 'kvm1', task, status, seconds: 1, ...more };
}

function result(steps: readonly Step[], more: Partial<TaskResult> = {}): TaskResult {
  return { changed: steps.length > 0, differences: [], steps, warnings: [], before: {}, after: {}, ...more };
}

const start = (check: boolean): PlayEvent => ({ type: 'run-start', check });

test('a run, as users of Ansible know it', () => {
  const events: readonly PlayEvent[] = [
    start(false),
    { type: 'play-start', play: 'A bridge', hosts: ['kvm1', 'kvm10'], tasks: [bridge, forward] },
    { type: 'task-start', host: 'kvm1', task: bridge },
    end(bridge, 'changed', { result: result([command(['x'])]) }),
    end(bridge, 'ok', { host: 'kvm10', result: result([]) }),
    end(forward, 'ok', { result: result([], { warnings: ['one line\nand another'] }) }),
    end(bridge, 'ok', { host: 'kvm11', result: result([]) }),
    end(forward, 'skipped', { host: 'kvm10' }),
    {
      type: 'run-end',
      summary: {
        check: false,
        interrupted: false,
        hosts: { kvm1: { ...counts, ok: 1, changed: 1, warnings: 1 }, kvm10: { ...counts, ok: 12, skipped: 1 } },
      },
    },
  ];
  expect(shown(events)).toBe(`
PLAY [A bridge] ************************

TASK [Create the bridge] ***************
changed: [kvm1]
ok: [kvm10]

TASK [Forward packets] *****************
ok: [kvm1]
[WARNING]: one line
    and another

TASK [Create the bridge] ***************
ok: [kvm11]

PLAY RECAP *****************************
kvm1  : ok=2   changed=1  unreachable=0
    failed=0  skipped=0  warnings=1
kvm10 : ok=12  changed=0  unreachable=0
    failed=0  skipped=1  warnings=0
`);
  expect(shown(events, { skipped: true })).toContain('skipped: [kvm10]');
});

test('little, for those who want little', () => {
  const events: readonly PlayEvent[] = [
    start(false),
    { type: 'play-start', play: 'Nothing to do', hosts: ['kvm1'], tasks: [bridge] },
    end(bridge, 'ok', { result: result([]) }),
    { type: 'play-start', play: 'No host', hosts: [], tasks: [bridge] },
    { type: 'play-start', play: 'A bridge', hosts: ['kvm1', 'kvm2'], tasks: [bridge, forward] },
    { type: 'network-change', host: 'kvm1', title: 'move', phase: 'armed', id: '1' },
    { type: 'network-change', host: 'kvm1', title: 'move', phase: 'confirmed', id: '1' },
    end(bridge, 'ok', { result: result([]) }),
    end(bridge, 'changed', { host: 'kvm2', result: result([command(['x'])]) }),
    end(forward, 'ok', { result: result([], { warnings: ['mind this'] }) }),
    { type: 'network-change', host: 'kvm2', title: 'move', phase: 'rolling-back', reason: 'no' },
    end(forward, 'skipped', { host: 'kvm2' }),
    { type: 'play-start', play: 'Lost', hosts: ['kvm2'], tasks: [bridge] },
    { type: 'host-unreachable', host: 'kvm2', error: new ConnectionError('gone') },
    { type: 'run-end', summary: { check: false, interrupted: false, hosts: { kvm1: counts } } },
  ];
  expect(shown(events, { quiet: true })).toBe(`
PLAY [A bridge] ************************

TASK [Create the bridge] ***************
changed: [kvm2]

TASK [Forward packets] *****************
ok: [kvm1]
[WARNING]: mind this
move: [kvm2] rolling back, and waiting for the host: no

PLAY [Lost] ****************************
unreachable: [kvm2] => gone

PLAY RECAP *****************************
kvm1 : ok=0  changed=0  unreachable=0
    failed=0  skipped=0  warnings=0
`);
});

test('the recap fits a terminal of 80 columns, whatever is counted', () => {
  const recap = (hosts: Readonly<Record<string, HostSummary>>): readonly string[] =>
    shown([{ type: 'run-end', summary: { check: false, interrupted: false, hosts } }], { width: 80 })
      .split('\n')
      .filter((line) => line.includes('='));
  const all: HostSummary = {
    ...counts,
    ok: 123,
    changed: 45,
    failed: 1,
    skipped: 17,
    rolledBack: 1,
    unverified: 1,
    ignored: 10,
    rescued: 2,
  };
  expect(recap({ localhost: counts })).toEqual([
    'localhost : ok=0  changed=0  unreachable=0  failed=0  skipped=0  warnings=0',
  ]);
  expect(recap({ 'kvm1.example.org': all, b: counts })).toEqual([
    'kvm1.example.org : ok=168  changed=45  unreachable=0  failed=1  skipped=17',
    '    warnings=0  rescued=2  ignored=10  rolledback=1  unverified=1',
    'b                : ok=0    changed=0   unreachable=0  failed=0  skipped=0',
    '    warnings=0',
  ]);
  expect(Math.max(...recap({ ['long.'.repeat(15)]: all }).map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('how long each task took, where it is asked for', () => {
  const events = [start(false), end(bridge, 'ok', { result: result([]), seconds: 2.34 }), end(forward, 'skipped')];
  expect(shown(events, { seconds: true, skipped: true })).toMatch(/^ok: \[kvm1\] in 2\.3 s\n.*^skipped: \[kvm1\]\n/ms);
  expect(shown(events)).not.toContain('2.3');
});

describe('a changed task', () => {
  const before = { path: '/etc/x', text: 'a=1\nb=2\n', encoding: 'utf8' } as const;
  const steps = [
    makeDirectory('/etc/a b'),
    writeFile('/etc/x', 'a=1\nb=3\n', { before }),
    removeFile('/etc/y', { before: { ...before, path: '/etc/y', text: 'old\n' } }),
    writeFile('/etc/new', 'text'),
    command(['virsh', 'define', "it's", '--password', 'hunter2'], { secret: [4], stdin: '<domain/>' }),
  ];
  const differences = [
    { path: 'memory', wanted: '1024 MiB', actual: '512 MiB' },
    { path: 'ports', wanted: ['a', 'b'], actual: undefined },
  ];
  const events = (check: boolean): readonly PlayEvent[] => [
    start(check),
    end(bridge, 'changed', { result: result(steps, { differences }) }),
  ];
  const values = '    memory: 512 MiB → 1024 MiB\n    ports: absent → ["a","b"]\n';
  const diffs = `    --- /etc/x
    +++ /etc/x
    @@ -1,2 +1,2 @@
     a=1
    -b=2
    +b=3
    --- /etc/y
    +++ /dev/null
    @@ -1,1 +0,0 @@
    -old
    --- /dev/null
    +++ /etc/new
    @@ -0,0 +1,1 @@
    +text
    \\ No newline at end of file
`;
  const commands = `    # mkdir -p '/etc/a b'
    # write /etc/x
    # rm /etc/y
    # write /etc/new
    $ virsh define 'it'\\''s' --password '***'  # with text on its standard input
`;
  const header = '\nTASK [Create the bridge] ***************\nchanged: [kvm1]\n';

  test('in check mode is shown with values, diffs and commands', () => {
    expect(shown(events(true), { fileDiff })).toBe(`${header}${values}${diffs}${commands}`);
  });

  test('in apply mode is shown as is asked for', () => {
    expect(shown(events(false))).toBe(header);
    expect(shown(events(false), { steps: true })).toBe(`${header}${commands}`);
    expect(shown(events(false), { fileDiff })).toBe(`${header}${values}${diffs}`);
  });

  test('shows neither a secret nor standard input', () => {
    expect(shown(events(true), { fileDiff, steps: true })).not.toMatch(/hunter2|<domain/);
  });

  test('without Unicode has a plain arrow', () => {
    expect(shown(events(true), { unicode: false })).toContain('memory: 512 MiB -> 1024 MiB\n');
  });

  test('that leans on earlier ones names them', () => {
    const text = shown([start(true), end(bridge, 'changed', { after: ['Make it', 'Start it'], result: result([]) })]);
    expect(text).toContain('changed: [kvm1] (after: Make it, Start it)\n');
  });
});

describe('a failure', () => {
  const location = { file: `${process.cwd()}/sites/site.ts`, line: 42 };

  test('of a task is shown with its task and the line of the site, further lines indented', () => {
    const error = new CommandError('it failed: first\nsecond', { argv: ['x'], exitCode: 1, stderr: '' });
    error.at({ task: 'Create the bridge', host: 'kvm1', location });
    expect(shown([start(false), end(bridge, 'failed', { error })])).toBe(`
TASK [Create the bridge] ***************
failed: [kvm1] => it failed: first
    second
    task: Create the bridge
    at sites/site.ts:42
`);
  });

  test('of a host', () => {
    const error = new ConnectionError('Permission denied');
    const failed = new ArgumentError('no such luck');
    const events: readonly PlayEvent[] = [
      { type: 'host-unreachable', host: 'kvm1', error },
      { type: 'host-failed', host: 'kvm2', error: failed },
    ];
    expect(shown(events)).toBe('unreachable: [kvm1] => Permission denied\nfailed: [kvm2] => no such luck\n');
  });

  test('that nobody foresaw is shown with its stack', () => {
    expect(errorLines(new TypeError('oops')).join('\n')).toMatch(/^TypeError: oops\n\s+at .*terminal\.test\.ts/);
  });

  test('in a place far away is named by its whole path', () => {
    const far = { ...location, file: '/a/b/c/site.ts' };
    expect(errorLines(new ArgumentError('no').at({ location: far }))).toEqual(['no', 'at /a/b/c/site.ts:42']);
  });
});

test('what a host says cannot steer the terminal', () => {
  const error = new ConnectionError('\u001b[2J\u009b1mhi\r\tthere\u0007');
  const text = shown([{ type: 'host-unreachable', host: 'kvm1', error }]);
  expect(text).toBe('unreachable: [kvm1] => \\x1b[2J\\x9b1mhi\\x0d\tthere\\x07\n');
  const differences = [{ path: 'title', wanted: 'plain', actual: 'a\u001b[2Jb' }];
  const events = [start(true), end(bridge, 'changed', { result: result([], { differences, warnings: ['\u0007'] }) })];
  expect(shown(events)).toMatch(/title: a\\x1b\[2Jb → plain\n\[WARNING\]: \\x07\n$/);
});

test('colors are there when they are wanted, on each line of its own', () => {
  const text = shown([start(false), end(bridge, 'changed', { result: result([], { warnings: ['a\nb'] }) })], {
    color: true,
  });
  expect(text).toContain('\u001b[33mchanged: [kvm1]\u001b[39m\n');
  expect(text).toContain('\u001b[35m[WARNING]: a\u001b[39m\n\u001b[35m    b\u001b[39m\n');
});
