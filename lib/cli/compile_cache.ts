import nodeModule from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from '../process/private_directory.ts';

/** A function that Node has since 22.8, and that the types of Node 20 lack. */
interface CompileCache {
  enableCompileCache(directory: string): unknown;
}

/** Makes Node cache compiled code for the next start, in a private directory of the user: others can write to the parent of the default one. */
export function enableCompileCache(): void {
  if (!hasCompileCache(nodeModule)) return;
  const directory = cacheDirectory();
  if (directory !== undefined) nodeModule.enableCompileCache(join(directory, 'compiled'));
}

function hasCompileCache(module: object): module is CompileCache {
  return 'enableCompileCache' in module && typeof module.enableCompileCache === 'function';
}
