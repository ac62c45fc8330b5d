import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runCommand } from '../../support/command.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-many-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

// In a process of its own: what Node says of itself does not reach the code that Jest runs.
test('a run of many hosts makes Node warn of nothing', async () => {
  const [site, config] = [join(directory, 'site.ts'), join(directory, 'config')];
  writeFileSync(config, 'Host *\n  ProxyCommand sleep 4\n');
  writeFileSync(
    site,
    `import { play } from 'kvm-play';
import { query } from 'kvm-play/modules';
export default play({ name: 'Many', tasks: [query({ argv: ['true'] })] });
`,
  );
  const hosts = Array.from({ length: 24 }, (_, n) => ['--host', `host${n}`]).flat();
  const { exitCode, stdout, stderr } = await runCommand([site, ...hosts, '--ssh-config', config, '--forks', '24']);
  expect([exitCode, stdout.match(/unreachable=1/g)?.length]).toEqual([4, 24]);
  expect(stderr).not.toMatch(/Warning/);
});
