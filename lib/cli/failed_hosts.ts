import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PlaybookError } from '../errors.ts';
import type { Summary } from '../events.ts';
import { cacheDirectory, privateDirectory } from '../private_directory.ts';

/** What `--limit` calls the hosts that failed last time. */
const failedWord = '@failed';

/**
 * Puts the hosts that failed in the last run of a site in the place of `@failed`.
 * @throws PlaybookError where none failed, or nobody knows
 */
export async function withFailedHosts(site: string, limit: string): Promise<string> {
  if (!limit.includes(failedWord)) return limit;
  const path = fileOf(site);
  const text = path && (await readFile(path, 'utf8').catch(() => undefined));
  const names = text?.split('\n').filter((name) => name !== '') ?? [];
  if (names.length === 0)
    throw new PlaybookError(`--limit ${limit}: no host failed in the last run of ${site} from here`);
  return limit
    .split(/([,:])/)
    .flatMap((part) => (part === failedWord ? names.join(limit.includes(',') ? ',' : ':') : part))
    .join('');
}

/** Remembers which hosts failed, were lost, or could not be reached. Where nothing can be remembered, nothing is. */
export async function rememberFailedHosts(site: string, { hosts }: Summary): Promise<void> {
  const path = fileOf(site);
  if (path === undefined) return;
  const failed = Object.entries(hosts).filter(([, { failed, unreachable }]) => failed + unreachable > 0);
  const done =
    failed.length === 0 ? rm(path, { force: true }) : writeFile(path, failed.map(([name]) => `${name}\n`).join(''));
  await done.catch(() => {});
}

function fileOf(site: string): string | undefined {
  const cache = cacheDirectory();
  const directory = cache && privateDirectory(join(cache, 'failed'));
  return directory && join(directory, createHash('sha256').update(resolve(site)).digest('hex').slice(0, 32));
}
