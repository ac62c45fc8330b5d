import { fileNameOf } from '../hosts/shell/paths.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';

/** Tells whether a note on the host says that a file is secret: its text is neither shown nor backed up when it is replaced. */
export async function holdsSecret(host: ReadonlyHost, path: string): Promise<boolean> {
  return host.hasNote(`secret/${fileNameOf(path)}`, path);
}
