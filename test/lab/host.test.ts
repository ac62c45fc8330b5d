import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile as writeText } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect } from '../../lib/hosts/connect.ts';
import type { Host } from '../../lib/hosts/host.ts';
import { buildLab, type Lab } from '../../lib/lab/index.ts';
import { command, makeDirectory, removeFile, writeFile } from '../../lib/step.ts';
import { describeLab } from './support.ts';

describeLab('a host reached over SSH', () => {
  let lab: Lab;
  let host: Host;
  const opened: Host[] = [];
  const reach = async (user: string, become = false): Promise<Host> => {
    const reached = await connect(`${user}@${lab.hostAddress}`, { sshConfig: lab.sshConfig, become });
    opened.push(reached);
    return reached;
  };

  beforeAll(async () => {
    lab = await buildLab();
    host = await reach('root');
    await host.lock();
  }, 300_000);
  afterAll(async () => {
    for (const host of opened) await host.close();
    await lab?.destroy();
  }, 60_000);

  async function inside(script: string): Promise<string> {
    return (await lab.run(['sh', '-c', script])).stdout;
  }

  test('a write keeps mode, owner and the other bytes, follows a link, and leaves a backup', async () => {
    await inside(
      "printf 'caf\\351=1\\n' > /etc/target; chmod 640 /etc/target; chown 1:2 /etc/target; ln -s target /etc/link",
    );
    const before = await host.reader.readFile('/etc/link');
    if (before === undefined) throw new Error('the link leads nowhere');
    await host.execute(writeFile('/etc/link', `${before.text}new=2\n`, { before }));
    expect(await inside('stat -c "%a %u:%g" /etc/target; readlink /etc/link; od -An -c /etc/target')).toBe(
      await inside("echo '640 1:2'; echo target; printf 'caf\\351=1\\nnew=2\\n' | od -An -c"),
    );
    expect(await inside('cat /var/lib/kvm-play/backups/*/etc/link | od -An -c')).toBe(
      await inside("printf 'caf\\351=1\\n' | od -An -c"),
    );
    expect(await inside('ls -A /etc | grep kvm-play; true')).toBe('');
  });

  test('a new file has the mode that was asked for, a removed one is gone and backed up', async () => {
    await host.execute(makeDirectory('/etc/kp/deep', { mode: 0o700 }));
    await host.execute(writeFile('/etc/kp/deep/new file', "it's $HOME\n", { mode: 0o600 }));
    expect(await inside('stat -c "%a %n" /etc/kp/deep/*; cat /etc/kp/deep/*; stat -c %a /etc/kp/deep')).toBe(
      "600 /etc/kp/deep/new file\nit's $HOME\n700",
    );
    await host.execute(removeFile('/etc/kp/deep/new file'));
    await host.execute(removeFile('/etc/kp/deep/new file'));
    expect(await inside('ls /etc/kp/deep; ls /var/lib/kvm-play/backups/*/etc/kp/deep')).toBe('new file');
  });

  test('a full disk writes nothing, and says so', async () => {
    await inside('mkdir /etc/small; mount -t tmpfs -o size=64k none /etc/small; echo old > /etc/small/file');
    const step = writeFile('/etc/small/file', 'x'.repeat(100_000));
    await expect(host.execute(step)).rejects.toThrow(/No space left|did not arrive whole/);
    expect(await inside('cat /etc/small/file; ls -A /etc/small; umount /etc/small')).toBe('old\nfile');
  });

  test('a failing command tells its own words, a secret argument does not show', async () => {
    const argv = ['sh', '-c', 'echo "no such $1" >&2; exit 3', 'sh', 'thing', 'hunter2'];
    const failed = host.execute(command(argv, { secret: [5] }));
    await expect(failed).rejects.toThrow(/failed with exit code 3: no such thing/);
    await expect(failed).rejects.not.toThrow(/hunter2/);
  });

  test('a command over its time limit is ended', async () => {
    await expect(host.execute(command(['sleep', '61'], { timeLimit: 1 }))).rejects.toThrow('took longer than 1 s');
    expect(await inside('pgrep -fx "sleep 61" || echo none')).toBe('none');
  });

  test('steps that cut the link are seen through to the last, over a fresh connection', async () => {
    const cutting = (script: string) => command(['sh', '-c', script], { disrupts: 'link', timeLimit: 30 });
    const steps = host.executeDetached([
      cutting('ip link set ens33 down; echo down'),
      cutting('sleep 1; ip link set ens33 up; sleep 1; echo up; exit 4'),
      cutting('touch /tmp/too-far'),
    ]);
    await expect(steps).rejects.toThrow('exit code 4: up');
    expect((await host.reader.query(['echo', 'again'])).stdout).toBe('again\n');
    expect(await host.reader.exists('/tmp/too-far')).toBe(false);
    expect(await inside('ls /run/kvm-play/steps; systemctl --failed --no-legend | grep kvm-play; true')).toBe('');
  }, 60_000);

  test('a second run is told who holds the lock; a dead one is followed once its last step has ended', async () => {
    const second = await reach('root');
    await expect(second.lock()).rejects.toThrow(/another run holds this host's lock: .*process \d+, since 2/);
    await host.close();
    await second.lock();
    await second.close();
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    host = await reach('root');
    await host.lock();
    const step = 'sleep 2 & echo $! > /run/kvm-play/step.$(head -n 1 /run/kvm-play/lock)';
    await inside(`sed -i '3s/.*/${dead.pid}/' /run/kvm-play/lock; { ${step}; } >/dev/null 2>&1`);
    const started = performance.now();
    const next = await reach('root');
    await next.lock();
    expect(performance.now() - started).toBeGreaterThan(1000);
    await next.close();
    host = await reach('root');
    await host.lock();
  });

  test('a lock of an earlier boot, or without a sign of life, is broken', async () => {
    for (const spoil of [
      "sed -i '6s/.*/earlier/' /run/kvm-play/lock",
      'for f in /run/kvm-play/alive.*; do echo 0 > $f; done',
    ]) {
      await inside(spoil);
      const next = await reach('root');
      await next.lock();
      await next.close();
      host = await reach('root');
      await host.lock();
    }
  });

  test.each(['sh', 'bash', 'dash', 'csh', 'fish'])(
    'works with %s as the login shell, as a user and become',
    async (shell) => {
      if ((await host.reader.which(shell)) === undefined) {
        console.warn(`not tested with ${shell} as a login shell: the host does not have it`);
        return;
      }
      await inside(`usermod -s "$(command -v ${shell})" admin`);
      const user = await reach('admin');
      const root = await reach('admin', true);
      const hostile = `'"$(touch /tmp/SENTINEL)\`!!\\ \n%`;
      for (const [reader, name] of [
        [user.reader, 'admin'],
        [root.reader, 'root'],
      ] as const) {
        expect((await reader.query(['id', '-un'])).stdout).toBe(`${name}\n`);
        expect((await reader.query(['printf', '%s', hostile])).stdout).toBe(hostile);
      }
      await Promise.all([user.close(), root.close()]);
      expect(await host.reader.exists('/tmp/SENTINEL')).toBe(false);
    },
  );

  test('a user who may not become root is told what to do', async () => {
    await inside("printf 'Defaults requiretty\\n' > /etc/sudoers.d/zz-tty");
    await expect(reach('admin', true)).rejects.toThrow(/requiretty/);
    await inside('rm /etc/sudoers.d/zz-tty');
  });

  test.each([
    ['root', false],
    ['admin', true],
  ] as const)('what is under way on the host ends with the connection, as %s (become: %s)', async (user, become) => {
    const reached = await reach(user, become);
    const asked = reached.reader.query(['sleep', '62']);
    const ended = expect(asked).rejects.toThrow('the session was closed');
    const deadline = Date.now() + 5000;
    const look = (): Promise<string> => inside('pgrep -fx "sleep 62" || echo none');
    while ((await look()) === 'none' && Date.now() < deadline);
    await reached.close();
    await ended;
    while ((await look()) !== 'none' && Date.now() < deadline);
    expect(await look()).toBe('none');
  });

  test('a host that refuses the key, or does not answer, is unreachable with ssh’s own words, in time', async () => {
    await expect(reach('stranger')).rejects.toThrow(/Permission denied/);
    const started = Date.now();
    await expect(connect('root@192.168.221.77', { sshConfig: lab.sshConfig })).rejects.toThrow();
    expect(Date.now() - started).toBeLessThan(15_000);
  }, 30_000);

  test('a host that known_hosts does not know is unreachable, and never taken for granted', async () => {
    const sshConfig = `${lab.directory}/stranger`;
    const known = await readFile(lab.sshConfig, 'utf8');
    await writeText(sshConfig, known.replace(/UserKnownHostsFile .*/, 'UserKnownHostsFile /dev/null'));
    await expect(connect(`root@${lab.hostAddress}`, { sshConfig })).rejects.toThrow(
      /^No ED25519 host key is known for kvmhost and you have requested strict checking\.\nHost key verification failed\.$/,
    );
  });
});
