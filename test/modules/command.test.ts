import { describe, expect, test } from '@jest/globals';
import { ArgumentError, CommandError, ConvergenceError, MissingError } from '../../lib/errors.ts';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { Secret } from '../../lib/task/secret.ts';
import type { TaskOptions } from '../../lib/task/task.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type CommandArgs, command } from '../../modules/command.ts';

const argv = ['make', 'it'];
const warning = 'whether it changes anything cannot be known';

/** A host on which `make it` makes /it, and `is it` says whether it is there. */
function maker(isThere = false, makes = true): FakeHost {
  const says = (host: FakeHost): FakeAnswer => ({ exitCode: host.files.has('/it') ? 0 : 1 });
  const host: FakeHost = new FakeHost({
    files: isThere ? { '/it': '' } : {},
    commands: { 'is it': () => says(host), 'lacks it': () => ({ exitCode: host.files.has('/it') ? 1 : 0 }) },
    onStep: (_argv, self) => {
      if (makes) self.files.set('/it', '');
      return {};
    },
  });
  return host;
}

const signs: readonly [string, Partial<CommandArgs>][] = [
  ['creates', { creates: '/it' }],
  ['unless', { unless: ['is', 'it'] }],
  ['onlyIf', { onlyIf: ['lacks', 'it'] }],
];

describe('desired', () => {
  test.each<[CommandArgs & TaskOptions, string]>([
    [{ argv: [] }, "'argv' is empty, and begins with the command"],
    [{ argv: [''] }, "'argv' is empty"],
    [{ argv: ['a\0b'] }, 'cannot hold a NUL'],
    [{ argv, creates: 'it' }, 'absolute path'],
    [{ argv, unless: [] }, "'unless' is empty"],
    [{ argv, creates: '/it', unless: ['is', 'it'] }, "'creates' and 'unless' may tell different things"],
    [{ argv, stdin: 'x', disrupts: ['link'] }, "has no standard input; leave 'stdin' out"],
  ])('refuses %j', (args, message) => {
    expect(() => command(args)).toThrow(ArgumentError);
    expect(() => command(args)).toThrow(message);
  });

  test('a line for a shell is refused, and how to write it is said', () => {
    const args: CommandArgs = JSON.parse('{ "argv": "rm -rf /tmp/x" }');
    expect(() => command(args)).toThrow("never a line for a shell; for a shell write ['sh', '-c', '…']");
  });

  test('a secret argument is refused, because process lists show arguments', () => {
    const token = new Secret('a test', () => 'hunter2');
    const args: CommandArgs = { argv: ['login'] };
    Object.assign(args, { argv: ['login', token] });
    expect(() => command(args)).toThrow("'argv' holds a secret, and every process list would show it");
    expect(() => command({ argv: ['login', `${token}`] })).toThrow('command: a text holds ***');
  });

  test('is about its command line, on one line, and provides what it creates', () => {
    const task = command({ argv: ['sh', '-c', 'one\ntwo'], creates: '/it' });
    expect([task.title, task.provides]).toEqual(['command sh -c one two', ['file:/it']]);
    expect(command({ argv, removes: '/it' }).provides).toEqual([]);
  });

  test('has no place in a network change, which could not take it back', () => {
    expect(() => networkChange({}, [command({ argv, creates: '/it' })])).toThrow(
      'what the module command does cannot be taken back',
    );
  });
});

describe('read', () => {
  test.each(signs)('%s tells whether it is done', async (_name, sign) => {
    expect((await command({ argv, ...sign }).read(maker(true).reader)).differences).toEqual([]);
    expect((await command({ argv, ...sign }).read(maker(false).reader)).differences).toEqual([
      { path: 'done', wanted: true, actual: false },
    ]);
  });

  test('removes is the other way round', async () => {
    expect((await command({ argv, removes: '/it' }).read(maker(true).reader)).differences).toHaveLength(1);
    expect((await command({ argv, removes: '/it' }).read(maker(false).reader)).differences).toEqual([]);
  });

  test('without any of them nobody can know', async () => {
    expect(command({ argv }).isUnknowable).toBe(true);
    expect((await command({ argv }).read(maker(true).reader)).differences).toEqual([
      { path: 'done', wanted: true, actual: 'cannot be known' },
    ]);
  });

  test('misses its command and its directory where it is due, and nothing where it is done', async () => {
    const bare = new FakeHost({ tools: [], files: { '/done': '' } });
    const keysOf = async (args: CommandArgs): Promise<readonly string[]> =>
      (await command(args).read(bare.reader)).missing.map(({ key }) => key);
    expect(await keysOf({ argv, cwd: '/srv' })).toEqual(['tool:make', 'file:/srv']);
    expect(await keysOf({ argv: ['/opt/make'], creates: '/it' })).toEqual(['file:/opt/make']);
    expect(await keysOf({ argv: ['./make'] })).toEqual([]);
    expect(await keysOf({ argv, creates: '/done' })).toEqual([]);
  });

  test('the command of unless may be what it installs; without that of onlyIf nobody can tell', async () => {
    const bare = new FakeHost({ tools: ['make'] });
    expect(await command({ argv, unless: ['is', 'it'] }).read(bare.reader)).toMatchObject({
      differences: [{ path: 'done', actual: false }],
      missing: [],
    });
    const { missing } = await command({ argv, onlyIf: ['lacks', 'it'] }).read(bare.reader);
    expect(missing.map(({ key }) => key)).toEqual(['tool:lacks']);
    await expect(command.apply(bare, { argv, onlyIf: ['lacks', 'it'] })).rejects.toThrow(MissingError);
  });
});

describe('plan', () => {
  test('is the command itself, with what it was given', async () => {
    const { steps } = await command.check(maker(), { argv, stdin: 'text', timeLimit: 600 });
    expect(steps).toEqual([{ kind: 'command', argv, stdin: 'text', timeLimit: 600 }]);
  });

  test('a secret stays one on its way to the standard input', async () => {
    const token = new Secret('a test', () => 'hunter2');
    const { steps } = await command.check(maker(), { argv, stdin: token });
    expect(steps).toEqual([{ kind: 'command', argv, stdin: token }]);
    expect(token.revealed).toBe('hunter2');
  });

  test('runs in its directory, and so does what looks', async () => {
    const host = new FakeHost({ files: { '/srv/x': '' } });
    const { steps } = await command.check(host, { argv, cwd: '/srv', unless: ['is', 'it'] });
    const inside = ['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', '/srv'];
    expect(steps).toEqual([{ kind: 'command', argv: [...inside, ...argv] }]);
    expect(host.asked).toContain([...inside, 'is', 'it'].join(' '));
  });

  test.each([
    [['guest', 'link'] as const, 'link'],
    [['data'] as const, 'data'],
  ])('disturbs what its task says, %j', async (disrupts, disturbs) => {
    const { steps } = await command.check(maker(), { argv, disrupts });
    expect(steps).toMatchObject([{ disrupts: disturbs }]);
  });
});

describe('apply', () => {
  test('a command that fails is an error with its words', async () => {
    const host = new FakeHost({ onStep: () => ({ exitCode: 3 }) });
    await expect(command.apply(host, { argv, creates: '/it' })).rejects.toThrow(CommandError);
  });

  test('a command that succeeds, and after which it is not done, is an error', async () => {
    await expect(command.apply(maker(false, false), { argv, creates: '/it' })).rejects.toThrow(
      new ConvergenceError('all steps were taken, and still done is false, wanted true'),
    );
  });
});

test.each(signs)('round trip with %s: check writes nothing, apply changes, apply again is ok', async (_name, sign) => {
  const host = maker();
  expect(await command.check(host, { argv, ...sign })).toMatchObject({ changed: true, warnings: [] });
  expect(host.executed).toEqual([]);
  expect((await command.apply(host, { argv, ...sign })).changed).toBe(true);
  expect(host.executed).toHaveLength(1);
  expect((await command.apply(host, { argv, ...sign })).changed).toBe(false);
  expect(host.executed).toHaveLength(1);
});

test('round trip where nobody can know: it is a change every time, and says so', async () => {
  const host = maker(true);
  for (const taken of [0, 1, 2]) {
    expect(await command.check(host, { argv })).toMatchObject({ changed: true, warnings: [warning] });
    expect(host.executed).toHaveLength(taken);
    expect(await command.apply(host, { argv })).toMatchObject({ changed: true, warnings: [warning] });
  }
});
