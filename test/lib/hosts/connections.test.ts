import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Connections } from '../../../lib/hosts/connections.ts';
import { parseHost } from '../../../lib/hosts/host_spec.ts';
import { play } from '../../../lib/play.ts';
import { run } from '../../../lib/run.ts';
import { query } from '../../../modules/index.ts';

const hosts = Array.from({ length: 24 }, (_, n) => `host${n}`);

describe('a run of many hosts', () => {
  let directory: string;
  let sshConfig: string;
  const warnings: string[] = [];
  const note = ({ message }: Error): void => void warnings.push(message);
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-many-'));
    sshConfig = join(directory, 'config');
    writeFileSync(sshConfig, 'Host *\n  ProxyCommand false\n');
    process.on('warning', note);
  });
  afterEach(() => {
    process.off('warning', note);
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['with a signal', new AbortController().signal],
    ['without one', undefined],
  ])('makes Node warn of nothing, %s', async (_what, signal) => {
    const connections = new Connections({ sshConfig, ...(signal && { signal }) });
    for (const host of hosts) connections.ahead(parseHost(host));
    const site = play({ name: 'Many', tasks: [query({ argv: ['true'] })] });
    const { hosts: counted } = await run(site, { hosts, sshConfig, connections, ...(signal && { signal }) });
    connections.close();
    // Node warns in a later turn.
    await sleep(0);
    expect(Object.keys(counted)).toHaveLength(hosts.length);
    expect(warnings).toEqual([]);
  });
});
