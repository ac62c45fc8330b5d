import { beforeAll, expect, test } from '@jest/globals';
import { fileDiff } from '../../lib/reporters/file_diff.ts';
import { Secret } from '../../lib/task/secret.ts';
import { removeFile, writeFile } from '../../lib/task/step.ts';
import type { Task } from '../../lib/task/task.ts';
import { command, file, service, sysctl } from '../../modules/index.ts';
import { withLab } from './support.ts';

const token = new Secret('a test', () => 'hunter2');

withLab('other users of a throwaway host', (machine) => {
  const { inside } = machine;
  beforeAll(async () => {
    await inside(`useradd -m mallory; mkdir /srv/mallory; chown mallory: /srv/mallory
umask 077; echo decoy-text > /root/decoy; echo decoy-text > /srv/decoy`);
  });

  const decoys = (): Promise<string> => inside('cat /root/decoy /srv/decoy; stat -c "%U %a" /root/decoy /srv/decoy');

  /** Checks or applies tasks as a user, and gives what became of each, and all diffs. */
  async function told(user: string, tasks: readonly Task[], check = false) {
    const { events, ends } = await machine.run(tasks, { user, check });
    const ended = events.flatMap((event) => (event.type === 'task-end' ? [event] : []));
    return {
      statuses: ends,
      diffs: ended.flatMap(({ result }) => (result?.steps ?? []).flatMap((step) => fileDiff(step) ?? [])).join('\n'),
    };
  }

  /** Check and apply refuse alike, and show nothing. */
  async function refused(task: Task, words: RegExp): Promise<void> {
    for (const check of [true, false]) {
      const { statuses, diffs } = await told('root', [task], check);
      expect(statuses).toEqual([expect.stringMatching(words)]);
      expect(`${statuses} ${diffs}`).not.toContain('decoy-text');
    }
  }

  test('a link or a pipe in place of a file is refused by check and apply, and hangs nothing', async () => {
    await inside(`cd /srv/mallory; su mallory -c 'ln -s /root/decoy link; ln -s / up; mkfifo pipe'; mkfifo /etc/pipe`);
    const before = await decoys();
    await refused(file({ path: '/srv/mallory/link', content: 'x' }), /link is a symbolic link in \/srv\/mallory/);
    await refused(file({ path: '/srv/mallory/link', mode: '0644' }), /link is a symbolic link in \/srv\/mallory/);
    await refused(file({ path: '/srv/mallory/up/root/decoy', state: 'absent' }), /up is a symbolic link/);
    await refused(file({ path: '/etc/pipe', content: 'x' }), /is a fifo/);
    await refused(file({ path: '/srv/mallory/pipe', content: 'x' }), /is a fifo/);
    expect(await decoys()).toBe(before);
    const removed = ['link', 'up', 'pipe'].map((name) => file({ path: `/srv/mallory/${name}`, state: 'absent' }));
    expect((await told('root', removed)).statuses).toEqual(['changed', 'changed', 'changed']);
    expect(await decoys()).toBe(before);
  });

  test('a user who races for a file and its temporary names gains nothing', async () => {
    const before = await decoys();
    const host = await machine.connect();
    const racer = machine.lab.run(
      [
        'su',
        'mallory',
        '-c',
        `cd /srv/mallory; echo $$ > /tmp/racer; while :; do ln -sfn /srv/decoy x; rm -rf x; mkdir x; rmdir x; ln -s /srv x; rm -f x; for t in .kvm-play.*; do mv "$t" y && ln -s /srv "$t"; rm -f "$t"; mv y "$t"; done 2>/dev/null; done`,
      ],
      { reject: false },
    );
    try {
      await host.lock();
      let written = 0;
      for (let round = 0; round < 40; round += 1) {
        await host.execute(writeFile('/srv/mallory/x', 'x', { owner: 'mallory', chmod: 0o666 })).then(
          () => {
            written += 1;
          },
          () => {},
        );
        await host.execute(removeFile('/srv/mallory/x')).catch(() => {});
        const seen = await host.reader.readFile('/srv/mallory/x').catch(() => undefined);
        expect(seen?.text ?? '').not.toContain('decoy-text');
      }
      expect(written).toBeGreaterThan(0);
    } finally {
      await inside('kill -9 "$(cat /tmp/racer)"');
      await racer;
      await host.close();
    }
    expect(await decoys()).toBe(before);
    expect(await inside('ls -A /srv')).toBe('decoy\nmallory');
  });

  test('a file that a user has put where root will write gets that user nothing', async () => {
    const acl = 'pack("V", 2) . join("", map { pack("vvV", @$_) } [1,6,-1], [2,6,$<], [4,4,-1], [16,6,-1], [32,0,-1])';
    const plant = (name: string): Promise<string> =>
      inside(`rm -f /tmp/${name}; su mallory -c 'umask 0; echo planted > /tmp/${name}
perl -e '\\''my ($p, $k, $v) = ("/tmp/${name}", "system.posix_acl_access", ${acl}); syscall(188, $p, $k, $v, length $v, 0) and die $!'\\'''`);
    const spied = (name: string): Promise<string> =>
      inside(
        `su mallory -c 'cat /tmp/${name}; echo evil >> /tmp/${name}' 2>/dev/null || true; stat -c '%U %G %a' /tmp/${name}`,
      );
    for (const args of [{}, { group: 'root' }]) {
      await plant('unowned');
      await refused(
        file({ path: '/tmp/unowned', content: token, ...args }),
        /belongs to mallory, who may have put it there/,
      );
    }
    const host = await machine.connect();
    try {
      const step = writeFile('/tmp/unowned', token, { chmod: 0o600 });
      await expect(host.execute(step)).rejects.toThrow('belongs to mallory, who may have put it there');
    } finally {
      await host.close();
    }
    for (const [mode, ends] of [
      ['0640', 'root root 640'],
      ['0660', 'root root 660'],
      [undefined, 'root root 600'],
    ] as const) {
      await plant('owned');
      const task = file({ path: '/tmp/owned', content: token, owner: 'root', ...(mode && { mode }) });
      expect((await told('root', [task])).statuses).toEqual(['changed']);
      expect(await spied('owned')).toBe(ends);
      expect((await told('root', [task], true)).statuses).toEqual(['ok']);
    }
    await plant('theirs');
    const theirs = file({ path: '/tmp/theirs', content: 'for mallory\n', owner: 'mallory' });
    expect((await told('root', [theirs])).statuses).toEqual(['changed']);
    expect(await spied('theirs')).toBe('for mallory\nmallory mallory 660');
    await inside("su mallory -c 'umask 077; echo x > /srv/mallory/own'");
    expect((await told('root', [file({ path: '/srv/mallory/own', content: 'y\n', group: 'root' })])).statuses).toEqual([
      'changed',
    ]);
    expect(await inside('stat -c "%U %G %a" /srv/mallory/own')).toBe('mallory root 600');
    await inside('rm -f /tmp/unowned /tmp/owned /tmp/theirs /srv/mallory/own');
  });

  test('a directory hands on no rights to what root makes in it', async () => {
    const acl = 'pack("V", 2) . join("", map { pack("vvV", @$_) } [1,7,-1], [2,7,$u], [4,5,-1], [16,7,-1], [32,0,-1])';
    const handOn = (path: string): string =>
      `perl -e 'my $u = '"$(id -u mallory)"'; my ($p, $k, $v) = ("${path}", "system.posix_acl_default", ${acl}); syscall(188, $p, $k, $v, length $v, 0) and die $!'`;
    await inside(`mkdir -p /srv/mallory/d /srv/roots; chown mallory: /srv/mallory/d; chmod 2755 /srv/mallory/d
${handOn('/srv/mallory/d')}; ${handOn('/srv/roots')}; su mallory -c 'echo planted > /srv/mallory/d/owned'`);
    const made = ['/srv/mallory/d/new', '/srv/mallory/d/owned', '/srv/roots/new'].map((path) =>
      file({ path, content: token, owner: 'root', mode: '0640' }),
    );
    const directories = ['/srv/mallory/d/dir', '/srv/roots/dir'].map((path) =>
      file({ path, state: 'directory', owner: 'root', group: 'root', mode: '0750' }),
    );
    const tasks = [...made, ...directories];
    // Where nothing takes the list off, nothing is written.
    await inside('mount --bind /bin/false /usr/bin/cp');
    for (const task of [...made.slice(0, 1), ...directories]) {
      expect((await told('root', [task])).statuses).toEqual([expect.stringMatching(/inherits an access control list/)]);
    }
    await inside('umount /usr/bin/cp');
    expect(await inside('ls -A /srv/mallory/d /srv/roots')).toBe('/srv/mallory/d:\nowned\n\n/srv/roots:');
    expect((await told('root', tasks)).statuses).toEqual(tasks.map(() => 'changed'));
    expect(await inside('ls -ld /srv/mallory/d/* /srv/roots/* | cut -d" " -f1,3,4')).toBe(
      [
        ...['drwxr-x--- root root', '-rw-r----- root root', '-rw-r----- root root'],
        ...['drwxr-x--- root root', '-rw-r----- root root'],
      ].join('\n'),
    );
    expect(await inside("su mallory -c 'cat /srv/mallory/d/* /srv/roots/new' 2>/dev/null || true")).toBe('');
    expect((await told('root', tasks, true)).statuses).toEqual(tasks.map(() => 'ok'));
    await inside('rm -rf /srv/mallory/d /srv/roots');
  });

  test('what somebody wrote as a secret is shown to nobody else', async () => {
    const own = { path: '/home/admin/token', mode: '0644' };
    expect((await told('admin', [file({ ...own, content: token })])).statuses).toEqual(['changed']);
    await inside('chmod 755 /home/admin');
    const shared = { path: '/etc/shared.conf', mode: '0644' };
    expect((await told('root', [file({ ...shared, content: token })])).statuses).toEqual(['changed']);
    for (const user of ['admin', 'root', 'mallory']) {
      for (const args of [own, shared]) {
        const { diffs } = await told(user, [file({ ...args, content: 'plain\n' })], true);
        expect(diffs).not.toContain('hunter2');
      }
    }
    const asRoot = await told('root', [file({ ...own, content: 'plain\n' })]);
    expect([asRoot.statuses, asRoot.diffs]).toEqual([['changed'], expect.stringContaining('(secret)')]);
    expect(await inside('grep -rl hunter2 /var/lib/kvm-play /home/admin/.local || true')).toBe('');
  });

  test('what a user wrote and root has not loaded is loaded by the next run', async () => {
    await machine.lab.putFile('/etc/systemd/system/app.service', '[Service]\nExecStart=/bin/sleep infinity\n');
    const site = (text: string): readonly Task[] => {
      const settings = file({ path: '/home/admin/app.conf', content: text });
      return [settings, service({ name: 'app', reflects: [settings], become: true })];
    };
    expect((await told('admin', site('one\n'))).statuses).toEqual(['changed', 'changed']);
    expect((await told('admin', site('one\n'), true)).statuses).toEqual(['ok', 'ok']);
    const [settings] = site('two\n');
    const failing = [settings, command({ argv: ['false'] })].flatMap((task) => task ?? []);
    expect((await told('admin', failing)).statuses[0]).toBe('changed');
    expect((await told('admin', site('two\n'), true)).statuses).toEqual(['ok', 'changed']);
    expect((await told('admin', site('two\n'))).statuses).toEqual(['ok', 'changed']);
    expect((await told('admin', site('two\n'))).statuses).toEqual(['ok', 'ok']);
  });

  test('who is not root is told so at the first look, by check and apply', async () => {
    const tasks = [
      file({ path: '/etc/motd', content: 'x\n' }),
      file({ path: '/etc/passwd', mode: '0600' }),
      file({ path: '/home/admin/given', owner: 'mallory' }),
      sysctl({ values: { 'net.ipv4.conf.all.log_martians': 1 }, file: '/etc/sysctl.d/90-x.conf' }),
      service({ name: 'app', state: 'stopped' }),
    ];
    for (const task of tasks) {
      for (const check of [true, false]) {
        const { statuses } = await told('admin', [task], check);
        expect(statuses).toEqual([expect.stringMatching(/^you are 'admin' on the host, not root: add become: true/)]);
      }
    }
    expect((await told('admin', [file({ path: '/home/admin/mine', content: 'x\n' })])).statuses).toEqual(['changed']);
    expect((await told('admin', [command({ argv: ['touch', '/etc/x'] })])).statuses[0]).toMatch(/not root: add become/);
  });

  test('an access control list stays, and whom its mask keeps out stays out', async () => {
    // Version 2; owner rw, uid 1 rw, group none, mask rw, others none.
    const acl = 'pack("V", 2) . join("", map { pack("vvV", @$_) } [1,6,-1], [2,6,1], [4,0,-1], [16,6,-1], [32,0,-1])';
    const get = `perl -e 'my ($p, $k, $v) = ("/etc/acl", "system.posix_acl_access", "\\0" x 64); my $n = syscall(191, $p, $k, $v, 64); print unpack("H*", substr($v, 0, $n))'`;
    await inside(
      `echo old > /etc/acl; perl -e 'my ($p, $k, $v) = ("/etc/acl", "system.posix_acl_access", ${acl}); syscall(188, $p, $k, $v, length $v, 0) and die $!'`,
    );
    const before = await inside(`${get}; stat -c ' %a' /etc/acl`);
    expect(before).toMatch(/^02000000(.{16}){5} 660$/);
    expect((await told('root', [file({ path: '/etc/acl', content: 'new\n' })])).statuses).toEqual(['changed']);
    expect(await inside(`${get}; stat -c ' %a' /etc/acl; cat /etc/acl`)).toBe(`${before}\nnew`);
    await inside('ln /etc/acl /etc/acl2');
    await refused(file({ path: '/etc/acl', content: 'newer\n' }), /has 2 names \(hard links\)/);
  });
});
