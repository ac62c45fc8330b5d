import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runCommand } from '../support/command.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-many-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

// In a process of its own: Node's warnings do not reach the code that Jest runs.
test.each(['of the site', 'of options'])('a run on many hosts %s makes Node warn of nothing', async (kind) => {
  const [site, config] = [join(directory, 'site.ts'), join(directory, 'config')];
  const names = Array.from({ length: 24 }, (_, n) => `host${n}`);
  // Every connection waits until all others are being opened: only then do all of them listen to the run's signal at once.
  const waiting = `touch %n; until [ "$(ls -d host* | wc -l)" = ${names.length} ]; do sleep 0.1; done`;
  writeFileSync(config, `Host *\n  ProxyCommand cd ${directory}; ${waiting}\n`);
  const ofSite = kind === 'of the site' ? `hosts: ${JSON.stringify(names)}, ` : '';
  writeFileSync(
    site,
    `import { play } from 'kvm-play';
import { query } from 'kvm-play/modules';
export default play({ name: 'Many', ${ofSite}tasks: [query({ argv: ['true'] })] });
`,
  );
  const hosts = ofSite === '' ? names.flatMap((name) => ['--host', name]) : [];
  const { exitCode, stdout, stderr } = await runCommand([site, ...hosts, '--ssh-config', config, '--forks', '24']);
  expect([exitCode, stdout.match(/unreachable=1/g)?.length]).toEqual([4, 24]);
  expect(stderr).not.toMatch(/Warning/);
});
