import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OutputFile } from '../../../../lib/cli/output/output_file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-output-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('an older file stays until it is replaced, and nothing is left beside it', () => {
  const path = join(directory, 'report.xml');
  writeFileSync(path, 'old');
  const file = new OutputFile('--junit', path);
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(file.replace('new')).toBeUndefined();
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(directory)).toEqual(['report.xml']);
});

test('a link is followed', () => {
  const path = join(directory, 'link.xml');
  writeFileSync(join(directory, 'report.xml'), 'old');
  symlinkSync('report.xml', path);
  expect(new OutputFile('--junit', path).replace('new')).toBeUndefined();
  expect(readFileSync(join(directory, 'report.xml'), 'utf8')).toBe('new');
});

test('what cannot be written is refused at once', () => {
  mkdirSync(join(directory, 'folder'));
  const refused = (path: string): string => {
    try {
      new OutputFile('--junit', path);
    } catch (error) {
      return String(error);
    }
    return 'accepted';
  };
  expect(refused(join(directory, 'none/x'))).toMatch(
    /^PlaybookError: --junit: .*\/none\/x cannot be written: ENOENT: [^']+$/,
  );
  for (const path of [join(directory, 'folder'), '/dev/null']) expect(refused(path)).toMatch(/it is no file$/);
  expect(refused('')).toMatch(/''/);
});

test('what has gone wrong in the meantime is said', () => {
  const file = new OutputFile('--junit', join(directory, 'report.xml'));
  rmSync(directory, { recursive: true });
  expect(file.replace('new')).toMatch(/report\.xml could not be written: ENOENT/);
});
