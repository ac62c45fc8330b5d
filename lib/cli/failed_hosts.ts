import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PlaybookError } from '../errors.ts';
import type { Summary } from '../events.ts';
import { cacheDirectory, privateDirectory } from '../private_directory.ts';

/** What `--limit` calls the hosts that failed last time. */
const failedWord = '@failed';

/**
 * Gives the group `@failed` where a limit names it: the hosts that failed in the last run of a site, or that it did not begin.
 * @throws PlaybookError where there are none, or nobody knows
 */
export async function failedHosts(
  site: string,
  limit: string,
): Promise<Readonly<Record<string, readonly string[]>> | undefined> {
  if (!limit.includes(failedWord)) return undefined;
  const path = fileOf(site);
  const text = path && (await readFile(path, 'utf8').catch(() => undefined));
  const names = text?.split('\n').filter((name) => name !== '') ?? [];
  if (names.length === 0)
    throw new PlaybookError(`--limit ${limit}: no host failed in the last run of ${site} from here`);
  return { [failedWord]: names };
}

/** Remembers which hosts failed, were lost, could not be reached, or were not begun. Where nothing can be remembered, nothing is. */
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
