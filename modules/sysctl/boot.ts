import { canonicalValue, lookUpSysctl } from '../../lib/formats/sysctl_conf.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';

/** The file that distributions keep for the administrator; systemd reads it through a link below `sysctl.d` only. */
export const mainFile = '/etc/sysctl.conf';

/** The directory for files of the administrator's own. */
export const ownDirectory = '/etc/sysctl.d';

/** Where the parameters of the boot are kept; of files with the same name the first one counts (sysctl.d(5)). */
const directories = [
  ownDirectory,
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
] as const;

/** A file that takes part in the boot. */
export interface BootFile {
  readonly path: string;
  /** Where it really is, links followed. */
  readonly target: string;
  /** undefined for a link to nothing. */
  readonly text: string | undefined;
}

/** How one file takes part in the boot. */
export interface BootOrder {
  /** False when nothing reads the file at boot. */
  readonly isRead: boolean;
  /** The files that are read before it, in their order. */
  readonly earlier: readonly BootFile[];
  /** The files that are read after it, and so win, in their order. */
  readonly later: readonly BootFile[];
  /** A file of the same name elsewhere, which the wanted file would switch off as a whole once it is made. */
  readonly masks?: string;
}

/** A value and the file that gives it. */
export interface Setting {
  readonly value: string;
  readonly path: string;
}

/**
 * Reads which files set kernel parameters at boot, and the position of one file among them.
 * systemd-sysctl sorts all files by their names, whatever their directory, and the last assignment of a key counts
 * (sysctl.d(5)). Debian 12 and Red Hat link `/etc/sysctl.d/99-sysctl.conf` to `/etc/sysctl.conf`; without that link
 * systemd does not read it, and `sysctl --system` of a host without systemd reads it last (sysctl(8)).
 * @param host where to look
 * @param file {@link mainFile}, or a file directly below {@link ownDirectory}
 */
export async function readBootOrder(host: ReadonlyHost, file: string): Promise<BootOrder> {
  const [listings, bootedBySystemd, own, main] = await Promise.all([
    Promise.all(directories.map((directory) => host.listDirectory(directory))),
    host.exists('/run/systemd/system'),
    locate(host, file),
    readBootFile(host, mainFile),
  ]);
  const found = await Promise.all(winners(listings).map((path) => readBootFile(host, path)));
  const order = bootedBySystemd ? found : [...found.filter(({ target }) => target !== main.target), main];
  return placeIn(order, file, own);
}

/** Returns the last of some files that sets a key; undefined when none of them does. */
export function lastSetting(files: readonly BootFile[], key: string): Setting | undefined {
  for (const { path, text = '' } of files.toReversed()) {
    const value = lookUpSysctl(text, key);
    if (value !== undefined) return { value: canonicalValue(value), path };
  }
  return undefined;
}

/** Sorts by name; of equal names only the first directory's counts. */
function winners(listings: readonly (readonly string[])[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const [index, names] of listings.entries()) {
    for (const name of names.filter((each) => each.endsWith('.conf'))) {
      if (!byName.has(name)) byName.set(name, `${directories[index]}/${name}`);
    }
  }
  return [...byName].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
}

async function readBootFile(host: ReadonlyHost, path: string): Promise<BootFile> {
  const [target, file] = await Promise.all([locate(host, path), host.readFile(path)]);
  return { path, target, text: file?.text };
}

/** Follows links; the last part may be missing (a link to a file that is yet to be written). */
async function locate(host: ReadonlyHost, path: string): Promise<string> {
  const { exitCode, stdout } = await host.query(['readlink', '-f', '--', path]);
  return exitCode === 0 ? stdout.trimEnd() : path;
}

function placeIn(order: readonly BootFile[], file: string, target: string): BootOrder {
  const index = order.findLastIndex((each) => each.target === target);
  if (index >= 0) return { isRead: true, earlier: order.slice(0, index), later: order.slice(index + 1) };
  if (file === mainFile) return { isRead: false, earlier: order, later: [] };
  const name = baseName(file);
  const isLater = ({ path }: BootFile) => path === mainFile || baseName(path) > name;
  const same = order.find(({ path }) => baseName(path) === name);
  return {
    isRead: true,
    earlier: order.filter((each) => each !== same && !isLater(each)),
    later: order.filter(isLater),
    ...(same && { masks: same.path }),
  };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
