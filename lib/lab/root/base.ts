import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { LabError } from '../error.ts';
import { basesDirectory } from '../layout.ts';
import { takeLock } from '../lock.ts';

/** What a base root is built from. */
export interface BaseRecipe {
  /** The Debian release. */
  readonly suite: string;
  /** What is installed beside what Debian's minbase brings. */
  readonly packages: readonly string[];
  /** Runs inside the new root, once. */
  readonly script: string;
}

/** What no host needs of a package. */
const leftOut: readonly string[] = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];

/** Names the directory of a base root, below {@link basesDirectory}: another one for each version of its contents. */
export function baseName({ suite, packages, script }: BaseRecipe): string {
  const contents = JSON.stringify([suite, packages, leftOut, script]);
  return createHash('sha256').update(contents).digest('hex').slice(0, 16);
}

/**
 * Returns a complete root of a host, which nobody may write to; builds it if this machine has none yet.
 * Takes about a minute and downloads about 200 MB the first time. Two builders do not collide: the second waits.
 * @param recipe what it is built from
 * @param options `onProgress` is told what takes time; `signal` ends the building; `mirror` is a Debian mirror
 *   (default: the one that mmdebstrap takes by itself)
 * @throws LabError with mmdebstrap's last lines
 */
export async function baseRoot(
  recipe: BaseRecipe,
  options: {
    onProgress: (message: string) => void;
    signal?: AbortSignal | undefined;
    mirror?: string | undefined;
  },
): Promise<string> {
  const { packages } = recipe;
  const hash = baseName(recipe);
  const root = join(basesDirectory, hash);
  if (await exists(root)) return root;
  await mkdir(basesDirectory, { recursive: true });
  options.onProgress('waiting for the right to build the base root');
  const lock = await takeLock(`${root}.lock`, { wait: true, ...(options.signal ? { signal: options.signal } : {}) });
  try {
    if (await exists(root)) return root;
    await removeUnfinished(hash);
    options.onProgress(
      `building the base root, ${packages.length} packages and what they need; this takes a minute, once`,
    );
    const unfinished = `${root}.unfinished`;
    await debootstrap(recipe, unfinished, options);
    await rename(unfinished, root);
    return root;
  } finally {
    await lock?.release();
  }
}

async function debootstrap(
  { suite, packages, script }: BaseRecipe,
  target: string,
  options: { signal?: AbortSignal | undefined; mirror?: string | undefined },
): Promise<void> {
  const argv = [
    ...['--variant=minbase', `--include=${packages.join(',')}`, '--aptopt=Acquire::Languages "none"'],
    ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--customize-hook=chroot "$1" sh -c "$KVM_PLAY_RECIPE"`,
    ...[suite, target, ...(options.mirror === undefined ? [] : [options.mirror])],
  ];
  // In a mount namespace of its own: when it is killed, its mounts are gone with it.
  const { exitCode, stderr } = await execa('unshare', ['--mount', '--propagation', 'private', 'mmdebstrap', ...argv], {
    reject: false,
    stdin: 'ignore',
    env: { KVM_PLAY_RECIPE: script, LC_ALL: 'C' },
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  options.signal?.throwIfAborted();
  if (exitCode !== 0) {
    await execa('rm', ['-rf', '--one-file-system', '--', target], { reject: false });
    const lastLines = stderr.trim().split('\n').slice(-5).join('\n');
    const source = options.mirror ?? "mmdebstrap's choice of a mirror";
    throw new LabError(
      `no base root of Debian ${suite} could be built in ${basesDirectory} from ${source}: see whether this machine reaches the mirror, and whether 1 GB is free there. mmdebstrap says:\n${lastLines}`,
    );
  }
}

/** Removes what a killed builder left behind. Only whoever holds the builder's lock may call it. */
async function removeUnfinished(hash: string): Promise<void> {
  for (const name of await readdir(basesDirectory)) {
    if (name !== `${hash}.unfinished`) continue;
    await execa('rm', ['-rf', '--one-file-system', '--', join(basesDirectory, name)]);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
