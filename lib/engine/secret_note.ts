import { fileNameOf } from '../hosts/shell/paths.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';

/** Tells whether a host remembers that what it holds in a file is secret: it is neither shown nor kept when something replaces it. */
export async function holdsSecret(host: ReadonlyHost, path: string): Promise<boolean> {
  return host.hasNote(`secret/${fileNameOf(path)}`, path);
}
