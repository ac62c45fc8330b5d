import { describe, expect, test } from '@jest/globals';
import { PlaybookError } from '../../../lib/errors.ts';
import { nothingCounted, type PlayEvent } from '../../../lib/events/events.ts';
import { parseIniInventory } from '../../../lib/inventory/ansible/ini_inventory.ts';
import { makeInventory } from '../../../lib/inventory/inventory.ts';
import { limited, type TargetOptions, targetsOf } from '../../../lib/inventory/targets.ts';
import { JunitReport } from '../../../lib/reporters/junit.ts';
import { terminalReporter } from '../../../lib/reporters/terminal.ts';
import { type RunOptions, run } from '../../../lib/run/run.ts';
import { type PlayOptions, play } from '../../../lib/site/play.ts';
import { jsonStream } from '../../support/json_stream.ts';
import { entry, tiny } from '../../support/tiny_modules.ts';

const inventory = makeInventory(
  parseIniInventory(
    `[web]
a text=of-a
b
[db]
c ansible_connection=local
[all:vars]
ansible_connection=local
text=of-all
number=7
[web:vars]
text=of-web
`,
    'hosts.ini',
  ),
);

const names = (hosts: PlayOptions<never>['hosts'], options: TargetOptions = {}): readonly string[] =>
  targetsOf(play({ name: 'Play', tasks: [], ...(hosts && { hosts }) }), options).map(({ name }) => name);

describe('the hosts of a play', () => {
  test('are its own, this machine, or those of the inventory', () => {
    expect(names(undefined)).toEqual(['localhost']);
    expect(names(['root@kvm1:2222', { name: 'kvm2' }])).toEqual(['root@kvm1:2222', 'kvm2']);
    expect(names(undefined, { inventory })).toEqual(['a', 'b', 'c']);
    expect(names(['web:!a', 'c'], { inventory })).toEqual(['b', 'c']);
    expect(names(['kvm1'], { hosts: ['x', 'y', 'x'] })).toEqual(['x', 'y']);
  });

  test('an IPv6 address in brackets is a host, with a user and a port and without', () => {
    const given = ['[fd00::1]', 'root@[fd00::1]', 'root@[fd00::1]:2222'];
    expect(names(given, {})).toHaveLength(3);
    expect(() => names(['kvm[1:3]'], {})).toThrow('is a group or a pattern of an inventory');
  });

  test.each<[readonly string[], TargetOptions, string]>([
    [['-oProxyCommand=x'], {}, 'begins with a dash'],
    [['all'], {}, "'all' is a group or a pattern of an inventory, and there is none; give one with -i FILE"],
    [['web*'], {}, "'web*' is a group or a pattern"],
    [['web:!db'], {}, "'web:!db' is a group or a pattern"],
    [['wbe'], { inventory }, "no host and no group fits 'wbe'; did you mean 'web'?"],
  ])('%j is refused at the line of the play', (hosts, options, words) => {
    const made = play({ name: 'Play', hosts, tasks: [] });
    try {
      targetsOf(made, options);
    } catch (error) {
      expect(error).toBeInstanceOf(PlaybookError);
      expect(String(error)).toContain(words);
      expect(error).toMatchObject({ context: { location: made.location } });
      return;
    }
    throw new Error('it was not refused');
  });
});

describe('a run', () => {
  const values = play({
    name: 'Values',
    vars: { text: 'own', number: 1 },
    tasks: ({ text, number }: { text: string; number: number }) => [
      entry(`${text} ${number}`, { path: '/nowhere', text }),
    ],
  });

  async function titles(options: RunOptions): Promise<Readonly<Record<string, string>>> {
    const events: PlayEvent[] = [];
    await run(values, { check: true, ...options, onEvent: (event) => events.push(event) });
    return Object.fromEntries(
      events.flatMap((event) => (event.type === 'task-end' ? [[event.host, event.task.title]] : [])),
    );
  }

  test('gives each host the values of its inventory, and those of the caller over them', async () => {
    expect(await titles({ inventory })).toEqual({ a: 'of-a 7', b: 'of-web 7', c: 'of-all 7' });
    expect(await titles({ inventory, vars: { number: 2 } })).toEqual({ a: 'of-a 2', b: 'of-web 2', c: 'of-all 2' });
    expect(await titles({ inventory, limit: 'web:!b' })).toEqual({ a: 'of-a 7' });
    expect(await titles({})).toEqual({ localhost: 'own 1' });
  });

  test('refuses a value of the wrong type of any host, and a limit that leaves no host, before anything is attempted', async () => {
    const wrong = makeInventory(parseIniInventory('x ansible_connection=local number=many\n', 'hosts.ini'));
    const events: PlayEvent[] = [];
    const onEvent = (event: PlayEvent) => events.push(event);
    await expect(run(values, { inventory: wrong, onEvent })).rejects.toThrow(
      'the variable \'number\' is a number (1), and was given "many"',
    );
    await expect(run(values, { inventory, limit: 'nobody', onEvent })).rejects.toThrow(
      "no host and no group fits 'nobody'",
    );
    const nowhere = play({ name: 'Nowhere', hosts: ['web:!web'], tasks: [] });
    await expect(run([nowhere], { inventory, onEvent })).rejects.toThrow(
      "no host of the inventory is one of a play's, so that nothing would be done: 'Nowhere' (web:!web)",
    );
    await expect(run(values, { hosts: ['a'], limit: 'localhost', onEvent })).rejects.toThrow("fits 'localhost'");
    expect(events).toEqual([]);
  });

  test('goes on to the next hosts only while none has failed, tells which were not begun, and leaves them out later', async () => {
    const failing = play({
      name: 'Failing',
      vars: { text: '' },
      tasks: ({ text }: { text: string }) => [
        tiny(() => {
          if (text === 'of-web') throw new PlaybookError('no');
          return { state: { value: 'wanted' } };
        })({}),
      ],
    });
    const events: PlayEvent[] = [];
    const options = { inventory, check: true, serial: 1, onEvent: (event: PlayEvent) => events.push(event) };
    expect((await run([failing, values], options)).hosts).toEqual({
      a: expect.objectContaining({ ok: 1, failed: 0, notBegun: 0 }),
      b: expect.objectContaining({ failed: 1, notBegun: 0 }),
      c: { ...nothingCounted, notBegun: 1 },
    });
    expect(events.flatMap((event) => (event.type === 'play-start' ? [event.hosts] : []))).toEqual([
      ['a', 'b', 'c'],
      ['a'],
    ]);
    jsonStream(events);
    let shown = '';
    const show = terminalReporter({
      write: (text) => {
        shown += text;
      },
      ...{ color: false, unicode: true, steps: false, skipped: false, quiet: true, width: 80 },
    });
    const junit = new JunitReport({ mayChange: () => true });
    for (const event of events) {
      show(event);
      junit.add(event);
    }
    expect(shown).toMatch(/^not begun: \[c\] because a host before it failed/m);
    expect(shown).toMatch(/^c : ok=0 .*notbegun=1$/m);
    expect(junit.xml()).toContain('<skipped message="not begun');
    await expect(run(failing, { inventory, serial: 0 })).rejects.toThrow(
      'serial is a whole number from 1 on, and was 0',
    );
  });

  test('goes on with later plays behind the task at which it starts', async () => {
    const named = (title: string) => play({ name: title, tasks: [entry(title, { path: '/nowhere', text: title })] });
    const events: PlayEvent[] = [];
    await run(['one', 'two', 'three'].map(named), {
      check: true,
      startAtTask: 'two',
      onEvent: (event) => events.push(event),
    });
    const ends = events.flatMap((event) => (event.type === 'task-end' ? [event.task.title] : []));
    expect(ends).toEqual(['two', 'three']);
  });

  test('is limited to hosts with a port, and to groups that only the limit knows', async () => {
    const chosen = (limit: string, limitGroups: TargetOptions['limitGroups'] = {}): readonly string[] => {
      const targets = targetsOf(play({ name: 'P', hosts: ['root@a:2222', 'b', 'c'], tasks: [] }), {});
      return [...limited(targets, limit, { limitGroups })];
    };
    const failed = { '@failed': ['root@a:2222', 'c', 'gone'] };
    expect(chosen('root@a:2222')).toEqual(['root@a:2222']);
    expect(chosen('@failed', failed)).toEqual(['root@a:2222', 'c']);
    expect(chosen('b:@failed:!c', failed)).toEqual(['root@a:2222', 'b']);
    expect(chosen('all,!@failed', failed)).toEqual(['b']);
    expect(() => chosen('a')).toThrow("no host and no group fits 'a'; did you mean 'root@a:2222'?");
    expect(() => chosen('b c')).toThrow("fits 'b c'; a comma or a colon stands between names: 'b,c'");
    expect(() => limited(targetsOf(play({ name: 'P', tasks: [] }), { inventory }), 'a:2222', { inventory })).toThrow(
      "fits '2222' (in 'a:2222'); a colon stands between names, and an inventory's host is named without its port: 'a'",
    );
    expect(() => chosen('@failed', { '@failed': ['gone'] })).toThrow('none of the hosts of this site is among them');
  });
});
