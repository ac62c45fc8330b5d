import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ArgumentError, BugError, CommandError, KvmPlayError, SecretError } from '../../../lib/errors.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { hide, masked } from '../../../lib/process/masking.ts';
import { fileDiff } from '../../../lib/reporters/file_diff.ts';
import { githubReporter } from '../../../lib/reporters/github.ts';
import { JunitReport } from '../../../lib/reporters/junit.ts';
import { terminalReporter } from '../../../lib/reporters/terminal.ts';
import { differences } from '../../../lib/task/diff.ts';
import { environmentForOthers, refuseMasks, Secret, secret, secretsIn } from '../../../lib/task/secret.ts';
import { command, removeFile, writeFile } from '../../../lib/task/step.ts';
import { jsonStream } from '../../support/json_stream.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-secret-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  delete process.env.KVM_PLAY_TEST_SECRET;
});

function inFile(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function refusal(hidden: Secret): Promise<string> {
  const error: unknown = await hidden.reveal().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SecretError);
  return error instanceof Error ? error.message : '';
}

describe('a secret', () => {
  test('is *** wherever it is printed', async () => {
    const token = secret.file(inFile('printed', 'hunter-printed\n'));
    await token.reveal();
    const shown = [
      `${token}`,
      `a${token}`,
      JSON.stringify({ token }),
      inspect(token, { showHidden: true }),
      format('%s %o %j', token, token, { token }),
    ];
    expect(shown).toEqual(['***', 'a***', '{"token":"***"}', '***', '*** *** {"token":"***"}']);
    expect(inspect({ deep: { token } }, { depth: 9, showHidden: true })).not.toContain('hunter');
    expect([Object.keys(token), Object.values(token)]).toEqual([[], []]);
  });

  test('comes from a file, a program or the environment, a trailing line end left out', async () => {
    process.env.KVM_PLAY_TEST_SECRET = 'from-env';
    const texts = [
      secret.env('KVM_PLAY_TEST_SECRET'),
      secret.file(inFile('file', ' from file \r\n')),
      secret.command(['printf', 'from\nprogram\n\n']),
    ].map((each) => each.reveal());
    expect(await Promise.all(texts)).toEqual(['from-env', ' from file ', 'from\nprogram\n']);
  });

  test('is read when it is needed, and once', async () => {
    const path = inFile('once', 'first-text');
    const token = secret.file(path);
    expect(() => token.revealed).toThrow(BugError);
    writeFileSync(path, 'second-text');
    expect(await token.reveal()).toBe('second-text');
    writeFileSync(path, 'third-text');
    expect([await token.reveal(), token.revealed]).toEqual(['second-text', 'second-text']);
  });

  test.each<[string, () => Secret, RegExp]>([
    [
      'that is not set',
      () => secret.env('KVM_PLAY_NO_SUCH'),
      /^the environment variable 'KVM_PLAY_NO_SUCH' is not set/,
    ],
    ['whose file is not there', () => secret.file('/no/such'), /^the file \/no\/such, .*: there is no such file$/],
    ['that is empty', () => secret.file(inFile('empty', '\n')), /empty is empty, and a secret is not$/],
    ['whose program is not there', () => secret.command(['/no/such']), /'\/no\/such', which .* could not be run/],
    [
      'whose program fails',
      () => secret.command(['sh', '-c', 'cat "$0"; cat "$0" >&2; exit 3', inFile('failing', 'hunter-failing')]),
      /failed with exit code 3; run it by hand/,
    ],
    ['that is part of a text', () => secret.text`x=${secret.env('KVM_PLAY_NO_SUCH')}`, /'KVM_PLAY_NO_SUCH' is not set/],
  ])('%s names its source, and never its text', async (_what, make, message) => {
    const words = await refusal(make());
    expect(words).toMatch(message);
    expect(words).not.toContain('hunter');
  });

  test('makes a text with secrets in it', async () => {
    const token = secret.file(inFile('part', 'hunter-part'));
    const text = secret.text`user=${'app'}\nport=${8080}\npassword=${token}\n`;
    expect(await text.reveal()).toBe('user=app\nport=8080\npassword=hunter-part\n');
    expect(`${text}`).toBe('***');
    // Only what is secret of it is hidden elsewhere.
    expect(masked('user=app password=hunter-part')).toBe('user=app password=***');
  });

  test('is found in a state, and never compared with one', async () => {
    const [one, other] = [secret.env('A'), secret.env('B')];
    expect(secretsIn({ a: [one, { b: other }], c: 'x', d: undefined, e: null })).toEqual([one, other]);
    expect(() => differences({ text: one }, { text: other })).toThrow(BugError);
  });

  test('in a plain text is refused: its mask would be written', () => {
    expect(() => refuseMasks('file', { content: `password=${secret.env('A')}` })).toThrow(ArgumentError);
    expect(() => refuseMasks('file', { content: [JSON.stringify({ token: secret.env('A') })] })).toThrow(
      'secret.text`…`',
    );
    expect(() => refuseMasks('file', { content: secret.env('A'), other: '**' })).not.toThrow();
  });

  test('of the environment is not passed on to other programs', () => {
    process.env.KVM_PLAY_TEST_SECRET = 'from-env';
    secret.env('KVM_PLAY_TEST_SECRET');
    expect(environmentForOthers()).toMatchObject({ PATH: process.env.PATH });
    expect(environmentForOthers()).not.toHaveProperty('KVM_PLAY_TEST_SECRET');
  });
});

describe('what is hidden', () => {
  test('is hidden as a whole, line by line, and the longer before what it holds', () => {
    hide('  hunter-one\nhunter-two\r\nab\n');
    hide('hunter-one-and-more');
    expect(masked('say hunter-one, then hunter-two; ab')).toBe('say ***, then ***; ab');
    expect(masked('hunter-one-and-more')).toBe('***');
    expect(masked('nothing')).toBe('nothing');
  });

  test('stands in no error', () => {
    hide('hunter-error');
    const failure = { argv: ['echo', 'hunter-error'], exitCode: 1, stderr: 'hunter-error\n' };
    const error = new CommandError('it said hunter-error', failure);
    expect(inspect(error, { depth: 9 })).not.toContain('hunter-error');
    expect([error.message, error.failure]).toEqual([
      'it said ***',
      { argv: ['echo', '***'], exitCode: 1, stderr: '***\n' },
    ]);
    expect(new KvmPlayError('hunter-error').stack).not.toContain('hunter-error');
  });
});

test('what a run shows has no secret, though a host prints it, and the stream fits its schema', async () => {
  const token = new Secret('a test', () => 'hunter-<shown>\nhunter-second');
  await token.reveal();
  const location = { file: '/site.ts', line: 1 };
  const task = { index: 0, title: 'Write', module: 'file', location };
  const words = 'it says hunter-<shown>, and hunter-second';
  const steps = [
    writeFile('/a', token),
    writeFile('/b', 'plain', { before: { path: '/b', text: 'hunter-second', encoding: 'utf8' } }),
    removeFile('/c', { secret: true, before: { path: '/c', text: 'unknown secret', encoding: 'utf8' } }),
    command(['login'], { stdin: token }),
  ];
  const differences = [{ path: 'stdout', wanted: 'x', actual: words }];
  const result = { changed: true, differences, steps, warnings: [words], before: {}, after: {} };
  const host = 'kvm1';
  const events: PlayEvent[] = [
    { type: 'run-start', check: true },
    { type: 'play-start', play: 'Play', hosts: [host], tasks: [task] },
    { type: 'task-end', host, task, status: 'changed', result, seconds: 0 },
    { type: 'task-end', host, task, status: 'failed', error: new Error(words), seconds: 0 },
    { type: 'host-failed', host, error: new KvmPlayError(words) },
  ];
  const junit = new JunitReport({ mayChange: () => true });
  let shown = jsonStream(events);
  const write = (text: string): void => {
    shown += text;
  };
  const options = { color: false, unicode: true, steps: true, skipped: true, width: 80, fileDiff };
  const reporters = [
    terminalReporter({ write, ...options }),
    githubReporter({ write, workspace: '/', mayChange: () => true }),
    (event: PlayEvent) => junit.add(event),
  ];
  for (const event of [
    ...events,
    { type: 'run-end', summary: { check: true, hosts: {}, interrupted: false } } as const,
  ]) {
    for (const report of reporters) report(event);
  }
  shown += junit.xml();
  expect(shown).not.toMatch(/hunter|unknown secret/);
  expect(shown).toContain('it says ***, and ***');
  expect(shown).toContain('+++ /a\n    (secret)');
  expect(shown).toContain('$ login  # with a secret on its standard input');
  expect(shown).toContain('"diff":"--- /c\\n(secret)"');
});
