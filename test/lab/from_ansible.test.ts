import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildLab, type Lab } from '../../lib/lab/index.ts';
import { runCommand } from '../support/command.ts';
import { jsonEvents } from '../support/json_stream.ts';
import { blocksOf } from '../support/pages.ts';
import { describeLab } from './support.ts';

const page = 'docs/from_ansible.md';
const sites = blocksOf(page, 'ts').map(({ line, code }) => [`${page}:${line}`, code] as const);

describeLab('what is shown to users of Ansible', () => {
  let lab: Lab;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvm-play-from-ansible-'));
    lab = await buildLab();
  });
  afterAll(async () => {
    await lab?.destroy();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (...more: readonly string[]) =>
    runCommand([
      join(directory, 'site.ts'),
      ...['--host', `root@${lab.hostAddress}`, '--ssh-config', lab.sshConfig, '--json', ...more],
    ]);
  const ends = (stdout: string): readonly string[] =>
    jsonEvents(stdout).flatMap((event) =>
      event.type === 'task-end' && event.status !== 'skipped' ? [`${event.task.title} ${event.status}`] : [],
    );

  test.each(sites)('%s does what check says, once', async (_name, code) => {
    await writeFile(join(directory, 'site.ts'), code);
    const checked = await run('--check');
    const applied = await run();
    expect([applied.exitCode, applied.stderr]).toEqual([0, '']);
    expect(ends(applied.stdout).some((end) => end.endsWith(' changed'))).toBe(true);
    const again = await run('--expect-no-change');
    expect([again.exitCode, again.stderr]).toEqual([0, '']);
    expect(checked.exitCode).toBe(0);
  });
});
