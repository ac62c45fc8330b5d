import type { Domain, DomainDisk } from '../../lib/formats/libvirt_xml.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';
import { readChains } from '../libvirt/image_files.ts';
import { type ImageUses, inTheWay, readImageUses, usersOf } from '../libvirt/image_users.ts';
import { type Connection, connect, type FoundDomain, readPool, virsh } from '../libvirt/libvirt.ts';
import { type DiskFiles, diskPath, type GuestHardware, isSame, sourcePath, standsOn, viewOf } from './guest.ts';

/** The files of a guest's disks, and what stands in the way of those that it is to get. */
export interface GuestDisks {
  readonly files: DiskFiles;
  /** Pools that the task names and that are not there, or cannot be used. */
  readonly missing: readonly Missing[];
}

/** Reads the pools that some disks are in. */
export async function readDiskPools(host: ReadonlyHost, uri: string, names: readonly string[]): Promise<GuestDisks> {
  if (names.length === 0) return { files: { pools: {}, images: undefined }, missing: [] };
  const connection = await connect(host, uri, 'pool');
  const pools = await Promise.all(names.map(async (name) => ({ name, pool: await readPool(host, connection, name) })));
  return {
    files: {
      pools: Object.fromEntries(
        pools.flatMap(({ name, pool }) => (pool?.definition.path === undefined ? [] : [[name, pool.definition.path]])),
      ),
      images: undefined,
    },
    missing: pools.flatMap(({ name, pool }) => (pool?.active ? [] : [missingPool(name, pool !== undefined)])),
  };
}

/** Names the pools of the disks that a task names. */
export function poolsOf({ disks }: GuestHardware): readonly string[] {
  const sources = Object.values(disks ?? {}).map(({ source }) => source);
  return [...new Set(sources.flatMap((source) => (source.startsWith('/') ? [] : [source.split('/')[0] ?? ''])))];
}

/** Says that a pool is not there, or cannot be used. */
export function missingPool(pool: string, isDefined: boolean): Missing {
  return {
    key: `pool:${pool}`,
    what: isDefined ? `the storage pool '${pool}' is not active` : `there is no storage pool '${pool}'`,
    remedy: `have a task virshPool({ name: '${pool}' }) before this one`,
  };
}

/**
 * Looks at the files behind a guest's disks, where it cannot be told by their names alone that it has all that are wanted: a
 * link, another path and a pool's name for it are the same file.
 */
export async function readDiskFiles(
  host: ReadonlyHost,
  uri: string,
  { definition, live }: FoundDomain,
  wanted: GuestHardware,
  files: DiskFiles,
): Promise<DiskFiles> {
  const sources = Object.values(wanted.disks ?? {}).map(({ source }) => source);
  const isPlain = sources.every((source) => definition.disks.some((disk) => isSame(disk, source, files)));
  if (isPlain && new Set(sources.map((source) => sourcePath(source, files))).size === sources.length) return files;
  const disks = [...definition.disks, ...(live?.disks ?? [])];
  const others = disks.flatMap(({ source }) => (source?.kind === 'volume' ? [source.pool] : []));
  const unknown = [...new Set(others)].filter((name) => !Object.hasOwn(files.pools, name));
  const more = await readDiskPools(host, uri, unknown);
  const pools = { ...files.pools, ...more.files.pools };
  const paths = [
    ...sources.map((source) => sourcePath(source, { pools })),
    ...disks.flatMap((disk) => diskPath(disk, { pools }) ?? []),
  ];
  return {
    pools,
    images: await readChains(
      host,
      paths.filter((path) => path.startsWith('/')),
      [],
    ),
  };
}

/** Numbers of the wanted disks that a guest does not have; of a new one, all. */
export function newDisks(wanted: GuestHardware, view: GuestHardware | undefined): readonly string[] {
  return Object.keys(wanted.disks ?? {}).filter((number) => view?.disks?.[number] === undefined);
}

/** Says which of the disks that a guest is to get it has already, as a disk or in a drive, or would get twice. */
export function doubledDisks(
  definition: Domain | undefined,
  wanted: GuestHardware,
  files: DiskFiles,
): readonly string[] {
  const view = definition && viewOf(definition, wanted, files);
  const has = (disk: DomainDisk, source: string): boolean =>
    isSame(disk, source, files) || standsOn(disk, source, files);
  return newDisks(wanted, view).flatMap((number) => {
    const source = wanted.disks?.[number]?.source ?? '';
    const twin = Object.entries(wanted.disks ?? {}).find(
      ([other, disk]) => other !== number && isOneFile(disk.source, source, files),
    );
    if (twin !== undefined) return [`disk ${number} (${source}) and disk ${twin[0]} (${twin[1].source}) are one file`];
    const held = definition?.disks.find((disk) => has(disk, source));
    return held === undefined
      ? []
      : [`disk ${number} (${source}) is in its ${held.device} ${held.target ?? ''} already`];
  });
}

function isOneFile(one: string, other: string, files: DiskFiles): boolean {
  const [a, b] = [sourcePath(one, files), sourcePath(other, files)];
  return a === b || (files.images?.same(a, b) ?? false);
}

/**
 * Says who uses the images that a guest is to get: two that write to one image destroy it, and so does who writes to an image
 * that others stand on.
 */
export async function disksInUse(
  host: ReadonlyHost,
  connection: Connection,
  name: string,
  sources: readonly string[],
  files: DiskFiles,
): Promise<readonly Missing[]> {
  const paths = sources.map((source) => sourcePath(source, files)).filter((path) => path.startsWith('/'));
  if (paths.length === 0 || connection.look === 'blind') return [];
  const uses = await readImageUses(host, connection, paths);
  return paths.flatMap((path) => {
    const what = `the guest '${name}' is to have the disk ${path}`;
    const users = usersOf(uses, path).filter(({ guest }) => guest !== name);
    return [...inTheWay(what, users), ...writtenBelow(uses, name, path)];
  });
}

/** Names the pools of volumes that libvirt does not list: their files were put there behind its back. */
export async function unlistedPools(
  host: ReadonlyHost,
  connection: Connection,
  sources: readonly string[],
  unusable: readonly Missing[],
): Promise<readonly string[]> {
  if (connection.look !== 'virsh') return [];
  const found = await Promise.all(
    sources.map(async (source) => {
      const [pool = '', volume] = source.split('/');
      if (source.startsWith('/') || volume === undefined) return [];
      if (unusable.some(({ key }) => key === `pool:${pool}`)) return [];
      const path = await virsh(host, connection, ['vol-path', volume, '--pool', pool]);
      return path === undefined ? [pool] : [];
    }),
  );
  return [...new Set(found.flat())];
}

/** Other guests that write to what an image stands on. */
function writtenBelow(uses: ImageUses, name: string, path: string): readonly Missing[] {
  const below = uses.images.below(path);
  return [...uses.images.all()].flatMap((image) => {
    if (!below.has(image.id)) return [];
    const writers = usersOf(uses, image.path).filter(
      ({ guest, via, isReadonly }) => guest !== undefined && guest !== name && via === undefined && !isReadonly,
    );
    return inTheWay(`the guest '${name}' is to have the disk ${path}, which stands on ${image.path}`, writers);
  });
}
