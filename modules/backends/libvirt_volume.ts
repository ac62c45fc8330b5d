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

/**
 * Reads a volume of an active directory pool.
 * @param differs says whether something would be done to it, so that its users matter
 */
export async function readVolume(
  host: ReadonlyHost,
  connection: Connection,
  pool: Pool,
  name: string,
  differs: (file: VolumeFile | undefined) => boolean,
): Promise<SeenVolume> {
  const { file, missing } =
    connection.look === 'virsh'
      ? await askVolume(host, connection, pool, name)
      : await inspectFile(host, pathOf(pool, name), true);
  if (file === undefined || !file.exists || !differs(file)) return { file, missing };
  const guests = await readRunning(host, connection);
  const usedBy = guests.filter((guest) => uses(guest, pool, file)).map((guest) => guest.name);
  return { file: { ...file, usedBy }, missing };
}

/** The path of a volume's file. */
export function pathOf(pool: Pool, name: string): string {
  return `${pool.path ?? ''}/${name}`;
}

async function askVolume(host: ReadonlyHost, connection: Connection, pool: Pool, name: string): Promise<SeenVolume> {
  const path = pathOf(pool, name);
  // vol-dumpxml looks at the file itself, and fails where it is gone; vol-path only looks into libvirt's list.
  const [xml, listed] = await Promise.all([
    virsh(host, connection, ['vol-dumpxml', name, '--pool', pool.name]),
    virsh(host, connection, ['vol-path', name, '--pool', pool.name]),
  ]);
  if (xml === undefined) {
    const seen = await inspectFile(host, path, false);
    const gone = { path, exists: false, isListed: true, capacity: undefined, allocation: undefined, format: undefined };
    return seen.file === undefined && listed !== undefined ? { file: { ...gone, usedBy: [] }, missing: [] } : seen;
  }
  const { capacity, allocation, format, path: actual = path } = parseVolume(xml);
  return {
    file: { path: actual, exists: true, isListed: true, capacity, allocation, format, usedBy: [] },
    missing: [],
  };
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
    file: {
      path,
      exists: true,
      isListed,
      capacity: undefined,
      allocation: undefined,
      format: undefined,
      usedBy: [],
      ...known,
    },
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

function uses({ disks }: Domain, pool: Pool, { path }: VolumeFile): boolean {
  return disks.some(({ source }) => {
    if (source?.kind === 'volume') return source.pool === pool.name && pathOf(pool, source.volume) === path;
    return source?.path === path;
  });
}
