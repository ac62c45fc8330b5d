import { readFile } from 'node:fs/promises';

/** Reads the version of this copy: package.json stands above the source as well as above the built files. */
export async function version(): Promise<string> {
  for (const place of ['../../package.json', '../../../package.json']) {
    const text = await readFile(new URL(place, import.meta.url), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { version }: { version?: unknown } = JSON.parse(text);
    if (typeof version === 'string') return version;
  }
  return 'unknown';
}
