import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { ConnectionError } from '../../lib/errors.ts';
import { command } from '../../lib/task/step.ts';
import { withLab } from './support.ts';

withLab('reaching a host', (machine) => {
  /** The lab's ssh_config with more lines for its host, and without what the lab itself says of time. */
  async function configWith(name: string, lines: readonly string[]): Promise<string> {
    const path = join(machine.lab.directory, 'ssh', name);
    const text = (await readFile(machine.lab.sshConfig, 'utf8')).replaceAll(
      /^ +(?:ConnectTimeout|ServerAliveInterval).*\n/gm,
      '',
    );
    await writeFile(path, `Host *\n${lines.map((line) => `  ${line}\n`).join('')}\n${text}`, { mode: 0o600 });
    return path;
  }

  test('nothing in ssh_config keeps a command from running', async () => {
    const sentinel = join(machine.lab.directory, 'local-command-was-run');
    const sshConfig = await configWith('odd', [
      ...['RemoteCommand tmux attach', 'RequestTTY force', 'PermitLocalCommand yes', `LocalCommand touch ${sentinel}`],
      ...['SessionType none', 'StdinNull yes', 'ForkAfterAuthentication yes', 'EscapeChar ~', 'LogLevel QUIET'],
      ...['LocalForward 127.0.0.1:1 127.0.0.1:1', 'ExitOnForwardFailure yes', 'ForwardX11 yes', 'VisualHostKey yes'],
    ]);
    const host = await machine.connect('root', { sshConfig });
    try {
      expect(await host.reader.query(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
        exitCode: 3,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      await host.lock();
      await host.execute(command(['sh', '-c', 'cat > /tmp/stdin'], { stdin: 'text' }));
      expect((await host.reader.readFile('/tmp/stdin'))?.text).toBe('text');
      await expect(readFile(sentinel)).rejects.toThrow('ENOENT');
    } finally {
      await host.close();
    }
  });

  test('a step outlives a link that is down for 9 s', async () => {
    const host = await machine.connect('root', { sshConfig: await configWith('plain', []) });
    try {
      await host.lock();
      const step = host.execute(
        command(['sh', '-c', 'touch /tmp/begun; sleep 11; touch /tmp/done'], { timeLimit: 60 }),
      );
      while ((await machine.lab.run(['test', '-e', '/tmp/begun'], { reject: false })).exitCode !== 0) await sleep(50);
      await machine.lab.setCable(false);
      await sleep(9000);
      await machine.lab.setCable(true);
      await step;
      expect(await host.reader.exists('/tmp/done')).toBe(true);
    } finally {
      await machine.lab.setCable(true);
      await host.close();
    }
  });

  test('the open connection stays where no other one can be made, and few are tried', async () => {
    const host = await machine.connect();
    try {
      await machine.lab.run(['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '--syn', '-j', 'DROP']);
      await expect(host.reconnect({ within: 25 })).rejects.toThrow(ConnectionError);
      expect((await host.reader.query(['hostname'])).stdout).toBe(`${machine.lab.name}\n`);
      const { stdout } = await machine.lab.run(['iptables', '-nvxL', 'INPUT']);
      // Four attempts at most. A kernel repeats an attempt's request each second at first: nine times within its 14 s.
      expect(Number(/^ *(\d+) .*DROP/m.exec(stdout)?.[1])).toBeLessThanOrEqual(36);
    } finally {
      await machine.lab.run(['iptables', '-F', 'INPUT']);
      await host.close();
    }
  });
});
