import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PlaybookError } from '../../errors.ts';

/** Permission bits: all users may write; in a directory with the sticky bit, only its owner may replace an entry. */
const [writtenByAll, sticky] = [0o002, 0o1000];

/**
 * Refuses a file that any user of this machine could have written or replaced, because an inventory decides where root logs in.
 * @param path of an existing file
 * @throws PlaybookError that names the file or directory that all users can write to
 */
export async function refuseWritableByAll(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & writtenByAll) !== 0) throw refusal(path, path);
  for (const each of new Set([resolve(path), await realpath(path)])) await checkAbove(each, path);
}

/** Checks every directory above an entry: a user who can write to one can replace the file. */
async function checkAbove(entry: string, path: string): Promise<void> {
  const directory = dirname(entry);
  if (directory === entry) return;
  const [above, own] = await Promise.all([stat(directory), lstat(entry)]);
  if ((above.mode & writtenByAll) !== 0 && !(isSticky(above) && isOurs(own))) throw refusal(directory, path);
  await checkAbove(directory, path);
}

function isSticky({ mode }: Stats): boolean {
  return (mode & sticky) !== 0;
}

function isOurs({ uid }: Stats): boolean {
  return uid === 0 || uid === process.getuid?.();
}

function refusal(writable: string, path: string): PlaybookError {
  const what = writable === path ? path : `the directory ${writable}, in which ${path} lies,`;
  return new PlaybookError(
    `every user of this machine can write to ${what} and so say where root logs in; move it, or: chmod o-w ${writable}`,
  );
}
