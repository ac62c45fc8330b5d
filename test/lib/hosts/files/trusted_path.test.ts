import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { UnsupportedChangeError } from '../../../../lib/errors.ts';
import { refused, trustedPath } from '../../../../lib/hosts/files/trusted_path.ts';
import { LocalTransport } from '../../../../lib/hosts/local.ts';
import { quote } from '../../../../lib/hosts/shell/quote.ts';
import { prologue } from '../../../../lib/hosts/shell/script.ts';
import { ShellHost } from '../../../../lib/hosts/shell_host.ts';
import { command, makeDirectory, removeFile, type Step, writeFile } from '../../../../lib/task/step.ts';
import { type Shell, shells } from '../../../support/shells.ts';
import { takeTurnsOnThisMachine } from '../../../support/this_machine.ts';

takeTurnsOnThisMachine();

/** A user of this machine who is not root. */
const other = 65534;
const isRoot = process.getuid?.() === 0;
const describeAsRoot = isRoot ? describe : describe.skip;
if (!isRoot) console.warn('not tested: what root does where other users can write needs root');

let top: string;
const opened: ShellHost[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'kvm-play-path-'));
  chmodSync(top, 0o755);
  mkdirSync(join(top, 'theirs'));
  chownSync(join(top, 'theirs'), other, other);
  writeFileSync(join(top, 'decoy'), 'decoy\n', { mode: 0o600 });
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  for (const host of opened.splice(0)) await host.close();
  rmSync(top, { recursive: true });
});

/** This machine, with its state in a home of its own. */
async function open(shell: Shell = ['sh']): Promise<ShellHost> {
  const host = new ShellHost(new LocalTransport('localhost', { become: false, shell }));
  opened.push(host);
  await host.lock();
  return host;
}

const at = (path: string): string => join(top, path);
const text = (path: string): string => readFileSync(at(path), 'utf8');
const look = (path: string): string => {
  const { mode, uid } = statSync(at(path));
  return `${(mode & 0o7777).toString(8)} ${uid}`;
};
const decoyIsWhole = (): void => {
  expect([text('decoy'), look('decoy')]).toEqual(['decoy\n', '600 0']);
};

describeAsRoot.each(shells.map((shell) => [shell.join(' '), shell] as const))('root, with %s', (_name, shell) => {
  test('writes, makes and removes where only root can write, links included', async () => {
    const host = await open(shell);
    mkdirSync(at('own'));
    writeFileSync(at('own/.kvm-play.0f.tmp'), 'left by a run that was cut off');
    symlinkSync('own', at('way'));
    symlinkSync('../decoy', at('own/link'));
    for (const step of [
      writeFile(at('way/link'), 'new\n'),
      writeFile(at('way/a'), 'one\n', { mode: 0o640 }),
      writeFile(at('own/a'), 'two\n', { chmod: 0o604, owner: `${other}:${other}` }),
      makeDirectory(at('way/deep/er'), { mode: 0o2770, owner: `${other}` }),
      writeFile(at('own/b'), ''),
      command(['chmod', '4755', at('way/b')], { operand: 'object' }),
      removeFile(at('own/nothing')),
    ]) {
      await host.execute(step);
    }
    expect([text('decoy'), look('decoy'), readlinkSync(at('own/link'))]).toEqual(['new\n', '600 0', '../decoy']);
    expect([text('own/a'), look('own/a')]).toEqual(['two\n', `604 ${other}`]);
    expect([look('own/deep'), look('own/deep/er'), look('own/b')]).toEqual(['755 0', `2770 ${other}`, '4755 0']);
    await host.execute(command(['rmdir', at('way/deep/er')], { operand: 'entry' }));
    symlinkSync('/nowhere', at('own/dangling'));
    for (const name of ['dangling', 'link', 'a']) await host.execute(removeFile(at(`own/${name}`)));
    await host.execute(removeFile(at('way')));
    expect(readdirSync(at('own')).sort()).toEqual(['b', 'deep']);
    expect(existsSync(at('decoy'))).toBe(true);
  });

  test('writes into a directory of another user, through no link, and leaves nothing beside', async () => {
    const host = await open(shell);
    for (const step of [
      writeFile(at('theirs/a'), 'one\n', { mode: 0o640, owner: `${other}:${other}` }),
      writeFile(at('theirs/a'), 'two\n'),
      makeDirectory(at('theirs/d'), { mode: 0o700, owner: `${other}` }),
      writeFile(at('theirs/d/x'), 'x'),
      writeFile(at('theirs/d/x'), 'y', { chmod: 0o600, owner: `${other}` }),
      command(['chmod', '0755', at('theirs/d')], { operand: 'object' }),
    ]) {
      await host.execute(step);
    }
    expect([text('theirs/a'), look('theirs/a'), text('theirs/d/x')]).toEqual(['two\n', `640 ${other}`, 'y']);
    expect([look('theirs/d'), look('theirs/d/x')]).toEqual([`755 ${other}`, `600 ${other}`]);
    await host.execute(removeFile(at('theirs/d/x')));
    await host.execute(command(['rmdir', at('theirs/d')], { operand: 'entry' }));
    expect(readdirSync(at('theirs'))).toEqual(['a']);
  });

  test.each<[string, () => void, (path: string) => Step, RegExp]>([
    [
      'a link in place of the file',
      () => symlinkSync(at('decoy'), at('theirs/x')),
      (path) => writeFile(path, 'x'),
      /symbolic link/,
    ],
    [
      'a hard link in place of the file',
      () => linkSync(at('decoy'), at('theirs/x')),
      (path) => writeFile(path, 'x'),
      /hard links/,
    ],
    [
      'a link whose permissions are changed',
      () => symlinkSync(at('decoy'), at('theirs/x')),
      (path) => command(['chmod', '644', path], { operand: 'object' }),
      /symbolic link/,
    ],
    [
      'root’s file whose owner is changed',
      () => writeFileSync(at('theirs/x'), ''),
      (path) => command(['chown', '1', path], { operand: 'object' }),
      /another file can take its place/,
    ],
    [
      'a link on the way',
      () => symlinkSync(top, at('theirs/x')),
      (path) => writeFile(`${path}/decoy`, 'x'),
      /symbolic link/,
    ],
    [
      'a link on the way to a removal',
      () => symlinkSync(top, at('theirs/x')),
      (path) => removeFile(`${path}/decoy`),
      /symbolic link/,
    ],
    [
      'a link on the way to a new directory',
      () => symlinkSync(top, at('theirs/x')),
      (path) => makeDirectory(`${path}/new`),
      /symbolic link/,
    ],
    [
      'root’s directory below another user’s',
      () => mkdirSync(at('theirs/x')),
      (path) => writeFile(`${path}/new`, ''),
      /is not entered/,
    ],
    ['a directory on the way to another one', () => {}, (path) => makeDirectory(`${path}/new`), /by a task of its own/],
    [
      'a directory in place of the file',
      () => mkdirSync(at('theirs/x')),
      (path) => writeFile(path, ''),
      /is a directory/,
    ],
  ])('refuses %s, where another user can write', async (_what, prepare, step, words) => {
    prepare();
    await expect((await open(shell)).execute(step(at('theirs/x')))).rejects.toThrow(words);
    decoyIsWhole();
    expect(readdirSync(at('theirs')).filter((name) => name !== 'x')).toEqual([]);
    expect(readdirSync(top).sort()).toEqual(['decoy', 'theirs']);
  });

  test('refuses what somebody else has placed in a sticky directory, and below a shared one', async () => {
    const host = await open(shell);
    mkdirSync(at('sticky'));
    chmodSync(at('sticky'), 0o1777);
    mkdirSync(at('sticky/theirs'));
    chownSync(at('sticky/theirs'), other, other);
    mkdirSync(at('sticky/own'));
    mkdirSync(at('shared/sub'), { recursive: true });
    chmodSync(at('shared'), 0o775);
    await host.execute(writeFile(at('sticky/own/a'), 'x'));
    await host.execute(writeFile(at('sticky/a'), 'x'));
    await host.execute(writeFile(at('shared/a'), 'x'));
    await expect(host.execute(writeFile(at('sticky/theirs/a'), 'x'))).rejects.toThrow(/is not entered/);
    await expect(host.execute(writeFile(at('shared/sub/a'), 'x'))).rejects.toThrow(/is not entered/);
    expect([text('sticky/own/a'), text('sticky/a'), text('shared/a')]).toEqual(['x', 'x', 'x']);
  });

  test('reads only what nobody else has led it to, and nothing that is no file', async () => {
    const { reader } = await open(shell);
    symlinkSync(at('decoy'), at('theirs/link'));
    linkSync(at('decoy'), at('theirs/hard'));
    symlinkSync('theirs/link', at('link'));
    symlinkSync('decoy', at('good'));
    writeFileSync(at('theirs/plain'), 'plain\n');
    symlinkSync(top, at('theirs/up'));
    const refusedPaths = ['theirs/link', 'theirs/hard', 'link', 'theirs/up/decoy'];
    const readable = ['good', 'theirs/plain', 'decoy', 'nothing', 'theirs/nothing', 'no/directory'];
    const texts = await Promise.all(readable.map((path) => reader.readFile(at(path))));
    expect(texts.map((file) => file?.text)).toEqual(['decoy\n', 'plain\n', 'decoy\n', undefined, undefined, undefined]);
    const outcomes = await Promise.allSettled([...refusedPaths, ...readable].map((path) => reader.readFile(at(path))));
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...refusedPaths.map(() => 'rejected'),
      ...readable.map(() => 'fulfilled'),
    ]);
    for (const path of refusedPaths) await expect(reader.readFile(at(path))).rejects.toThrow(UnsupportedChangeError);
    const who = ['theirs/plain', 'good', 'decoy'].map((path) => reader.exposure(at(path), { follow: true }));
    expect(await Promise.all(who)).toEqual([{ by: `user ${other}` }, {}, {}]);
    expect(await reader.exposure(at('theirs/link'), { follow: false })).toEqual({ by: `user ${other}` });
  });
});

describeAsRoot('a user who races', () => {
  /** Starts a program of another user that never stops. */
  function attack(script: string): void {
    children.push(spawn('sh', ['-c', script], { uid: other, gid: other, cwd: at('theirs'), stdio: 'ignore' }));
  }

  test.each<[string, string, (host: ShellHost) => readonly Step[]]>([
    [
      'by links in place of the file, the temporary files and their directory',
      `while :; do
        ln -sfn ${'$TOP'}/decoy x; rm -rf x; : > x; rm -f x; ln $TOP/decoy x 2>/dev/null; rm -f x
        for t in .kvm-play.*; do mv "$t" y 2>/dev/null && { ln -s $TOP "$t"; rm -f "$t"; mkdir "$t"; rmdir "$t"; mv y "$t"; }; done
      done`,
      () => [writeFile(at('theirs/x'), 'x', { owner: `${other}`, chmod: 0o666 }), removeFile(at('theirs/x'))],
    ],
    [
      'by links in place of a directory on the way',
      'mkdir d; while :; do mv d e; ln -s $TOP d; rm -f d; mv e d; done',
      () => [
        writeFile(at('theirs/d/decoy'), 'x', { owner: `${other}`, chmod: 0o666 }),
        command(['chmod', '666', at('theirs/d/decoy')], { operand: 'object' }),
        makeDirectory(at('theirs/d/new'), { owner: `${other}` }),
        removeFile(at('theirs/d/decoy')),
      ],
    ],
  ])('%s changes nothing but what is theirs', async (_what, script, steps) => {
    attack(`TOP=${top}\n${script}`);
    const host = await open();
    const before = readdirSync(top).sort();
    let done = 0;
    for (let round = 0; round < 25; round += 1) {
      for (const step of steps(host)) {
        await host.execute(step).then(
          () => {
            done += 1;
          },
          () => {},
        );
      }
      const seen = await host.reader.readFile(at('theirs/x')).catch(() => undefined);
      expect(seen?.text ?? '').not.toContain('decoy');
      decoyIsWhole();
    }
    expect(readdirSync(top).sort()).toEqual(before);
    expect(lstatSync(at('decoy')).nlink).toBeLessThanOrEqual(2);
    expect(done).toBeGreaterThan(0);
  });
});

describeAsRoot.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'a file of another user with %s',
  (_name, shell) => {
    /** Reads a file as a host does; `swap` runs between the look at the file and its opening. */
    async function read(swap: string): Promise<{ exitCode: number; stdout: string; stderr: string; seconds: number }> {
      const local = new LocalTransport('localhost', { become: false, shell, sh: shell.join(' ') });
      const script = `${prologue()}
${trustedPath()}
timeout() {
${swap}
shift; command timeout 1 "$@"
}
kvm_play_read ${quote(at('theirs/x'))}`;
      const started = performance.now();
      const { exitCode, stdout, stderr } = await local.runApart(script, { timeLimit: 60 });
      await local.close();
      const seconds = (performance.now() - started) / 1000;
      return { exitCode, stdout: stdout.toString(), stderr: stderr.toString(), seconds };
    }
    beforeEach(() => {
      writeFileSync(at('theirs/x'), 'theirs\n');
      chownSync(at('theirs/x'), other, other);
    });

    test('is read', async () => {
      expect(await read(':')).toMatchObject({ exitCode: 0, stdout: 'theirs\n', stderr: '' });
    });

    test.each([
      ['a FIFO', 'rm -f x; mkfifo x', 'was replaced by what cannot be opened'],
      [
        'a FIFO that somebody writes to',
        'rm -f x; mkfifo x; { echo fed > x; } 2>/dev/null >&2 &',
        'was replaced by what is no regular file',
      ],
      ['a link to a directory', 'ln -sfn / x', 'was replaced by what is no regular file'],
      ['a link to another file', `ln -sfn ${'$PWD'}/../decoy x`, 'was replaced while it was opened'],
    ])('that is replaced by %s while it is opened is refused, and nothing hangs', async (_what, swap, words) => {
      const { exitCode, stdout, stderr, seconds } = await read(swap);
      expect({ exitCode, stdout }).toEqual({ exitCode: refused, stdout: '' });
      expect(stderr).toContain(words);
      expect(seconds).toBeLessThan(30);
      decoyIsWhole();
    });
  },
);
