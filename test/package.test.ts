import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';

const root = fileURLToPath(new URL('..', import.meta.url));

const site = `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

export default play({
  name: 'Packed',
  vars: { forward: 1 },
  tasks: (vars: { forward: number }) => [sysctl({ values: { 'net.ipv4.ip_forward': vars.forward } })],
});
`;

describe('the package', () => {
  let project: string;
  const inProject = (file: string, ...args: readonly string[]): Promise<{ stdout: string }> =>
    execa(file, args, { cwd: project, env: { NODE_OPTIONS: '' } });

  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), 'kvm-play-package-'));
    const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', project], {
      cwd: root,
      env: { NODE_OPTIONS: '' },
    });
    const [packed]: [{ filename: string; files: { path: string }[] }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
    const outside = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/|package\.json|README\.md|LICENSE)/.test(path));
    expect(outside).toEqual([]);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'elsewhere', private: true, type: 'module' }));
    await inProject('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`);
    writeFileSync(join(project, 'site.ts'), site);
  }, 120_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test('runs a site by npx', async () => {
    const { stdout } = await inProject('npx', 'kvm-play', '--check', 'site.ts');
    expect(stdout).toMatch(/PLAY \[Packed\].*(ok|changed): \[localhost\].*failed=0/s);
  }, 30_000);

  test('is imported from plain JavaScript', async () => {
    const script =
      "const { run } = await import('kvm-play'); const m = await import('kvm-play/modules'); console.log(typeof run, Object.keys(m).sort().join())";
    const { stdout } = await inProject('node', '--input-type=module', '-e', script);
    expect(stdout).toBe('function ifcfgBridge,service,sysctl,virshNetwork,virshPool,virshVolume,virtInstall');
  });

  test('has types that a strict project compiles against, and that refuse a wrong site', async () => {
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
    cpSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'), { recursive: true });
    cpSync(join(root, 'node_modules/undici-types'), join(project, 'node_modules/undici-types'), { recursive: true });
    writeFileSync(
      join(project, 'wrong.ts'),
      `${site}// @ts-expect-error: a value is no list\nsysctl({ values: ['a'] });\n// @ts-expect-error: an unknown argument\nsysctl({ values: {}, fil: '/etc/x' });\n`,
    );
    const tsc = join(root, 'node_modules/.bin/tsc');
    const { stdout } = await inProject(
      tsc,
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      'node',
      'site.ts',
      'wrong.ts',
    );
    expect(stdout).toBe('');
  }, 60_000);

  test('is sound by publint’s rules', async () => {
    const { exitCode } = await execa(join(root, 'node_modules/.bin/publint'), ['--strict'], { cwd: root });
    expect(exitCode).toBe(0);
  }, 60_000);
});
