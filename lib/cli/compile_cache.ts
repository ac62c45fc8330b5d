import nodeModule from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from '../process/private_directory.ts';

/** What Node has from 22.8 on, and the types of Node 20 do not know. */
interface CompileCache {
  enableCompileCache(directory: string): unknown;
}

/** Has Node keep what it compiles for the next start, in a directory of the user's own: the default one lies where others can write. */
export function enableCompileCache(): void {
  if (!hasCompileCache(nodeModule)) return;
  const directory = cacheDirectory();
  if (directory !== undefined) nodeModule.enableCompileCache(join(directory, 'compiled'));
}

function hasCompileCache(module: object): module is CompileCache {
  return 'enableCompileCache' in module && typeof module.enableCompileCache === 'function';
}
