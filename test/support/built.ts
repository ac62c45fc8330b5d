import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's own folder. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** Finds a source that is newer than what was built from it, and so must be built first; undefined where there is none. */
export function staleSource(): string | undefined {
  const built = statSync(join(root, 'dist/lib/index.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  for (const folder of ['lib', 'modules']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const source = statSync(join(root, folder, name));
      if (source.isFile() && source.mtimeMs > built) return `${folder}/${name}`;
    }
  }
  return undefined;
}
