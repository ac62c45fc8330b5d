import { describe, expect, test } from '@jest/globals';
import { ArgumentError, CommandError, MissingError } from '../../lib/errors.ts';
import { type QueryArgs, query } from '../../modules/query.ts';
import { type Answer, FakeHost } from '../support/fake_host.ts';

const argv = ['uname', '-r'];
const host = (answer: Answer): FakeHost => new FakeHost({ commands: { 'uname -r': answer } });

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
