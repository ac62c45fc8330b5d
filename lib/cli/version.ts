import { readFile } from 'node:fs/promises';
import { manifests } from '../process/package_files.ts';

/** Reads the version of this copy of the library. */
export async function version(): Promise<string> {
  for (const place of manifests) {
    const text = await readFile(place, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { version }: { version?: unknown } = JSON.parse(text);
    if (typeof version === 'string') return version;
  }
  return 'unknown';
}
