import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { limitGroups, rememberFailedHosts } from '../../../../lib/cli/commands/failed_hosts.ts';
import { type HostSummary, nothingCounted } from '../../../../lib/events/events.ts';

let directory: string;
const before = process.env.XDG_CACHE_HOME;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvm-play-failed-'));
  process.env.XDG_CACHE_HOME = directory;
});
afterEach(async () => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  await rm(directory, { recursive: true, force: true });
});

const remember = (hosts: Readonly<Record<string, Partial<HostSummary>>>): Promise<void> =>
  rememberFailedHosts('site.ts', {
    check: false,
    interrupted: false,
    hosts: Object.fromEntries(Object.entries(hosts).map(([name, counts]) => [name, { ...nothingCounted, ...counts }])),
  });

test('hosts that failed, were lost or were not begun are remembered, with their ports, until a run in which all went well', async () => {
  await remember({ 'root@a:2222': { failed: 1 }, b: { unreachable: 1 }, c: { notBegun: 1 }, d: { ok: 1 } });
  expect(await limitGroups('site.ts', 'web:!@failed')).toEqual({ '@failed': ['root@a:2222', 'b', 'c'] });
  expect(await limitGroups('site.ts', 'web')).toBeUndefined();
  await remember({ a: { ok: 1 } });
  await expect(limitGroups('site.ts', '@failed')).rejects.toThrow(
    'no host failed in the last run of site.ts from here',
  );
});

test('a file that a limit names with @ holds hosts, one a line', async () => {
  const file = join(directory, 'hosts.retry');
  await expect(limitGroups('site.ts', `@${file}`)).rejects.toThrow(
    `--limit @${file}: there is no such file; the hosts that failed in the last run are @failed`,
  );
  await writeFile(file, '# of yesterday\na\n  root@b:2222\n\n');
  expect(await limitGroups('site.ts', `web:&@${file},root@a`)).toEqual({ [`@${file}`]: ['a', 'root@b:2222'] });
  await writeFile(file, '\n');
  await expect(limitGroups('site.ts', `!@${file}`)).rejects.toThrow('the file names no hosts');
  await expect(limitGroups('site.ts', `@${directory}`)).rejects.toThrow('it is a directory');
});
