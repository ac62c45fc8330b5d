import { describe, expect, test } from '@jest/globals';
import { ArgumentError, CommandError, MissingError } from '../../lib/errors.ts';
import type { PlayEvent } from '../../lib/events/events.ts';
import { terminalReporter } from '../../lib/reporters/terminal.ts';
import { runOnHost } from '../../lib/run/host_run.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type QueryArgs, query } from '../../modules/query.ts';
import { jsonStream } from '../support/json_stream.ts';

const argv = ['uname', '-r'];
const host = (answer: FakeAnswer): FakeHost => new FakeHost({ commands: { 'uname -r': answer } });

describe('desired', () => {
  test.each<[QueryArgs, string]>([[{ argv: [] }, "'argv' is empty"]])('refuses %j', (args, message) => {
    expect(() => query(args)).toThrow(ArgumentError);
    expect(() => query(args)).toThrow(message);
  });

  test('is about its command line', () => {
    expect(query({ argv }).title).toBe('query uname -r');
  });
});

describe('read', () => {
  test('nothing differs, whatever is answered', async () => {
    for (const answer of [{ stdout: '6.1.0\n' }, { stdout: '' }]) {
      expect((await query({ argv }).read(host(answer).reader)).differences).toEqual([]);
    }
  });

  test('another exit code is a failure, with the command’s words, unless it may fail', async () => {
    const failing = host({ exitCode: 3, stderr: 'no such thing\n' });
    const asked = query.check(failing, { argv });
    await expect(asked).rejects.toThrow(CommandError);
    await expect(asked).rejects.toThrow(/'uname -r' failed with exit code 3: no such thing\n.*anyExitCode: true/);
    expect((await query.check(failing, { argv, anyExitCode: true })).changed).toBe(false);
  });

  test('a command that is not there is missing, unless it may fail', async () => {
    const bare = new FakeHost({ tools: [] });
    await expect(query.check(bare, { argv })).rejects.toThrow(MissingError);
    expect((await query.check(bare, { argv, anyExitCode: true })).changed).toBe(false);
  });

  test('a query has its time limit', async () => {
    const limits: unknown[] = [];
    const slow = host({});
    Object.assign(slow.reader, {
      query: async (_argv: readonly string[], options: unknown) => {
        limits.push(options);
        return { exitCode: 0, stdout: '', stderr: '' };
      },
    });
    await query.check(slow, { argv, timeLimit: 90 });
    await query.check(slow, { argv });
    expect(limits).toEqual([{ timeLimit: 90 }, {}]);
  });
});

test('round trip: it never changes anything', async () => {
  const asked = host({ stdout: '6.1.0\n' });
  expect((await query.check(asked, { argv })).changed).toBe(false);
  expect((await query.apply(asked, { argv })).changed).toBe(false);
  expect([asked.executed, asked.locked]).toEqual([[], false]);
});

test('the answer is shown, by the terminal as by the JSON stream, and a long one in full with -v', async () => {
  const stdout = Array.from({ length: 22 }, (_, line) => `line ${line}\n`).join('');
  const host = new FakeHost({ commands: { 'cat /x': { stdout, exitCode: 3 } } });
  const events: PlayEvent[] = [];
  await runOnHost(host, [query('Look', { argv: ['cat', '/x'], anyExitCode: true })], { check: true }, (event) =>
    events.push(event),
  );
  const shown = (steps: boolean): readonly string[] => {
    let text = '';
    const show = terminalReporter({
      write: (more) => {
        text += more;
      },
      ...{ color: false, unicode: true, steps, skipped: false, width: 80 },
    });
    for (const event of events) show(event);
    return text.split('\n');
  };
  expect(shown(false).slice(2, 4)).toEqual(['ok: [fake]', '    line 0']);
  expect(shown(false).slice(-3)).toEqual(['    … 2 more lines; -v shows them', '    exit code 3', '']);
  expect(shown(true).slice(-3)).toEqual(['    line 21', '    exit code 3', '']);
  expect(jsonStream(events)).toContain(`"answer":${JSON.stringify({ exitCode: 3, stdout })}`);
});
