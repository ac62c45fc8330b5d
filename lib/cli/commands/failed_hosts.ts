import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PlaybookError } from '../../errors.ts';
import type { Summary } from '../../events/events.ts';
import { cacheDirectory, privateDirectory } from '../../process/private_directory.ts';
import { readTrouble } from '../../validation/read_trouble.ts';

/** The name that `--limit` has for the hosts that failed in the last run. */
const failedWord = '@failed';

/**
 * Gives the groups that a limit names with `@`: `@failed` holds the hosts that failed in the last run of a site or were not begun
 * in it; `@FILE` holds the hosts that a file names, one per line, as Ansible's retry files do.
 * @throws PlaybookError if a group has no hosts, or a file cannot be read
 */
export async function limitGroups(
  site: string,
  limit: string,
): Promise<Readonly<Record<string, readonly string[]>> | undefined> {
  const words = limit.match(/(?<![^\s,:&!])@[^\s,:]+/g) ?? [];
  if (words.length === 0) return undefined;
  const groups = words.map(async (word) => [
    word,
    word === failedWord ? await failedHosts(site, limit) : await listedHosts(word),
  ]);
  return Object.fromEntries(await Promise.all(groups));
}

async function failedHosts(site: string, limit: string): Promise<readonly string[]> {
  const path = fileOf(site);
  const names = namesIn((path && (await readFile(path, 'utf8').catch(() => undefined))) ?? '');
  if (names.length > 0) return names;
  throw new PlaybookError(`--limit ${limit}: no host failed in the last run of ${site} from here`);
}

async function listedHosts(word: string): Promise<readonly string[]> {
  const text = await readFile(word.slice(1), 'utf8').catch((error: unknown) => {
    throw new PlaybookError(
      `--limit ${word}: ${readTrouble(error)}; the hosts that failed in the last run are ${failedWord}`,
    );
  });
  const names = namesIn(text);
  if (names.length > 0) return names;
  throw new PlaybookError(`--limit ${word}: the file names no hosts; it holds one a line`);
}

function namesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Remembers which hosts failed, were lost, could not be reached, or were not begun. Does nothing if there is no cache directory. */
export async function rememberFailedHosts(site: string, { hosts }: Summary): Promise<void> {
  const path = fileOf(site);
  if (path === undefined) return;
  const failed = Object.entries(hosts).filter(
    ([, { failed, unreachable, notBegun }]) => failed + unreachable + notBegun > 0,
  );
  const done =
    failed.length === 0 ? rm(path, { force: true }) : writeFile(path, failed.map(([name]) => `${name}\n`).join(''));
  await done.catch(() => {});
}

function fileOf(site: string): string | undefined {
  const cache = cacheDirectory();
  const directory = cache && privateDirectory(join(cache, 'failed'));
  return directory && join(directory, createHash('sha256').update(resolve(site)).digest('hex').slice(0, 32));
}
