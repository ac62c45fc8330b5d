import type { NamedFile } from '../../lib/formats/libvirt_files.ts';
import type { Pool } from '../../lib/formats/libvirt_xml.ts';
import { shellProgram } from '../../lib/process/package_files.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';
import { type Holder, surveyGuests } from './guest_survey.ts';
import { type Images, readChains } from './image_files.ts';
import type { Connection } from './libvirt.ts';

/** Users of an image. */
export interface ImageUser {
  /** What it is, e.g. `the running guest 'web'`. */
  readonly who: string;
  /** The guest; undefined for an image that no guest is known to use, and for a process. */
  readonly guest: string | undefined;
  readonly standing: Holder['standing'] | 'image' | 'process';
  readonly isForeign: boolean;
  /** What stands between: the path of the image that stands on this one; undefined where it is used itself. */
  readonly via: string | undefined;
  /** The name by which the guest's own QEMU knows it, a path or a disk's name. */
  readonly disk: string | undefined;
  readonly isReadonly: boolean;
  /** The image's name, of an image. */
  readonly volume?: string;
}

/** The images of a host, and the guests and pools that name them. */
export interface ImageUses {
  readonly images: Images;
  readonly holders: readonly Holder[];
  readonly pools: readonly Pool[];
}

/** Types of pools whose volumes are files or block devices in a directory. */
const directoryPools: ReadonlySet<string> = new Set(['dir', 'fs', 'netfs', 'logical']);

/** Looks at all guests of a host and at all images that they, the pools and some paths hold. Wakes nothing. */
export async function readImageUses(
  host: ReadonlyHost,
  connection: Connection,
  paths: readonly string[],
): Promise<ImageUses> {
  const { holders, pools } = await surveyGuests(host, connection);
  const named = holders.flatMap(({ files }) => files.flatMap((file) => pathOf(file, pools) ?? []));
  const directories = pools.flatMap(({ type, path }) => (directoryPools.has(type) && path !== undefined ? [path] : []));
  return { images: await readChains(host, [...paths, ...named], directories), holders, pools };
}

/** The path of a named file; undefined for a volume of a pool that is not known. */
function pathOf({ source }: NamedFile, pools: readonly Pool[]): string | undefined {
  if (source.kind === 'path') return source.path;
  const directory = pools.find(({ name }) => name === source.pool)?.path;
  return directory === undefined ? undefined : `${directory}/${source.volume}`;
}

/** Returns the users of an image, each once: guests, in any state, with the image or one based on it, and images based on it. */
export function usersOf(uses: ImageUses, path: string): readonly ImageUser[] {
  const target = uses.images.at(path);
  if (target === undefined) return [];
  const users = [...guestsWith(uses, target.id), ...imagesOn(uses, target.id)];
  return [...new Map(users.map((user) => [user.who, user])).values()];
}

function guestsWith({ images, holders, pools }: ImageUses, id: string): readonly ImageUser[] {
  const found = holders.flatMap((holder) =>
    holder.files.flatMap((file): ImageUser[] => {
      const path = pathOf(file, pools);
      if (path === undefined) return [];
      const isItself = images.at(path)?.id === id;
      if (!isItself && (file.isRaw || !images.below(path).has(id))) return [];
      return [
        {
          who: nameOf(holder),
          guest: holder.guest,
          standing: holder.standing,
          isForeign: holder.isForeign,
          via: !isItself ? path : file.isBelow ? `its disk ${file.target}` : undefined,
          disk: file.source.kind === 'path' ? file.source.path : file.target,
          isReadonly: file.isReadonly,
        },
      ];
    }),
  );
  // Used itself comes first: of a guest's several uses that one is told.
  return [...found.filter(({ via }) => via !== undefined), ...found.filter(({ via }) => via === undefined)];
}

function imagesOn({ images, holders, pools }: ImageUses, id: string): readonly ImageUser[] {
  const raw = new Set(
    holders.flatMap(({ files }) =>
      files.flatMap((file) => (file.isRaw ? (images.at(pathOf(file, pools) ?? '')?.id ?? []) : [])),
    ),
  );
  return [...images.all()]
    .filter((image) => !raw.has(image.id) && images.below(image.path).has(id))
    .map(({ path }) => ({
      who: `the image ${path}`,
      guest: undefined,
      standing: 'image',
      isForeign: false,
      via: path,
      disk: undefined,
      isReadonly: false,
      volume: path.slice(path.lastIndexOf('/') + 1),
    }));
}

function nameOf({ guest, name, standing, isForeign }: Holder): string {
  const whose = isForeign ? ' of another connection' : '';
  switch (standing) {
    case 'running':
      return `the running guest '${guest}'${whose}`;
    case 'defined':
      return `the guest '${guest}'${whose}`;
    case 'saved':
      return `the saved state of the guest '${guest}'${whose}`;
    default:
      return `the ${standing} '${name}' of the guest '${guest}'${whose}`;
  }
}

/** The query for the processes that have a file open; see `file_users.sh`. */
export function processesQuery(path: string): readonly string[] {
  return ['sh', '-c', shellProgram('modules/libvirt/file_users.sh'), 'sh', path];
}

/** libvirt's own daemons look into every image now and then. */
const daemons = /^(libvirtd|virtqemud|virtstoraged|virtlogd|virtlockd|rpc-libvirtd|rpc-virt\w+)$/;

/** Finds processes that have an image open, and loop devices that stand for it: a QEMU that libvirt does not know, a mounted image. */
export async function processesWith(host: ReadonlyHost, path: string): Promise<readonly ImageUser[]> {
  const { stdout } = await host.query(processesQuery(path), { timeLimit: 60 });
  return stdout.split('\n').flatMap((line): ImageUser[] => {
    const [pid = '', name = ''] = line.split(/ (.*)/);
    if (pid === '' || daemons.test(name)) return [];
    const who = pid === 'loop' ? `the loop device /dev/${name}` : `the process ${pid} (${name})`;
    const common = { guest: undefined, isForeign: false, via: undefined, disk: undefined, isReadonly: false };
    return [{ who, standing: 'process', ...common }];
  });
}

/**
 * Makes the entries for the users of an image that prevent a change.
 * @param what what is to become of the image, e.g. `the volume 'base.qcow2' is to be removed`
 * @returns one entry for each guest, image or process, with the key of what takes it away
 */
export function inTheWay(what: string, users: readonly ImageUser[]): readonly Missing[] {
  const keys = [...new Set(users.map(keyOf))];
  return keys.map((key) => {
    const all = users.filter((user) => keyOf(user) === key);
    // What a guest has by its definition is told where there is nothing more to tell of it.
    const more = all.filter(({ standing }) => standing !== 'defined');
    const told = more.length > 0 ? more : all;
    return { key, what: `${what}, and ${told.map(useOf).join(', ')}`, remedy: remedyOf(told) };
  });
}

function useOf({ who, via, volume }: ImageUser): string {
  if (via === undefined) return `${who} uses it`;
  return volume === undefined ? `${who} stands on it, through ${via}` : `${who} stands on it`;
}

/** The key that a task provides which removes the user. */
function keyOf({ guest, volume, who, isForeign }: ImageUser): string {
  if (guest !== undefined && !isForeign) return `no guest:${guest}`;
  return volume === undefined ? `no user:${who}` : `no volume:${volume}`;
}

function remedyOf(users: readonly ImageUser[]): string {
  const [first] = users;
  const has = (standing: ImageUser['standing']): boolean => users.some((user) => user.standing === standing);
  if (first?.volume !== undefined) return 'it would lose its data; remove it first, or rebase it';
  if (first?.guest === undefined || first.isForeign) return 'end that first';
  if (has('running')) return `shut the guest down first, and where it still needs the image then, remove it`;
  if (has('saved')) return `start the guest, or drop its saved state with 'virsh managedsave-remove ${first.guest}'`;
  if (has('snapshot')) return `delete the snapshot first, with 'virsh snapshot-delete ${first.guest} …'`;
  return `remove the guest first, with a task virtInstall({ name: '${first.guest}', state: 'absent' }) before this one`;
}
