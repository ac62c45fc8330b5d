import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { readFile, writeFile as writeText } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { connect } from '../../lib/hosts/connect.ts';
import type { Host } from '../../lib/hosts/host.ts';
import { command, makeDirectory, removeFile, writeFile } from '../../lib/task/step.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { until } from '../support/until.ts';
import { withLab } from './support.ts';

const imports = "import { play } from 'kvm-play';\nimport { file } from 'kvm-play/modules';\n";

withLab('a host reached over SSH', (machine) => {
  const { inside } = machine;
  let host: Host;
  const reach = (user: string, become = false): Promise<Host> => machine.connect(user, { become });

  beforeAll(async () => {
    host = await reach('root');
    await host.lock();
  });

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
  });

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
    const born = '$(cut -d " " -f 22 /proc/$!/stat)';
    const step = `sleep 2 & echo "$! ${born}" > /run/kvm-play/step.$(head -n 1 /run/kvm-play/lock)`;
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

  test('a run that was stopped takes no further step once another one has taken its lock', async () => {
    await host.close();
    const site = (text: string): readonly string[] => {
      const path = join(machine.directory, `${text}.ts`);
      const tasks = Array.from({ length: 12 }, (_, n) => `file({ path: '/srv/stopped-${n}', content: '${text}' })`);
      writeFileSync(path, `${imports}export default play({ name: 'Files', tasks: [${tasks.join(', ')}] });\n`);
      return [path, ...machine.arguments];
    };
    const stopped = startCommand([...site('first'), '--json']);
    if (stopped.pid === undefined || stopped.stdout === null) throw new Error('the command did not start');
    let said = '';
    stopped.stdout.on('data', (piece) => {
      said += piece;
    });
    const closed = once(stopped, 'close');
    while (!said.includes('"task-end"')) await once(stopped.stdout, 'data');
    process.kill(stopped.pid, 'SIGSTOP');
    // What it had sent by then is taken; after that the host hears no more of it, until its lock has run out.
    await until(async () => (await inside('cat /run/kvm-play/step.*')) === '');
    await inside('for f in /run/kvm-play/alive.*; do echo 0 > $f; done');
    expect(await runCommand(site('second'))).toMatchObject({ exitCode: 0, stderr: '' });
    process.kill(stopped.pid, 'SIGCONT');
    await closed;
    expect(stopped.exitCode).toBe(2);
    expect(said).toMatch(
      /this run has lost the host's lock: .* nobody holds it now; it does nothing more on this host/,
    );
    expect(await inside('cat /srv/stopped-*')).toBe('second'.repeat(12));
    host = await reach('root');
    await host.lock();
  });

  test('steps that cut the link are not taken under a lock that was lost', async () => {
    await inside('for f in /run/kvm-play/alive.*; do echo 0 > $f; done');
    const other = await reach('root');
    await other.lock();
    const steps = ['touch', '/run/kp-cut'];
    await expect(host.executeDetached([command(steps, { disrupts: 'link' })])).rejects.toThrow(/process \d+, holds it/);
    expect(await host.reader.exists('/run/kp-cut')).toBe(false);
    await other.close();
    host = await reach('root');
    await host.lock();
  });

  test.each(['sh', 'bash', 'csh', 'fish'])(
    'a login that ends idle shells ends no step, and exports nothing to it, with %s as the login shell and bash as sh',
    async (shell) => {
      await inside(`usermod -s "$(command -v ${shell})" admin; ln -sf bash /bin/sh
printf 'TMOUT=1\nBASH_ENV=/nowhere\nLIBVIRT_DEFAULT_URI=test:///default\n' >> /etc/environment
echo 'readonly TMOUT=1; export TMOUT' | tee /root/.bashrc > /home/admin/.bashrc`);
      for (const reached of [await reach('root'), await reach('admin'), await reach('admin', true)]) {
        const before = await reached.reader.query(['sh', '-c', 'echo $PPID']);
        const { stdout } = await reached.reader.query(['sh', '-c', 'sleep 1.5; env']);
        expect(stdout).not.toMatch(/^(TMOUT|BASH_ENV|LIBVIRT_DEFAULT_URI|SUDO_(?!USER)\w+)=/m);
        expect(stdout).toMatch(/^SSH_CONNECTION=192\.168\.221\./m);
        expect(before.exitCode).toBe(0);
        await reached.close();
      }
      await inside("ln -sf dash /bin/sh; sed -i '/TMOUT/,$d' /etc/environment; rm /root/.bashrc /home/admin/.bashrc");
    },
  );

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
    const look = (): Promise<string> => inside('pgrep -fx "sleep 62" || echo none');
    await until(async () => (await look()) !== 'none');
    await reached.close();
    await ended;
    await until(async () => (await look()) === 'none');
  });

  test('a host that refuses the key, or does not answer, is unreachable with ssh’s own words, in time', async () => {
    await expect(reach('stranger')).rejects.toThrow(/Permission denied/);
    const started = Date.now();
    await expect(connect('root@192.168.221.77', { sshConfig: machine.lab.sshConfig })).rejects.toThrow();
    expect(Date.now() - started).toBeLessThan(60_000);
  });

  test('a host that known_hosts does not know is unreachable, and never taken for granted', async () => {
    const sshConfig = `${machine.lab.directory}/stranger`;
    const known = await readFile(machine.lab.sshConfig, 'utf8');
    await writeText(sshConfig, known.replace(/UserKnownHostsFile .*/, 'UserKnownHostsFile /dev/null'));
    await expect(machine.connect('root', { sshConfig })).rejects.toThrow(
      /^No ED25519 host key is known for kvmhost and you have requested strict checking\.\nHost key verification failed\.$/,
    );
  });
});
