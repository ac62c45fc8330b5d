import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { root } from '../support/built.ts';
import { installPacked, type PackedProject } from '../support/packed.ts';

const page = readFileSync(join(root, 'docs/writing_a_module.md'), 'utf8');
/** The files of the page: the first line of each names it. */
const files = [...page.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```/gms)].map(([, name = '', text = '']) => ({
  name,
  text,
}));
/** The commands of the page, but the one that installs the package. */
const commands = [...page.matchAll(/^```sh\n(.*?)\n```/gms)]
  .map(([, line = '']) => line)
  .filter((line) => !/^npm/.test(line));

let project: PackedProject;
beforeAll(async () => {
  project = await installPacked();
  for (const { name, text } of files) writeFileSync(join(project.directory, name), text);
});
afterAll(() => rmSync(project.directory, { recursive: true, force: true }));

test('docs/writing_a_module.md has a module, a site and a test, and the commands that run them', () => {
  expect(files.map(({ name }) => name)).toEqual(['hostname.ts', 'names.ts', 'hostname.test.ts']);
  expect(commands).toEqual(['npx kvm-play --check names.ts', 'npx jiti hostname.test.ts']);
});

test('its site uses the module in an empty project', async () => {
  const { stdout } = await project.run(['npx', 'kvm-play', '--check', 'names.ts']);
  expect(stdout).toMatch(/PLAY \[Name the hosts\].*hostname kvm1.*changed: \[localhost\].*failed=0/s);
});

test('its test passes there, and fails where the module is wrong', async () => {
  const { stdout } = await project.run(['npx', 'jiti', 'hostname.test.ts']);
  expect(stdout).toMatch(/pass 2\n.*fail 0\n/s);
  const [module = { name: '', text: '' }] = files;
  writeFileSync(join(project.directory, module.name), module.text.replace('set-hostname', 'hostname'));
  const wrong = await project.run(['npx', 'jiti', 'hostname.test.ts'], { reject: false });
  writeFileSync(join(project.directory, module.name), module.text);
  expect(wrong.exitCode).not.toBe(0);
});
