import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { shellProgram } from '../process/package_files.ts';
import { LabError } from './error.ts';

/** A file lock that ends with this process, however it ends. */
export interface Lock {
  /** Gives the lock back; later calls do nothing. */
  release(): Promise<void>;
}

/**
 * Takes a file lock, or says that somebody else holds it.
 * @param path the file, created if it is not there
 * @param options `wait`: wait for as long as it takes instead of giving up (default: no)
 * @returns undefined when somebody else holds it
 * @throws LabError when the file cannot be opened
 */
export async function takeLock(
  path: string,
  options: { wait?: boolean; signal?: AbortSignal } = {},
): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // A session of its own, or an interrupt at the terminal would release the lock before the lab is gone.
  const child = execa(
    'sh',
    ['-c', shellProgram('lib/lab/hold_lock.sh'), 'kvmplay-lock', path, options.wait ? '-x' : '-n'],
    {
      stdin: 'pipe',
      buffer: false,
      reject: false,
      detached: true,
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    },
  );
  const held = await new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true));
    child.once('close', () => resolve(false));
  });
  if (!held) {
    const { exitCode, stderr } = await child;
    options.signal?.throwIfAborted();
    if (exitCode === 1) return undefined;
    throw new LabError(`cannot lock ${path}: ${stderr || `the lock's holder ended with ${exitCode}`}`);
  }
  // The holder waits for this process; this process does not wait for it.
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
  return {
    release: async () => {
      child.ref();
      child.stdin.end();
      await child;
    },
  };
}
