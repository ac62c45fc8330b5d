import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runCommand } from '../../support/command.ts';

const site = `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

export default play({
  name: 'Wrong',
  tasks: [sysctl({ values: { 'vm.swappiness': true } })],
});
`;

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kvm-play-types-'));
  writeFileSync(join(cwd, 'site.ts'), site);
});
afterAll(() => rmSync(cwd, { recursive: true }));

test('are told in the words of the TypeScript that the site has, and not at all where it has none', async () => {
  const words = `kvm-play: sysctl: 'values.vm.swappiness': the value of a kernel parameter is a text or a number, and is true
  task: sysctl
  at site.ts:6
`;
  expect(await runCommand(['--check', 'site.ts'], { cwd })).toEqual({ exitCode: 1, stdout: '', stderr: words });
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(
    fileURLToPath(new URL('../../../node_modules/typescript', import.meta.url)),
    join(cwd, 'node_modules/typescript'),
  );
  const { stderr } = await runCommand(['--check', 'site.ts'], { cwd });
  expect(stderr).toBe(`${words}  site.ts:6: TS2322: Type 'boolean' is not assignable to type 'string | number'.\n`);
}, 60_000);
