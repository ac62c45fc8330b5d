import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { QueryBatch } from '../../../../lib/hosts/batch/batch.ts';
import { LocalTransport } from '../../../../lib/hosts/local.ts';
import { prologue } from '../../../../lib/hosts/shell/script.ts';
import type { AnotherConnection, RawOutput, RunScript, Transport } from '../../../../lib/hosts/shell/transport.ts';
import { ShellHost } from '../../../../lib/hosts/shell_host.ts';
import type { MergeRule } from '../../../../lib/task/merge_rule.ts';
import type { ReadonlyHost } from '../../../../lib/task/readonly_host.ts';
import { command } from '../../../../lib/task/step.ts';
import { type LocalUser, localUser } from '../../../support/local_user.ts';
import { type Shell, shells } from '../../../support/shells.ts';

/** Counts what travels. */
class CountingTransport implements Transport {
  readonly reachedAt = undefined;
  readonly name = 'counted';
  readonly isLocal = true;
  readonly scripts: string[] = [];
  readonly #local: LocalTransport;

  constructor(shell: Shell = ['sh']) {
    this.#local = new LocalTransport('localhost', { become: false, shell, sh: shell.join(' ') });
  }

  async run(script: string, options: RunScript): Promise<RawOutput> {
    this.scripts.push(script);
    return this.#local.run(script, options);
  }

  async runOverOpen(script: string, options: RunScript): Promise<RawOutput> {
    return this.run(script, options);
  }

  async openAnother(): Promise<AnotherConnection> {
    return this.#local.openAnother();
  }

  async close(): Promise<void> {
    await this.#local.close();
  }
}

const opened: Transport[] = [];
afterEach(async () => {
  for (const transport of opened.splice(0)) await transport.close();
});

function counted(shell?: Shell): CountingTransport {
  const transport = new CountingTransport(shell);
  opened.push(transport);
  return transport;
}

const ask = (batch: QueryBatch, script: string, timeLimit = 10): Promise<RawOutput> =>
  batch.ask({ kind: 'argv', argv: ['sh', '-c', script], timeLimit });

/** A turn of the event loop, so that what was asked before it is on its way. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('QueryBatch', () => {
  test('asks all of one turn in one request, and equal ones once', async () => {
    const transport = counted();
    const batch = new QueryBatch(transport);
    const scripts = ['printf "a\\nb"', 'echo err >&2; exit 3', 'printf "a\\nb"', 'printf "\\0\\377"', ':'];
    const answers = await Promise.all(scripts.map((script) => ask(batch, script)));
    expect(
      answers.map(({ exitCode, stdout, stderr }) => [exitCode, stdout.toString('latin1'), stderr.toString()]),
    ).toEqual([
      [0, 'a\nb', ''],
      [3, '', 'err\n'],
      [0, 'a\nb', ''],
      [0, '\0\u00ff', ''],
      [0, '', ''],
    ]);
    expect(answers[0]).toBe(answers[2]);
    expect(transport.scripts).toHaveLength(1);
  });

  test('gathers while a request is under way', async () => {
    const transport = counted();
    const batch = new QueryBatch(transport);
    const first = ask(batch, 'sleep 0.2; echo 1');
    await turn();
    const others = ['echo 2', 'echo 3'].map((script) => ask(batch, script));
    const answers = await Promise.all([first, ...others]);
    expect(answers.map(({ stdout }) => stdout.toString())).toEqual(['1\n', '2\n', '3\n']);
    expect(transport.scripts).toHaveLength(2);
  });

  test('a question cannot end or change another, and one that hangs costs only itself', async () => {
    const transport = counted();
    const batch = new QueryBatch(transport);
    const answers = await Promise.all([
      ask(batch, 'exit 5'),
      ask(batch, 'sleep 74', 0.2),
      ask(batch, 'cd /tmp; exec true'),
      ask(batch, 'pwd; cat'),
    ]);
    expect(answers.map(({ exitCode }) => exitCode)).toEqual([5, 124, 0, 0]);
    expect(answers.map(({ timedOut }) => timedOut)).toEqual([false, true, false, false]);
    expect(answers[3]?.stdout.toString()).toBe('/\n');
    expect(transport.scripts).toHaveLength(1);
  });

  test('an equal question that comes with a rule lets both be merged, and is asked once all the same', async () => {
    const transport = counted();
    const batch = new QueryBatch(transport);
    const echo = (word: string): readonly string[] => ['echo', word];
    const mergeRule: MergeRule = {
      least: 2,
      group: ([tool]) => tool,
      merge: (argvs) => ['printf', '%s\\n', ...argvs.map(([, word]) => word ?? '')],
      split: (stdout) => stdout.split('\n').map((line) => ({ exitCode: 0, stdout: `${line} merged` })),
    };
    const answers = await Promise.all([
      batch.ask({ kind: 'argv', argv: echo('a'), timeLimit: 10 }),
      batch.ask({ kind: 'argv', argv: echo('a'), timeLimit: 10, mergeRule }),
      batch.ask({ kind: 'argv', argv: echo('b'), timeLimit: 10, mergeRule }),
    ]);
    expect(answers.map(({ stdout }) => stdout.toString())).toEqual(['a merged', 'a merged', 'b merged']);
    expect(transport.scripts).toHaveLength(1);
  });

  test('a question that is asked anew by itself, and an equal one that came meanwhile, are both answered', async () => {
    const transport = counted();
    const batch = new QueryBatch(transport);
    // Both are cut off from the answer to the first request, in which a third one has no end.
    const again = { kind: 'argv', argv: ['echo', 'again'], timeLimit: 10 } as const;
    const endless = batch.ask({ kind: 'argv', argv: ['yes'], timeLimit: 30 });
    const refused = expect(endless).rejects.toThrow('printed more than 64 MiB');
    const first = batch.ask(again);
    await turn();
    const second = batch.ask(again);
    expect((await Promise.all([first, second])).map(({ stdout }) => stdout.toString())).toEqual(['again\n', 'again\n']);
    await refused;
  });

  test('a list of processes, which shows the questions themselves, is an answer like any other', async () => {
    const transport = counted();
    const batch = new QueryBatch(transport);
    const answers = await Promise.all([
      batch.ask({ kind: 'argv', argv: ['ps', '-eo', 'args'], timeLimit: 10 }),
      ask(batch, 'echo 2'),
      batch.ask({ kind: 'look', look: 'exists', at: '/', timeLimit: 10 }),
    ]);
    expect(answers[0]?.stdout.toString()).toContain('printf');
    expect(answers[1]?.stdout.toString()).toBe('2\n');
    expect(transport.scripts).toHaveLength(1);
  });

  test('an answer without end is refused, and the others of its request are given', async () => {
    const batch = new QueryBatch(counted());
    const answers = await Promise.allSettled([
      ask(batch, 'echo 1'),
      batch.ask({ kind: 'argv', argv: ['yes'], timeLimit: 30 }),
      ask(batch, 'echo 3'),
    ]);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? String(answer.value.stdout) : undefined))).toEqual([
      '1\n',
      undefined,
      '3\n',
    ]);
    await expect(Promise.reject(answers[1]?.status === 'rejected' ? answers[1].reason : undefined)).rejects.toThrow(
      "'yes': it printed more than 64 MiB, and was ended",
    );
  });
});

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('cheap looks with %s', (_name, shell) => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-looks-'));
    mkdirSync(join(directory, '-n'));
    writeFileSync(join(directory, "it's"), Buffer.from([0, 255, 10, 10]));
    writeFileSync(join(directory, '-n', 'empty'), '');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('are taken by one shell, files by one other process, and each gets its own answer', async () => {
    const transport = counted(shell);
    const { reader } = new ShellHost(transport);
    const at = (name: string): string => join(directory, name);
    const [file, none, folder, absent, there, gone, tool, noTool, writable, target] = await Promise.all([
      reader.readFile(at("it's")),
      reader.readFile(at('none')),
      reader.listDirectory(directory),
      reader.listDirectory(at('none')),
      reader.exists(at('-n/empty')),
      reader.exists(at('none')),
      reader.which('sh'),
      reader.which('no such'),
      reader.query(['test', '-w', at('none')]),
      reader.query(['readlink', '-f', '--', at('-n/../none')]),
    ]);
    expect(file).toEqual({ path: at("it's"), text: '\0\u00ff\n\n', encoding: 'latin1' });
    expect([none, folder, absent, there, gone]).toEqual([undefined, ['-n', "it's"], [], true, false]);
    expect([tool?.endsWith('/sh'), noTool]).toEqual([true, undefined]);
    expect([writable.exitCode, target]).toEqual([1, { exitCode: 0, stdout: `${at('none')}\n`, stderr: '' }]);
    expect(transport.scripts.map((script) => script.match(/\blimited \d+ '?sh'? '?-c\b/g)?.length)).toEqual([2]);
  });

  test('a file that holds what stands between files is read by itself', async () => {
    const boot = '/proc/sys/kernel/random/boot_id';
    const transport = counted(shell);
    const { reader } = new ShellHost(transport);
    const files = [boot, join(directory, 'none'), join(directory, "it's"), join(directory, '-n', 'empty')];
    const read = await Promise.all(files.map((path) => reader.readFile(path)));
    expect(read.map((file) => file?.text)).toEqual([readFileSync(boot, 'utf8'), undefined, '\0\u00ff\n\n', '']);
    expect(transport.scripts).toHaveLength(2);
    expect(await reader.readFile(files[2] ?? '')).toEqual(read[2]);
  });

  test('a file that cannot be read is told in the words of the tool, and the others are read', async () => {
    const { reader } = new ShellHost(counted(shell));
    const [failed, there] = await Promise.allSettled([
      reader.readFile(directory),
      reader.readFile(join(directory, '-n', 'empty')),
    ]);
    await expect(Promise.reject(failed.status === 'rejected' ? failed.reason : undefined)).rejects.toThrow(
      /cat .* failed with exit code 1: cat: .*: Is a directory/,
    );
    expect(there).toMatchObject({ status: 'fulfilled', value: { text: '' } });
  });
});

describe.each(shells.map((shell) => [shell.join(' ')] as const))('an answer that is none, with %s', (sh) => {
  let user: LocalUser;
  let transport: LocalTransport;
  let reader: ReadonlyHost;
  beforeEach(() => {
    user = localUser();
    transport = user.reach({}, sh);
    ({ reader } = new ShellHost(transport));
    mkdirSync(join(user.home, 'closed'));
    writeFileSync(join(user.home, 'closed', 'file'), 'x');
    chmodSync(join(user.home, 'closed'), 0o600);
    symlinkSync('closed/file', join(user.home, 'into'));
    symlinkSync('loop', join(user.home, 'loop'));
    symlinkSync('none', join(user.home, 'dangling'));
  });
  afterEach(async () => {
    await transport.close();
    user.remove();
  });

  const looks = ['exists', 'readFile', 'listDirectory'] as const;

  test.each(['closed/file', 'closed/none', 'into', 'loop', 'loop/file'])('is no absence of %s', async (name) => {
    const path = join(user.home, name);
    // Alone, and beside others: those are answered.
    for (const look of looks) {
      await expect(reader[look](path)).rejects.toThrow(/(Permission denied|Too many levels of symbolic links)$/);
    }
    const both = [path, join(user.home, 'none')].flatMap((each) => looks.map((look) => reader[look](each)));
    const all = await Promise.allSettled([...both, reader.which('sh')]);
    expect(all.map(({ status }) => status)).toEqual([
      ...['rejected', 'rejected', 'rejected'],
      ...['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
    ]);
  });

  test.each(['none', 'none/of it', 'dangling', '.profile/file'])('is one of %s', async (name) => {
    writeFileSync(join(user.home, '.profile'), '');
    const path = join(user.home, name);
    expect(await Promise.all(looks.map((look) => reader[look](path)))).toEqual([false, undefined, []]);
    expect([await reader.exists(path), await reader.readFile(path)]).toEqual([false, undefined]);
    expect(await reader.listDirectory(path)).toEqual([]);
  });

  test('is not a time that is over, where a command ends with the status that timeout has for it', async () => {
    const host = new ShellHost(transport);
    for (const status of [124, 137, 143]) {
      const argv = ['sh', '-c', `exit ${status}`];
      expect((await reader.query(argv)).exitCode).toBe(status);
      await expect(host.execute(command(argv))).rejects.toThrow(`failed with exit code ${status}`);
    }
    await expect(reader.query(['sleep', '75'], { timeLimit: 0.3 })).rejects.toThrow(
      'took longer than 0.3 s, and was ended',
    );
    await expect(host.execute(command(['sleep', '75'], { timeLimit: 0.3 }))).rejects.toThrow('took longer than 0.3 s');
  });
});

/** A machine on which whatever has a time limit runs into it. */
class HangingTransport extends CountingTransport {
  override async run(script: string, options: RunScript): Promise<RawOutput> {
    const hanging = `limited() { return 124; }
kvm_play_clock() { kvm_play_now=$((\${kvm_play_now:-0} + 100)); }`;
    return super.run(script.replace(prologue(), `${prologue()}\n${hanging}`), options);
  }
}

test.each(['exists', 'which', 'readFile', 'listDirectory'] as const)(
  '%s is answered by no absence where it takes too long',
  async (look) => {
    const transport = new HangingTransport();
    opened.push(transport);
    await expect(new ShellHost(transport).reader[look]('/mnt/hangs')).rejects.toThrow('took longer than 30 s');
  },
);
