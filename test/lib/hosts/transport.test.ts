import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { QueryBatch } from '../../../lib/hosts/batch.ts';
import { LocalTransport } from '../../../lib/hosts/local.ts';
import { bootstrap, type RawOutput, type RunScript, type Transport } from '../../../lib/hosts/transport.ts';

const local = new LocalTransport('localhost', { become: false });

/** Counts what travels. */
class CountingTransport implements Transport {
  readonly name = 'counted';
  readonly isLocal = true;
  runs = 0;

  async run(script: string, options: RunScript): Promise<RawOutput> {
    this.runs += 1;
    return local.run(script, options);
  }

  async runFresh(script: string, options: RunScript): Promise<RawOutput> {
    return this.run(script, options);
  }

  async reconnect(): Promise<void> {}
  async close(): Promise<void> {}
}

describe('LocalTransport', () => {
  test('gives the script its own input, byte for byte', async () => {
    const stdin = Buffer.from([0, 1, 255, 10, 39, 10, 10]);
    const { exitCode, stdout } = await local.run('cat\n', { stdin, timeLimit: 10 });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: stdin });
  });

  test('tells exit status and both streams apart', async () => {
    const { exitCode, stdout, stderr } = await local.run('echo out; echo err >&2; exit 7', { timeLimit: 10 });
    expect([exitCode, stdout.toString(), stderr.toString()]).toEqual([7, 'out\n', 'err\n']);
  });

  test('ends what takes too long', async () => {
    await expect(local.run('sleep 30', { timeLimit: 0.2 })).rejects.toThrow('no answer within 0.2 s');
  });
});

describe('bootstrap', () => {
  test('is one line that csh and fish leave alone', () => {
    for (const become of [false, true]) {
      const line = bootstrap(10, become);
      expect(line).toMatch(/^exec sh -c '[^'!\n]*'$/);
    }
  });

  test('reads exactly the script, and leaves the rest to it', () => {
    const script = 'head -c 3';
    const output = execFileSync('sh', ['-c', bootstrap(script.length, false)], { input: `${script}abcdef` });
    expect(output.toString()).toBe('abc');
  });

  test('runs at once as root, where become has nothing to do', () => {
    if (process.getuid?.() !== 0) {
      console.warn('not tested: become without sudo needs root');
      return;
    }
    const script = 'id -u';
    expect(execFileSync('sh', ['-c', bootstrap(script.length, true)], { input: script }).toString()).toBe('0\n');
  });
});

describe('QueryBatch', () => {
  test('asks all of one turn in one request, and equal ones once', async () => {
    const transport = new CountingTransport();
    const batch = new QueryBatch(transport);
    const scripts = ['printf "a\\nb"', 'echo err >&2; exit 3', 'printf "a\\nb"', 'printf "\\0\\377"', ':'];
    const answers = await Promise.all(scripts.map((script) => batch.ask(script, 10)));
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
    expect(transport.runs).toBe(1);
  });

  test('gathers while a request is under way', async () => {
    const transport = new CountingTransport();
    const batch = new QueryBatch(transport);
    const first = batch.ask('sleep 0.2; echo 1', 10);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const others = ['echo 2', 'echo 3'].map((script) => batch.ask(script, 10));
    const answers = await Promise.all([first, ...others]);
    expect(answers.map(({ stdout }) => stdout.toString())).toEqual(['1\n', '2\n', '3\n']);
    expect(transport.runs).toBe(2);
  });

  test('a query cannot end or change another', async () => {
    const batch = new QueryBatch(new CountingTransport());
    const answers = await Promise.all([
      batch.ask('exit 5', 10),
      batch.ask('cd /tmp; exec true', 10),
      batch.ask('pwd; cat', 10),
    ]);
    expect(answers.map(({ exitCode }) => exitCode)).toEqual([5, 0, 0]);
    expect(answers[2]?.stdout.toString()).toBe('/\n');
  });
});
