import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { ArgumentError, MissingError, UnsupportedChangeError } from '../../lib/errors.ts';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { Secret, secret } from '../../lib/task/secret.ts';
import type { Step } from '../../lib/task/step.ts';
import { type FileArgs, file } from '../../modules/file.ts';
import { fakeDisk } from '../support/fake_disk.ts';

const lines = (steps: readonly Step[]): readonly string[] =>
  steps.map((step) => {
    if (step.kind === 'command') return step.argv.join(' ');
    const modes = [step.kind === 'remove' ? undefined : step.mode, step.kind === 'write' ? step.chmod : undefined];
    const mode = modes.map((each) => (each === undefined ? '' : ` ${each.toString(8)}`)).join('');
    const owner = 'owner' in step && step.owner !== undefined ? ` ${step.owner}` : '';
    return `${step.kind}${mode}${owner} ${step.path}`;
  });

describe('desired', () => {
  test.each<[FileArgs, string]>([
    [{ path: 'etc/motd' }, 'absolute path'],
    [{ path: '/etc/../motd' }, 'absolute path'],
    [{ path: '/etc/' }, 'absolute path'],
    [{ path: '/etc/motd', mode: '9' }, 'three or four octal digits, such as \'0640\', and is "9"'],
    [{ path: '/etc/motd', mode: 'u=rw' }, 'three or four octal digits'],
    [{ path: '/etc/motd', owner: '' }, 'an owner is empty'],
    [{ path: '/etc/motd', owner: 'root:root' }, "without ':'"],
    [{ path: '/etc/motd', group: '-R' }, 'a group is a name'],
    [{ path: '/srv', state: 'directory', content: '' }, "'content' means nothing beside state: 'directory'"],
    [
      { path: '/srv', state: 'absent', mode: '0644', owner: 'root' },
      "'mode', 'owner' mean nothing beside state: 'absent'",
    ],
  ])('refuses %j', (args, message) => {
    expect(() => file(args)).toThrow(ArgumentError);
    expect(() => file(args)).toThrow(message);
  });

  test('provides the file, a directory its parents too, and nothing where nothing is to be', () => {
    expect(file({ path: '/etc/motd' }).provides).toEqual(['file:/etc/motd']);
    expect(file({ path: '/srv/a/b', state: 'directory' }).provides).toEqual([
      'file:/srv/a/b',
      'file:/srv/a',
      'file:/srv',
    ]);
    expect(file({ path: '/etc/motd', state: 'absent' }).provides).toEqual([]);
  });

  test('is the same for the same text only', () => {
    const of = (content: string): string => file({ path: '/a', content }).fingerprint;
    expect(of('x')).toBe(of('x'));
    expect(of('x')).not.toBe(of('y'));
  });
});

describe('read', () => {
  const seen = async (found: Parameters<typeof fakeDisk>[0], args: FileArgs) =>
    (await file(args).read(fakeDisk(found).reader)).differences;

  test('what is not named is not compared', async () => {
    const found = { '/a': { text: 'old', mode: '4755', owner: 'admin', group: 'libvirt' } };
    expect(await seen(found, { path: '/a' })).toEqual([]);
    expect(await seen({ '/srv': { kind: 'directory', mode: '2770' } }, { path: '/srv', state: 'directory' })).toEqual(
      [],
    );
  });

  test('mode, owner and group are compared in the terms in which they are wanted', async () => {
    const found = { '/a': { mode: '640', owner: 'qemu', group: 'libvirt' } };
    for (const args of [
      { mode: '640', owner: 'qemu', group: 'libvirt' },
      { mode: '0640', owner: '64055', group: '116' },
    ]) {
      expect(await seen(found, { path: '/a', ...args })).toEqual([]);
    }
    expect(await seen(found, { path: '/a', mode: '2640', owner: '0', group: 'root' })).toEqual([
      { path: 'mode', wanted: '2640', actual: '0640' },
      { path: 'owner', wanted: '0', actual: '64055' },
      { path: 'group', wanted: 'root', actual: 'libvirt' },
    ]);
  });

  test('text is compared exactly, and not shown as a state', async () => {
    const found = { '/a': { text: 'one\n' } };
    expect(await seen(found, { path: '/a', content: 'one\n' })).toEqual([]);
    const difference = { path: 'content', wanted: 'as given', actual: 'another' };
    for (const content of ['one', 'one\r\n', '', 'One\n'])
      expect(await seen(found, { path: '/a', content })).toEqual([difference]);
    expect(await seen({}, { path: '/a', content: '' })).toEqual([
      { path: 'state', wanted: 'file', actual: 'absent' },
      { ...difference, actual: undefined },
    ]);
  });

  test('bytes that are no UTF-8 are another text, though they look like the wanted one', async () => {
    const host = fakeDisk({ '/a': { text: 'café' } });
    Object.assign(host.reader, { readFile: async () => ({ path: '/a', text: 'café', encoding: 'latin1' }) });
    const { differences, plan } = await file({ path: '/a', content: 'café' }).read(host.reader);
    expect(differences).toHaveLength(1);
    expect(plan([])).toMatchObject([{ kind: 'write', text: 'café', before: { encoding: 'utf8' } }]);
  });

  test('a link that leads nowhere is no file, and is one to remove', async () => {
    const host = fakeDisk();
    const asked: string[] = [];
    const { query } = host.reader;
    Object.assign(host.reader, {
      query: async (argv: readonly string[]) => {
        asked.push(argv.slice(0, 2).join(' '));
        return query(argv);
      },
    });
    await file({ path: '/a' }).read(host.reader);
    await file({ path: '/a', state: 'absent' }).read(host.reader);
    expect(asked.filter((words) => words.startsWith('stat'))).toEqual(['stat -L', 'stat -c']);
  });

  test('what cannot be looked at is not taken for absent', async () => {
    const host = fakeDisk();
    Object.assign(host.reader, {
      query: async () => ({ exitCode: 1, stdout: '', stderr: "stat: cannot statx '/a': Permission denied\n" }),
    });
    await expect(file({ path: '/a' }).read(host.reader)).rejects.toThrow('Permission denied');
  });

  test('misses a directory, a user and a group that are not there, all at once', async () => {
    const task = file({ path: '/srv/app/x', owner: 'app', group: 'apps' });
    const { missing } = await task.read(fakeDisk().reader);
    expect(missing.map(({ key }) => key)).toEqual(['file:/srv/app', 'user:app', 'group:apps']);
    await expect(file.apply(fakeDisk(), { path: '/srv/app/x' })).rejects.toThrow(MissingError);
    const there = await file({ path: '/a', owner: '4711', group: 'libvirt' }).read(fakeDisk({ '/a': {} }).reader);
    expect(there.missing).toEqual([]);
  });
});

describe('plan', () => {
  const planned = async (found: Parameters<typeof fakeDisk>[0], args: FileArgs) =>
    lines((await file.check(fakeDisk(found), args)).steps);
  const near = { '/etc/near': {} };

  test.each<[string, Parameters<typeof fakeDisk>[0], FileArgs, readonly string[]]>([
    ['a new file, empty', near, { path: '/etc/a' }, ['write /etc/a']],
    [
      'a new file, which has its mode before its text can be seen',
      near,
      { path: '/etc/a', content: 'x', mode: '600', owner: 'qemu', group: 'libvirt' },
      ['write 600 qemu:libvirt /etc/a'],
    ],
    [
      'a new file with setuid',
      near,
      { path: '/etc/a', mode: '4750', group: 'libvirt' },
      ['write 4750 :libvirt /etc/a'],
    ],
    ['a new directory', {}, { path: '/srv', state: 'directory', mode: '2770' }, ['directory 2770 /srv']],
    ['a mode alone', { '/a': {} }, { path: '/a', mode: '600' }, ['chmod 0600 /a']],
    [
      'a directory’s mode, of which chmod would keep setgid',
      { '/srv': { kind: 'directory', mode: '2755' } },
      { path: '/srv', state: 'directory', mode: '0755' },
      ['chmod 00755 /srv'],
    ],
    [
      'an owner alone, its group as it is',
      { '/a': {} },
      { path: '/a', owner: 'qemu', group: 'root' },
      ['chown qemu:root /a'],
    ],
    ['a text alone', { '/a': { text: 'old' } }, { path: '/a', content: 'new', mode: '644' }, ['write /a']],
    [
      'a text with permissions, which it has before it can be seen',
      { '/a': { text: 'old', mode: '604' } },
      { path: '/a', content: 'new', mode: '0640' },
      ['write 640 /a'],
    ],
    [
      'a text with an owner',
      { '/a': { text: 'old', mode: '644' } },
      { path: '/a', content: 'new', mode: '0600', owner: 'qemu' },
      ['write 600 qemu /a'],
    ],
    [
      'an owner of a file with setuid, which that takes off',
      { '/a': { mode: '4755' } },
      { path: '/a', mode: '4755', owner: 'qemu' },
      ['chown qemu /a', 'chmod 4755 /a'],
    ],
    ['a file that goes', { '/a': { text: 'x' } }, { path: '/a', state: 'absent' }, ['remove /a']],
    ['a link that goes', { '/a': { kind: 'symbolic link' } }, { path: '/a', state: 'absent' }, ['remove /a']],
    [
      'an empty directory that goes',
      { '/d': { kind: 'directory', mode: '755' } },
      { path: '/d', state: 'absent' },
      ['rmdir /d'],
    ],
  ])('%s', async (_what, found, args, steps) => {
    expect(await planned(found, args)).toEqual(steps);
  });

  test.each<[string, Parameters<typeof fakeDisk>[0], FileArgs, string]>([
    [
      'a directory',
      { '/a': { kind: 'directory' } },
      { path: '/a', content: 'x' },
      '/a is a directory, wanted is a file',
    ],
    ['a file', { '/a': {} }, { path: '/a', state: 'directory' }, '/a is a file, wanted is a directory'],
    ['a fifo', { '/a': { kind: 'fifo' } }, { path: '/a' }, '/a is a fifo, wanted is a file'],
    [
      'a directory that is not empty',
      { '/a': { kind: 'directory' }, '/a/1': {}, '/a/2': {}, '/a/3': {}, '/a/4': {} },
      { path: '/a', state: 'absent' },
      '/a is a directory, and not empty (1, 2, 3, …)',
    ],
  ])('refuses to replace %s', async (_what, found, args, message) => {
    const change = planned(found, args);
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow(message);
  });

  test('the text is shown as a diff against what is there', async () => {
    const { steps } = await file.check(fakeDisk({ '/a': { text: 'old' } }), { path: '/a', content: 'new' });
    expect(steps).toMatchObject([{ text: 'new', before: { path: '/a', text: 'old', encoding: 'utf8' } }]);
  });

  test('a network change can take mode and owner back', async () => {
    const { steps } = await file.check(fakeDisk({ '/a': { mode: '640' } }), { path: '/a', mode: '600', owner: 'qemu' });
    expect(steps.map((step) => (step.kind === 'command' ? step.undo?.withOldFiles : []))).toEqual([
      [
        ['chown', '0:0', '/a'],
        ['chmod', '0640', '/a'],
      ],
      [['chmod', '0640', '/a']],
    ]);
  });
});

describe('a secret text', () => {
  const token = new Secret('a test', () => 'hunter2');
  const password = secret.text`password=${token}\n`;
  const text = 'password=hunter2\n';
  const note = '/var/lib/kvm-play/secret/%2Fa';

  test('is compared, and shown neither as a state nor as a diff nor in a step', async () => {
    const { differences, steps, warnings } = await file.check(fakeDisk({ '/a': { text: 'old hunter2' } }), {
      path: '/a',
      content: password,
    });
    expect(differences.map(({ path, actual }) => [path, actual])).toEqual([
      ['content', 'another'],
      ['mode', '0644'],
    ]);
    expect(lines(steps)).toEqual(['write 600 /a']);
    expect(steps[0]).toEqual({ kind: 'write', path: '/a', text: password, chmod: 0o600, secret: true });
    expect(inspect({ differences, steps, warnings }, { depth: 9 })).not.toContain('hunter2');
    const same = { '/a': { text, mode: '600' } };
    expect((await file.check(fakeDisk(same), { path: '/a', content: password })).changed).toBe(false);
  });

  test('has mode 0600 unless another is given', async () => {
    const modeOf = async (args: Partial<FileArgs>): Promise<readonly string[]> =>
      lines((await file.check(fakeDisk({ '/etc/x': {} }), { path: '/etc/a', content: password, ...args })).steps);
    expect(await modeOf({})).toEqual(['write 600 /etc/a']);
    expect(await modeOf({ mode: '0640' })).toEqual(['write 640 /etc/a']);
  });

  test('that was there is not shown either when something replaces or removes it', async () => {
    const found = { '/a': { text, mode: '600' }, [note]: {} };
    for (const args of [{ content: 'plain' }, { state: 'absent' as const }]) {
      const { steps } = await file.check(fakeDisk(found), { path: '/a', ...args });
      expect(steps).toMatchObject([{ path: '/a', secret: true }]);
      expect(inspect(steps)).not.toContain('hunter2');
    }
  });

  test('leaves no trace in what a task is known by', () => {
    const of = (content: string | Secret): string => file({ path: '/a', content }).fingerprint;
    expect(of(password)).toBe(of(new Secret('another', () => 'hunter3')));
  });

  test('that cannot be read is an error before anything is written', async () => {
    const host = fakeDisk();
    const change = file.apply(host, { path: '/a', content: secret.env('KVM_PLAY_NO_SUCH') });
    await expect(change).rejects.toThrow("the environment variable 'KVM_PLAY_NO_SUCH' is not set");
    expect(host.executed).toEqual([]);
  });

  test('in a plain text is refused, and so is one in a network change', () => {
    expect(() => file({ path: '/a', content: `password=${token}` })).toThrow('file: a text holds ***');
    expect(() => networkChange({}, [file('Write it', { path: '/a', content: password })])).toThrow(
      "'Write it' cannot be part of it: it holds a secret",
    );
  });
});

test.each<[string, Parameters<typeof fakeDisk>[0], FileArgs]>([
  ['a secret', { '/a': { text: 'old' } }, { path: '/a', content: new Secret('a test', () => 'hunter2') }],
  ['a new file', { '/etc/near': {} }, { path: '/etc/a', content: 'x\n', mode: '0640', group: 'libvirt' }],
  [
    'a file that differs',
    { '/a': { text: 'old', mode: '644' } },
    { path: '/a', content: 'x', mode: '600', owner: 'qemu' },
  ],
  ['a directory', {}, { path: '/srv/a', state: 'directory', mode: '0750', owner: 'admin' }],
  ['a file that goes', { '/a': {} }, { path: '/a', state: 'absent' }],
])('round trip of %s: check writes nothing, apply changes, apply again is ok', async (_what, found, args) => {
  const host = fakeDisk(found);
  expect((await file.check(host, args)).changed).toBe(true);
  expect(host.executed).toEqual([]);
  expect((await file.apply(host, args)).changed).toBe(true);
  const taken = host.executed.length;
  expect((await file.apply(host, args)).changed).toBe(false);
  expect(host.executed).toHaveLength(taken);
});
