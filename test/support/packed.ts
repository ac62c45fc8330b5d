import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { root, staleSource } from './built.ts';

/** Jest's own options of Node must not reach what is run in another project. */
const env = { NODE_OPTIONS: '' };

/** A project in an empty folder, into which the packed tarball was installed. */
export interface PackedProject {
  readonly directory: string;
  /** Paths of all files in the tarball. */
  readonly files: readonly string[];
  /** Runs a command there. @throws execa's error when it fails, unless `reject` is false */
  run(
    argv: readonly string[],
    options?: Pick<Options, 'reject'>,
  ): Promise<{ stdout: string; stderr: string; exitCode: number }>;
}

/**
 * Packs the project as it would be published, and installs it in an empty folder. What was built is taken as it is: tests go
 * side by side, and one must not build anew what another one is packing.
 */
export async function installPacked(): Promise<PackedProject> {
  const stale = staleSource();
  if (stale !== undefined) throw new Error(`${stale} is newer than dist: npm run build`);
  const directory = mkdtempSync(join(tmpdir(), 'kvm-play-package-'));
  const run: PackedProject['run'] = async ([file = '', ...args], options = {}) => {
    const ended = await execa(file, args, { cwd: directory, env, stdin: 'ignore', ...options });
    return { stdout: String(ended.stdout), stderr: String(ended.stderr), exitCode: ended.exitCode ?? -1 };
  };
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  const { stdout } = await execa('npm', pack, { cwd: root, env });
  const [packed]: [{ filename: string; files: { path: string }[] }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'elsewhere', private: true, type: 'module' }));
  await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`]);
  return { directory, files: packed.files.map(({ path }) => path), run };
}
