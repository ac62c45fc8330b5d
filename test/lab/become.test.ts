import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ConnectionError } from '../../lib/errors.ts';
import type { Host } from '../../lib/hosts/host.ts';
import { LocalTransport } from '../../lib/hosts/local.ts';
import { pasteable } from '../../lib/hosts/shell/quote.ts';
import { Secret } from '../../lib/task/secret.ts';
import { command } from '../../lib/task/step.ts';
import { sourceArguments } from '../support/command.ts';
import { withLab } from './support.ts';

const right = 'it\'s "hunter2" $HOME é';
const given = (text: string): Secret => new Secret('a test', () => text);
const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));

withLab('sudo with a password', (machine) => {
  const { inside } = machine;
  const opened: Host[] = [];

  beforeAll(async () => {
    await inside(
      'useradd --create-home --shell /bin/sh keeper; cat > /etc/sudoers.d/keeper',
      'keeper ALL=(ALL:ALL) ALL\n',
    );
    await inside('chmod 440 /etc/sudoers.d/keeper; chpasswd', `keeper:${right}\n`);
  });
  afterEach(async () => {
    for (const host of opened.splice(0)) await host.close();
    await inside('rm -f /etc/sudoers.d/zz-test; usermod -s /bin/sh keeper');
  });

  async function reach(user: string, password: string): Promise<Host> {
    const host = await machine.connect(user, { become: true, becomePassword: given(password) });
    opened.push(host);
    return host;
  }

  /** How often somebody was refused by sudo since a moment, by the host's own log: each sudo writes it as it ends. */
  async function refusals(since: string): Promise<number> {
    for (const host of opened.splice(0)) await host.close();
    await inside("timeout 20 sh -c 'while pgrep -x sudo > /dev/null; do sleep 0.05; done'");
    const log = await inside(`journalctl --sync; journalctl --since=@${since} --no-pager -o cat _COMM=sudo`);
    const counts = [...log.matchAll(/: (\d+) incorrect password attempts? ;/g)].map(([, count]) => Number(count));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async function whoami(host: Host): Promise<string> {
    return (await host.reader.query(['id', '-un'])).stdout.trim();
  }

  test.each(['sh', 'bash', 'csh', 'fish'])('makes a user root whose login shell is %s', async (shell) => {
    await inside(`usermod -s "$(command -v ${shell})" keeper`);
    const host = await reach('keeper', right);
    expect(await whoami(host)).toBe('root');
    // What a step reads is all that was sent to it.
    await host.lock();
    await host.execute(command(['sh', '-c', 'cat > /run/kp-read'], { stdin: 'all of it\n' }));
    expect(await inside('cat /run/kp-read')).toBe('all of it');
  });

  test('is asked for anew by each connection, and answered', async () => {
    await inside('cat > /etc/sudoers.d/zz-test', 'Defaults timestamp_timeout=0\n');
    const host = await reach('keeper', right);
    await host.reconnect();
    expect(await whoami(host)).toBe('root');
    expect((await host.reader.query(['sh', '-c', 'echo "$SSH_CONNECTION"'])).stdout).toMatch(/^192\.168\.221\./);
  });

  test.each([
    ['asks again', ''],
    ['asks once', 'Defaults passwd_tries=1\n'],
  ])('that is wrong is tried once, where sudo %s, and is not part of what is said', async (_what, defaults) => {
    await inside('cat > /etc/sudoers.d/zz-test', defaults);
    const since = await inside('date +%s.%N');
    const error: unknown = await reach('keeper', 'wrong-hunter').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toMatch(/sudo on the host does not take the password for this user; it was tried once/);
    expect(String(error)).not.toContain('wrong-hunter');
    expect(await refusals(since)).toBe(1);
  });

  test('is not sent where sudo wants none', async () => {
    const since = await inside('date +%s.%N');
    const host = await reach('admin', 'never-sent');
    expect(await whoami(host)).toBe('root');
    expect((await host.reader.query(['cat'])).stdout).toBe('');
    await host.reconnect();
    expect(await whoami(host)).toBe('root');
    expect(await refusals(since)).toBe(0);
  });

  test('works where sudo gives commands a terminal of their own, and says so where it wants one', async () => {
    await inside('cat > /etc/sudoers.d/zz-test', 'Defaults use_pty\n');
    expect(await whoami(await reach('keeper', right))).toBe('root');
    await inside('cat > /etc/sudoers.d/zz-test', 'Defaults requiretty\n');
    await expect(reach('keeper', right)).rejects.toThrow(/requiretty/);
  });

  test('of a user whom sudo does not know is no use, in sudo’s own words', async () => {
    await inside('useradd --shell /bin/sh stranger 2>/dev/null; chpasswd', `stranger:${right}\n`);
    await expect(reach('stranger', right)).rejects.toThrow(/stranger is not in the sudoers file/);
  });

  test('is left in no log and no process list', async () => {
    const host = await reach('keeper', right);
    const seen = await host.reader.query(['sh', '-c', 'ps -eo args; cat /proc/[0-9]*/environ; journalctl --no-pager']);
    expect(seen.stdout).toContain('sudo');
    expect(seen.stdout).not.toContain('hunter2');
  });

  describe('on this very machine', () => {
    /** A stand-in for this machine's shell that is one of the lab's user. */
    const local = (password: string): LocalTransport =>
      new LocalTransport('localhost', {
        become: true,
        becomePassword: given(password),
        shell: ['sh', '-c', `exec ssh -F ${machine.lab.sshConfig} keeper@${machine.lab.hostAddress} "$2"`, 'sh'],
      });

    test('goes through sessions and connections of their own alike', async () => {
      const transport = local(right);
      const slow = transport.run('sleep 0.5; id -u', { timeLimit: 10 });
      const quick = await transport.run('cat; echo err >&2; exit 7', { timeLimit: 10, stdin: Buffer.from('in') });
      expect([quick.exitCode, quick.stdout.toString(), quick.stderr.toString()]).toEqual([7, 'in', 'err\n']);
      expect((await slow).stdout.toString()).toBe('0\n');
      await transport.close();
    });

    test('is tried once for all of them', async () => {
      const since = await inside('date +%s.%N');
      const transport = local('wrong-local');
      for (const attempt of [
        () => transport.runApart('id', { timeLimit: 10 }),
        () => transport.run('id', { timeLimit: 10 }),
        () => transport.runApart('id', { timeLimit: 10 }),
      ]) {
        await expect(attempt()).rejects.toThrow(/does not take the password/);
      }
      await transport.close();
      expect(await refusals(since)).toBe(1);
    });
  });

  test('is asked for at the terminal, unseen', async () => {
    const site = join(machine.directory, 'site.ts');
    writeFileSync(
      site,
      `import { play } from 'kvm-play';
import { file } from 'kvm-play/modules';

export default play({ name: 'Root', become: true, tasks: [file({ path: '/root/kp', content: 'x' })] });
`,
    );
    const args = [
      ...sourceArguments(main),
      '-K',
      site,
      '--host',
      `keeper@${machine.lab.hostAddress}`,
      '--ssh-config',
      machine.lab.sshConfig,
    ];
    const child = spawn('script', ['-qec', pasteable([process.execPath, ...args]), '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '', TERM: 'xterm' },
    });
    let shown = '';
    child.stdout.on('data', (piece: Buffer) => {
      const isFirst = !shown.includes('password for sudo:');
      shown += piece.toString();
      if (isFirst && shown.includes('password for sudo:')) child.stdin.write(`${right}\n`);
    });
    await once(child, 'close');
    expect([child.exitCode, shown]).toEqual([0, expect.stringMatching(/changed=1/)]);
    expect(shown).not.toContain('hunter2');
    expect(await inside('cat /root/kp')).toBe('x');
  });
});
