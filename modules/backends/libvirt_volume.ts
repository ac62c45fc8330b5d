import { type Domain, type Pool, parseVolume } from '../../lib/formats/libvirt_xml.ts';
import type { ReadonlyHost } from '../../lib/hosts/readonly_host.ts';
import type { Missing } from '../../lib/module.ts';
import { type Connection, readRunning, virsh } from './libvirt.ts';
import { missingTool } from './packages.ts';

/** A volume of a directory pool as it was found: on disk, in libvirt's list, or both. */
export interface VolumeFile {
  readonly path: string;
  readonly exists: boolean;
  /** True when libvirt has it in its list. */
  readonly isListed: boolean;
  /** Bytes; undefined when it could not be seen. */
  readonly capacity: number | undefined;
  /** Bytes on disk. */
  readonly allocation: number | undefined;
  readonly format: string | undefined;
  /** The running guests that have it as a disk; only looked for where it matters. */
  readonly usedBy: readonly string[];
}

/** What {@link readVolume} answers. */
export interface SeenVolume {
  /** undefined when neither disk nor list has it. */
  readonly file: VolumeFile | undefined;
  /** Tools that are needed to look. */
  readonly missing: readonly Missing[];
}

/** What libvirt says of a volume; asked beside the question for its pool. */
export interface AskedVolume {
  /** Its XML; undefined where its file is gone or unknown to libvirt. */
  readonly xml: string | undefined;
  readonly isListed: boolean;
}

/** Asks virsh for a volume; undefined where only files may be looked at. */
export async function askVolume(
  host: ReadonlyHost,
  connection: Connection,
  pool: string,
  name: string,
): Promise<AskedVolume | undefined> {
  if (connection.look !== 'virsh') return undefined;
  // vol-dumpxml looks at the file itself, and fails where it is gone; vol-path only looks into libvirt's list.
  const [xml, path] = await Promise.all([
    virsh(host, connection, ['vol-dumpxml', name, '--pool', pool]),
    virsh(host, connection, ['vol-path', name, '--pool', pool]),
  ]);
  return { xml, isListed: path !== undefined };
}

/** Looks at a volume of an active directory pool; where libvirt does not know it or could not be asked, at its file. */
export async function lookAtVolume(
  host: ReadonlyHost,
  pool: Pool,
  name: string,
  asked: AskedVolume | undefined,
): Promise<SeenVolume> {
  const path = pathOf(pool, name);
  // A daemon that wakes lists what is there.
  if (asked === undefined) return inspectFile(host, path, true);
  if (asked.xml === undefined) {
    const seen = await inspectFile(host, path, asked.isListed);
    if (seen.file !== undefined || !asked.isListed) return seen;
    return { file: { ...unseen(path, true), exists: false }, missing: [] };
  }
  const { capacity, allocation, format, path: actual = path } = parseVolume(asked.xml);
  return { file: { ...unseen(actual, true), capacity, allocation, format }, missing: [] };
}

/** Names the running guests that have a volume as a disk. */
export async function usersOf(
  host: ReadonlyHost,
  connection: Connection,
  pool: Pool,
  path: string,
): Promise<readonly string[]> {
  const guests = await readRunning(host, connection);
  return guests.filter((guest) => uses(guest, pool, path)).map((guest) => guest.name);
}

/** The path of a volume's file. */
function pathOf(pool: Pool, name: string): string {
  return `${pool.path ?? ''}/${name}`;
}

function unseen(path: string, isListed: boolean): VolumeFile {
  return { path, exists: true, isListed, capacity: undefined, allocation: undefined, format: undefined, usedBy: [] };
}

/** Looks at a file with `qemu-img`, which wakes nothing and waits for no lock. */
async function inspectFile(host: ReadonlyHost, path: string, isListed: boolean): Promise<SeenVolume> {
  if (!(await host.exists(path))) return { file: undefined, missing: [] };
  const [info, missing] = await Promise.all([
    host.query(['qemu-img', 'info', '--force-share', '--output=json', path]),
    missingTool(host, 'qemu-img'),
  ]);
  const known = info.exitCode === 0 ? readInfo(info.stdout) : {};
  return {
    file: { ...unseen(path, isListed), ...known },
    missing: missing === undefined ? [] : [missing],
  };
}

function readInfo(json: string): Partial<VolumeFile> {
  const info: unknown = JSON.parse(json);
  if (typeof info !== 'object' || info === null) return {};
  return {
    ...('virtual-size' in info && typeof info['virtual-size'] === 'number' && { capacity: info['virtual-size'] }),
    ...('actual-size' in info && typeof info['actual-size'] === 'number' && { allocation: info['actual-size'] }),
    ...('format' in info && typeof info.format === 'string' && { format: info.format }),
  };
}

function uses({ disks }: Domain, pool: Pool, path: string): boolean {
  return disks.some(({ source }) => {
    if (source?.kind === 'volume') return source.pool === pool.name && pathOf(pool, source.volume) === path;
    return source?.path === path;
  });
}
