import { type Pool, parseVolume } from '../../lib/formats/libvirt_xml.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';
import { missingTool } from '../common/packages.ts';
import { type ImageUser, inTheWay, processesWith, readImageUses, usersOf } from './image_users.ts';
import { type Connection, virsh } from './libvirt.ts';

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
}

/** The result of {@link lookAtVolume}. */
export interface SeenVolume {
  /** undefined when neither disk nor list has it. */
  readonly file: VolumeFile | undefined;
  /** What is needed to look, or to make it. */
  readonly missing: readonly Missing[];
}

/** What libvirt knows of a volume. It is asked at the same time as for the pool. */
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
    const [seen, missing] = await Promise.all([inspectFile(host, path, asked.isListed), missingDirectory(host, pool)]);
    if (seen.file !== undefined) return seen;
    return { file: asked.isListed ? { ...unseen(path, true), exists: false } : undefined, missing };
  }
  const { capacity, allocation, format, path: actual = path } = parseVolume(asked.xml);
  return { file: { ...unseen(actual, true), capacity, allocation, format }, missing: [] };
}

/** A pool stays active when its directory is taken away, and then takes no volume. */
async function missingDirectory(host: ReadonlyHost, { name, path = '' }: Pool): Promise<readonly Missing[]> {
  if (await host.exists(`${path}/.`)) return [];
  return [
    {
      key: `pool:${name}`,
      what: `there is no directory ${path}, in which the storage pool '${name}' has its volumes`,
      remedy: `mount it, or have a task virshPool({ name: '${name}', path: '${path}' }) before this one, which makes it`,
    },
  ];
}

/** The change of a volume that exists. */
export type VolumeChange = 'remove' | 'shrink' | 'grow';

/** Users of a volume that a change of it concerns. */
export interface VolumeUsers {
  /** The running guests that have it as a disk, each with the name that its QEMU knows the disk by. */
  readonly growing: readonly { readonly guest: string; readonly disk: string }[];
  /** Those who are in the way of the change. */
  readonly missing: readonly Missing[];
  /** Why the image itself cannot be resized. */
  readonly unresizable: string | undefined;
}

/**
 * Finds who has a part in a change of a volume: guests that run or not, with what they saved, their snapshots and everything
 * that their disks stand on, images of all pools that stand on it, and processes that have it open.
 * @param what the change in words, e.g. `the volume 'base.qcow2' is to be removed`
 */
export async function readVolumeUsers(
  host: ReadonlyHost,
  connection: Connection,
  path: string,
  change: VolumeChange,
  what: string,
): Promise<VolumeUsers> {
  const [uses, processes] = await Promise.all([readImageUses(host, connection, [path]), processesWith(host, path)]);
  const users = usersOf(uses, path);
  const running = users.filter(({ standing }) => standing === 'running');
  // A guest's own QEMU has it open as well.
  const others = running.length > 0 ? [] : processes;
  const hindering = [...users, ...others].filter((user) => hinders(user, change));
  const header = uses.images.at(path)?.header;
  const isOldWithSnapshots = header !== undefined && header.version < 3 && header.snapshots > 0;
  return {
    growing: running.flatMap(({ guest, disk, via }) =>
      guest === undefined || disk === undefined || via !== undefined ? [] : [{ guest, disk }],
    ),
    missing: inTheWay(what, hindering),
    unresizable: isOldWithSnapshots
      ? `it is a qcow2 image of version 2 with ${header.snapshots} snapshots inside, which QEMU does not resize`
      : undefined,
  };
}

/** Tells whether a user of the volume prevents a change. */
function hinders({ standing, via, isForeign }: ImageUser, change: VolumeChange): boolean {
  if (change === 'remove' || via !== undefined) return true;
  // What a guest finds at its next start may have another size; what it knows already may not.
  if (standing === 'defined') return false;
  if (change === 'shrink') return true;
  return standing === 'saved' || standing === 'process' || (standing === 'running' && isForeign);
}

/** The path of a volume's file. */
function pathOf(pool: Pool, name: string): string {
  return `${pool.path ?? ''}/${name}`;
}

function unseen(path: string, isListed: boolean): VolumeFile {
  return { path, exists: true, isListed, capacity: undefined, allocation: undefined, format: undefined };
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
