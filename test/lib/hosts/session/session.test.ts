import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ConnectionError } from '../../../../lib/errors.ts';
import { LocalTransport } from '../../../../lib/hosts/local.ts';
import { commandOf } from '../../../../lib/hosts/session/clean_shell.ts';
import { OpenSession } from '../../../../lib/hosts/session/open_session.ts';
import { OutputLimitError } from '../../../../lib/hosts/shell/transport.ts';
import { type Shell, shells } from '../../../support/shells.ts';
import { until } from '../../../support/until.ts';

const opened: LocalTransport[] = [];
afterEach(async () => {
  for (const transport of opened.splice(0)) await transport.close();
});

function open(shell: Shell = ['sh']): LocalTransport {
  const transport = new LocalTransport('localhost', { become: false, shell, sh: shell.join(' ') });
  opened.push(transport);
  return transport;
}

/** Waits until no process of a command line is left. */
async function untilGone(pattern: string): Promise<void> {
  await until(async () => {
    const [code] = await once(spawn('pgrep', ['-fx', pattern], { stdio: 'ignore' }), 'exit');
    return code === 1;
  }, `${pattern} ends`);
}

test('a session that is not opened in time ends with what can be told of the silence', async () => {
  for (const [silence, words] of [
    ['a start-up file reads', 'no answer within 0.2 s: a start-up file reads'],
    [undefined, 'no answer within 0.2 s'],
  ] as const) {
    const session = new OpenSession(async () => ({
      argv: () => ['sh', '-c', 'cat >/dev/null'],
      become: false,
      openLimit: 0.2,
      silence: async () => silence,
      explain: (_exitCode, stderr) => new ConnectionError(stderr),
    }));
    await expect(session.run(':', { timeLimit: 60 })).rejects.toThrow(new ConnectionError(words));
    session.close();
  }
});

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('a session with %s', (_name, shell) => {
  test('tells exit status and both streams apart, script by script', async () => {
    const transport = open(shell);
    for (const status of [7, 0, 255]) {
      const output = await transport.run(`echo out; printf err >&2; exit ${status}`, { timeLimit: 60 });
      expect([output.exitCode, output.stdout.toString(), output.stderr.toString()]).toEqual([status, 'out\n', 'err']);
    }
  });

  test('one script changes nothing for the next', async () => {
    const transport = open(shell);
    await transport.run('cd /tmp; x=1; exec 3<&-; trap "" TERM; set -eu; umask 777', { timeLimit: 60 });
    const { stdout } = await transport.run('cd /; pwd; echo "$x"; umask; cat', { timeLimit: 60 });
    expect(stdout.toString()).toMatch(/^\/\n\n0*22\n$/);
  });

  test('a last script is run to its end, though nobody hears what it says', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kvm-play-last-'));
    const session = new OpenSession(async () => ({
      argv: (command) => [...shell, '-c', command],
      become: false,
      sh: shell.join(' '),
      explain: (_exitCode, stderr) => new ConnectionError(stderr),
    }));
    expect(session.leave(': > early')).toBe(false);
    await session.run(':', { timeLimit: 60 });
    expect(session.leave(`echo said; sleep 0.3; echo said; : > '${directory}/done'`)).toBe(true);
    await until(() => existsSync(join(directory, 'done')));
    rmSync(directory, { recursive: true });
  });

  test.each([0, 1, 65535, 65536, 65537, 131072, 200_000])('gives a script %i bytes of input, exactly', async (size) => {
    const transport = open(shell);
    const stdin = Buffer.alloc(size, Buffer.from([0, 10, 255, 39, 13]));
    for (let turn = 0; turn < 2; turn += 1) {
      const { stdout } = await transport.run('cat', { stdin, timeLimit: 60 });
      expect(stdout.equals(stdin)).toBe(true);
      // What a script leaves unread does not come between.
      expect((await transport.run('exit 9', { stdin, timeLimit: 60 })).exitCode).toBe(9);
    }
  });

  test('a script that takes too long is ended, with all that it has started; the next one finds a new session', async () => {
    const transport = open(shell);
    await transport.run(':', { timeLimit: 60 });
    const hanging = transport.run('sleep 71 & sleep 72; echo done', { timeLimit: 0.3 });
    await expect(hanging).rejects.toThrow('no answer within 0.3 s');
    await untilGone('sleep 7[12]');
    expect((await transport.run('echo again', { timeLimit: 60 })).stdout.toString()).toBe('again\n');
  });

  test('a script that prints without end is ended, and what is kept of it is bounded', async () => {
    const transport = open(shell);
    const before = process.memoryUsage().rss;
    await expect(transport.run('yes kvm-play-endless', { timeLimit: 20 })).rejects.toThrow(OutputLimitError);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    await untilGone('yes kvm-play-endless');
  });
});

test('a script that is run beside another one goes its own way', async () => {
  const transport = open();
  const directory = mkdtempSync(join(tmpdir(), 'kvm-play-beside-'));
  const file = join(directory, 'quick');
  // The slow one ends only after the quick one has.
  const slow = transport.run(`until [ -e '${file}' ]; do sleep 0.05; done; echo slow`, { timeLimit: 60 });
  expect((await transport.run('echo quick', { timeLimit: 60 })).stdout.toString()).toBe('quick\n');
  writeFileSync(file, '');
  expect((await slow).stdout.toString()).toBe('slow\n');
  rmSync(directory, { recursive: true });
});

test('what runs in a session ends with the process that had opened it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kvm-play-session-'));
  const file = join(directory, 'started');
  const source = new URL('../../../../lib/hosts/local.ts', import.meta.url).href;
  const script = join(directory, 'run.mjs');
  writeFileSync(
    script,
    `import { createJiti } from ${JSON.stringify(import.meta.resolve('jiti'))};
const { LocalTransport } = await createJiti(import.meta.url).import(${JSON.stringify(source)});
await new LocalTransport('localhost', { become: false }).run('echo > ${file}; sleep 73; echo done', { timeLimit: 100 });`,
  );
  const child = spawn(process.execPath, [script], { stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: '' } });
  await until(() => readable(file));
  child.kill('SIGKILL');
  await once(child, 'exit');
  await untilGone('sleep 73');
  rmSync(directory, { recursive: true });
});

function readable(file: string): boolean {
  try {
    return readFileSync(file).length > 0;
  } catch {
    return false;
  }
}

describe('commandOf', () => {
  const hostile = `'"$(touch SENTINEL)\`!!\\ \\\\ %s %% \n héllo ✓`;

  test('is one line that csh and fish leave alone', () => {
    expect(commandOf(`echo ${hostile}`)).toMatch(/^exec sh -c '(?!.*\\\\)[^'!\n]*'$/);
  });

  test('a program that is too long for a command line has none', () => {
    expect(commandOf('x'.repeat(101 * 1024))).toBeUndefined();
  });
});
