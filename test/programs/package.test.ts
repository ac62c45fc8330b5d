import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { root } from '../support/built.ts';
import { installPacked, type PackedProject } from '../support/packed.ts';

const site = `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

export default play({
  name: 'Packed',
  vars: { forward: 1 },
  tasks: (vars: { forward: number }) => [sysctl({ values: { 'net.ipv4.ip_forward': vars.forward } })],
});
`;

const wrongSite = `${site}
// @ts-expect-error: a value is no list
sysctl({ values: ['a'] });
// @ts-expect-error: an unknown argument
sysctl({ values: {}, fil: '/etc/x' });
`;

const script = `import { createRequire } from 'node:module';
const { run } = await import('kvm-play');
const modules = await import('kvm-play/modules');
const { $id } = createRequire(process.cwd() + '/')('kvm-play/events.schema.json');
console.log(typeof run, $id, Object.keys(modules).sort().join());`;

describe('the package', () => {
  let project: PackedProject;
  beforeAll(async () => {
    project = await installPacked();
    writeFileSync(join(project.directory, 'site.ts'), site);
  });
  afterAll(() => rmSync(project.directory, { recursive: true, force: true }));

  test('holds what was built, and nothing else', () => {
    const others = project.files.filter((path) => !/^(dist\/|docs\/|package\.json|README\.md|LICENSE)/.test(path));
    expect(others).toEqual([]);
    const read = ['lib', 'modules'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((found) => found.isFile() && !/\.(ts|md)$/.test(found.name))
        .map((found) => `dist/${relative(root, join(found.parentPath, found.name))}`),
    );
    expect(read).toContain('dist/lib/lab/network-scripts/ifup');
    expect(read).toContain('dist/lib/hosts/files/write.sh');
    expect(project.files).toEqual(expect.arrayContaining(read));
  });

  test('runs a site by npx', async () => {
    const { stdout } = await project.run(['npx', 'kvm-play', '--check', 'site.ts']);
    expect(stdout).toMatch(/PLAY \[Packed\].*(ok|changed): \[localhost\].*failed=0/s);
  });

  test('is imported from plain JavaScript', async () => {
    const { stdout } = await project.run(['node', '--input-type=module', '-e', script]);
    expect(stdout).toBe(
      'function urn:kvm-play:events:1 bridge,command,file,ifcfgBridge,kvmHost,network,packages,query,service,sysctl,virshNetwork,virshPool,virshVolume,virtInstall',
    );
  });

  test('has types that a strict project compiles against, and that refuse a wrong site', async () => {
    const modules = join(project.directory, 'node_modules');
    mkdirSync(join(modules, '@types'), { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true });
    }
    writeFileSync(join(project.directory, 'wrong.ts'), wrongSite);
    const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    const tsc = join(root, 'node_modules/.bin/tsc');
    const { stdout } = await project.run([tsc, ...strict, 'site.ts', 'wrong.ts'], { reject: false });
    expect(stdout).toBe('');
  });

  test('tells what TypeScript says of a site that was refused, where the site’s project has it', async () => {
    writeFileSync(join(project.directory, 'refused.ts'), site.replace('vars.forward }', 'vars.forward === 1 }'));
    const command = ['npx', 'kvm-play', '--check', 'refused.ts'];
    const words = `kvm-play: sysctl: 'values.net.ipv4.ip_forward': the value of a kernel parameter is a text or a number, and is true
  task: sysctl
  at refused.ts:7`;
    expect(await project.run(command, { reject: false })).toMatchObject({ exitCode: 1, stderr: words });
    symlinkSync(join(root, 'node_modules/typescript'), join(project.directory, 'node_modules/typescript'));
    const { stderr } = await project.run(command, { reject: false });
    expect(stderr).toBe(
      `${words}\n  refused.ts:7: TS2322: Type 'boolean' is not assignable to type 'string | number'.`,
    );
  });

  test('is sound by publint’s rules', async () => {
    const { exitCode } = await execa(join(root, 'node_modules/.bin/publint'), ['--strict'], { cwd: root });
    expect(exitCode).toBe(0);
  });
});
