import { lstatSync, mkdirSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Makes sure of a directory that nobody else can enter, and so put anything into.
 * @returns undefined where there is something else of that name, or it belongs to somebody else
 */
export function privateDirectory(path: string): string | undefined {
  try {
    mkdirSync(path, { mode: 0o700, recursive: true });
    const found = lstatSync(path);
    return found.isDirectory() && found.uid === userInfo().uid && (found.mode & 0o077) === 0 ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Finds a directory of the user's own for what can be made again: `$XDG_CACHE_HOME/kvm-play`, or below `~/.cache`.
 * What lies in it is run, so a directory that others can write to will not do.
 * @returns undefined where there is none
 */
export function cacheDirectory(): string | undefined {
  const { XDG_CACHE_HOME = '' } = process.env;
  const base = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return privateDirectory(join(base, 'kvm-play'));
}
