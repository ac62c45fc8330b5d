import { inWords } from '../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';
import {
  type Connection,
  connect,
  type FoundDomain,
  hindrances,
  readDomain,
  readNetwork,
  readPools,
  readSnapshots,
} from '../libvirt/libvirt.ts';
import { type Creation, type Installer, readInstaller, systemName } from './command.ts';
import { type DiskFiles, type GuestHardware, graphicsPlace, sourcePath, viewOf, waiting } from './guest.ts';
import {
  disksInUse,
  doubledDisks,
  newDisks,
  poolsOf,
  readDiskFiles,
  readDiskPools,
  unlistedPools,
} from './guest_disks.ts';
import { unknownHardware } from './guest_hardware.ts';
import { limitsOf } from './guest_limits.ts';

/** What a guest's plan needs beside its state. */
export interface GuestFound {
  /** What makes guests on this host; only where one is to be made. */
  readonly installer: Installer | undefined;
  /** The definition of a guest that has none on disk; it may hold a console's password. */
  readonly transientXml: string | undefined;
  /** Why the guest cannot become what is wanted. */
  readonly refusals: readonly string[];
  /** Pools that do not list a volume of theirs that the guest is to get, until they look again. */
  readonly unlistedPools: readonly string[];
  /** The place of the console that the task means, from 1. */
  readonly graphicsNumber: number;
  /** What goes with a guest that is removed. */
  readonly belongings: Belongings;
}

/** What belongs to a guest besides its definition and its disks. */
export interface Belongings {
  readonly hasNvram: boolean;
  readonly hasTpmState: boolean;
  readonly isSaved: boolean;
  readonly snapshots: readonly string[];
  readonly checkpoints: readonly string[];
}

/** What {@link readGuest} answers. */
export interface GuestReading {
  /** undefined when there is none. */
  readonly guest: FoundDomain | undefined;
  readonly view: GuestHardware | undefined;
  readonly found: GuestFound;
  readonly warnings: readonly string[];
  /** Says what stands in the way of the wanted state. */
  missing(state: object): readonly Missing[];
}

interface Wanted extends GuestHardware {
  readonly state: 'present' | 'absent';
}

/** Reads a guest, what it leans on, and what a person should know of it. Wakes nothing. */
export async function readGuest(
  host: ReadonlyHost,
  wanted: Wanted,
  { name, uri }: { readonly name: string; readonly uri: string },
  creation: Creation,
): Promise<GuestReading> {
  const isPresent = wanted.state === 'present';
  const [{ connection, guest }, pools] = await Promise.all([
    findGuest(host, uri, name, isPresent ? ['virt-install', 'virt-xml'] : []),
    readDiskPools(host, uri, poolsOf(wanted)),
  ]);
  const files = guest === undefined ? pools.files : await readDiskFiles(host, uri, guest, wanted, pools.files);
  const view = guest && viewOf(guest.definition, wanted, files);
  const isNew = isPresent && guest === undefined;
  const added = isPresent ? newDisks(wanted, view).map((number) => wanted.disks?.[number]?.source ?? '') : [];
  const [parts, inUse, unlisted, unknown, installer, sideEffects, kept] = await Promise.all([
    isPresent ? missingParts(host, uri, wanted, view, files, isNew ? creation : {}) : [],
    disksInUse(host, connection, name, added, files),
    unlistedPools(host, connection, added, pools.missing),
    isPresent ? unknownHardware(host, connection, wanted, view, guest?.definition) : [],
    isNew ? readInstaller(host) : undefined,
    isNew ? poolsOnTheSide(host, uri, wanted, creation, files) : [],
    !isPresent && guest !== undefined ? readSnapshots(host, connection, name) : { snapshots: [], checkpoints: [] },
  ]);
  return {
    guest,
    view,
    found: {
      installer,
      transientXml: guest?.transientXml,
      refusals: isPresent
        ? [
            ...doubledDisks(guest?.definition, wanted, files),
            ...(guest ? limitsOf(guest.definition, wanted) : []),
            ...unknown,
          ]
        : [],
      unlistedPools: unlisted,
      graphicsNumber: guest === undefined ? 1 : graphicsPlace(guest.definition, wanted.graphics) + 1,
      belongings: {
        hasNvram: guest?.definition.hasNvram ?? false,
        hasTpmState: guest?.definition.hasTpmState ?? false,
        isSaved: guest?.isSaved ?? false,
        ...kept,
      },
    },
    warnings: isPresent
      ? [
          ...sideEffects,
          ...(isNew && uri === 'qemu:///system' ? unreadable(wanted, creation) : []),
          ...(installer === undefined ? [] : otherName(creation, installer)),
          ...openConsole(name, wanted, guest),
          ...(guest === undefined ? [] : stateWarnings(name, guest, wanted, files)),
        ]
      : [],
    missing: (state) =>
      hindrances(connection, wanted, state, [...(added.length > 0 ? pools.missing : []), ...parts, ...inUse]),
  };
}

async function findGuest(
  host: ReadonlyHost,
  uri: string,
  name: string,
  tools: readonly string[],
): Promise<{ connection: Connection; guest: FoundDomain | undefined }> {
  const connection = await connect(host, uri, 'domain', tools);
  return { connection, guest: await readDomain(host, connection, name) };
}

/** What the parts that are still to be given to the guest lean on, and the host does not have. */
async function missingParts(
  host: ReadonlyHost,
  uri: string,
  wanted: GuestHardware,
  view: GuestHardware | undefined,
  files: DiskFiles,
  { cdrom }: Creation,
): Promise<readonly Missing[]> {
  const disks = Object.entries(wanted.disks ?? {}).filter(([number]) => view?.disks?.[number] === undefined);
  const networks = Object.entries(wanted.networks ?? {}).filter(
    ([number, { source }]) => view?.networks?.[number]?.source !== source,
  );
  const found = await Promise.all([
    cdrom === undefined ? undefined : missingIso(host, cdrom),
    ...disks.map(async ([, { source }]) => missingDisk(host, sourcePath(source, files))),
    ...networks.map(async ([, { source }]) => missingNetwork(host, uri, source)),
  ]);
  return found.filter((missing) => missing !== undefined);
}

async function missingIso(host: ReadonlyHost, path: string): Promise<Missing | undefined> {
  if (await host.exists(path)) return undefined;
  return {
    key: `file:${path}`,
    what: `there is no ${path} on the host`,
    remedy: 'copy the ISO there first',
  };
}

async function missingDisk(host: ReadonlyHost, path: string): Promise<Missing | undefined> {
  if (path.startsWith('/') && (await host.exists(path))) return undefined;
  const volume = path.slice(path.lastIndexOf('/') + 1);
  return {
    key: `volume:${volume}`,
    what: `there is no disk ${path} on the host`,
    remedy: `have a task virshVolume({ name: '${volume}', … }) before this one`,
  };
}

async function missingNetwork(host: ReadonlyHost, uri: string, source: string): Promise<Missing | undefined> {
  const [kind = '', name = ''] = source.split(' ');
  if (kind === 'bridge') {
    if (await host.exists(`/sys/class/net/${name}`)) return undefined;
    return {
      key: `link:${name}`,
      what: `there is no bridge '${name}' on the host`,
      remedy: 'have tasks before this one that make it (ifcfgBridge, and the restart of the network that loads it)',
    };
  }
  const connection = await connect(host, uri, 'network');
  const network = await readNetwork(host, connection, name);
  if (network?.active) return undefined;
  return {
    key: `network:${name}`,
    what: network === undefined ? `there is no virtual network '${name}'` : `the virtual network '${name}' is not up`,
    remedy: `have a task virshNetwork({ name: '${name}' }) before this one`,
  };
}

/** virt-install defines a pool, autostarted, for every directory that it takes a file from and that no pool holds. */
async function poolsOnTheSide(
  host: ReadonlyHost,
  uri: string,
  { disks }: GuestHardware,
  { cdrom }: Creation,
  diskFiles: DiskFiles,
): Promise<readonly string[]> {
  const sources = Object.values(disks ?? {}).map(({ source }) => sourcePath(source, diskFiles));
  const files = [...(cdrom === undefined ? [] : [cdrom]), ...sources].filter((path) => /^\/(?!dev\/)/.test(path));
  const directories = new Set(files.map((path) => path.slice(0, path.lastIndexOf('/')) || '/'));
  // The pool `default` is at home there, whoever makes it.
  directories.delete('/var/lib/libvirt/images');
  if (directories.size === 0) return [];
  const connection = await connect(host, uri, 'pool');
  const held = new Set((await readPools(host, connection)).map(({ path }) => path));
  return [...directories]
    .filter((directory) => !held.has(directory))
    .map(
      (directory) =>
        `virt-install defines a storage pool for ${directory}, which no pool holds, and has it started at every boot; ` +
        'a virshPool task of your own for it comes first',
    );
}

function unreadable({ disks }: GuestHardware, { cdrom }: Creation): readonly string[] {
  const files = [cdrom ?? '', ...Object.values(disks ?? {}).map(({ source }) => source)];
  return files
    .filter((path) => /^\/(root|home)\//.test(path))
    .map((path) => `${path} is below a home directory, where the user that QEMU runs as usually cannot read`);
}

function otherName({ osVariant }: Creation, installer: Installer): readonly string[] {
  if (osVariant === undefined || installer.systems.length === 0 || installer.systems.includes(osVariant)) return [];
  if (!installer.systems.includes(`${osVariant}.0`)) return [];
  return [`virt-install ${installer.version} knows '${osVariant}' as '${systemName(osVariant, installer)}'`];
}

function openConsole(name: string, { graphics }: GuestHardware, guest: FoundDomain | undefined): readonly string[] {
  if (graphics === undefined || graphics.type === 'none') return [];
  const place = guest && graphicsPlace(guest.definition, graphics);
  const actual = place === undefined ? undefined : guest?.definition.graphics[place];
  const listen = graphics.listen ?? actual?.listen;
  if (listen === undefined || /^(127\.|::1$|localhost$)/.test(listen) || actual?.hasPassword) return [];
  return [
    `the console of '${name}' is open to the network: ${graphics.type} on ${listen} asks for no password; ` +
      "listen: '127.0.0.1' leaves it to this host and to SSH",
  ];
}

function stateWarnings(
  name: string,
  { definition, live, status, isSaved }: FoundDomain,
  wanted: GuestHardware,
  files: DiskFiles,
): readonly string[] {
  const later = live === undefined ? [] : waiting(definition, live, wanted, files);
  const isStuck = status !== undefined && /^(paused|crashed)/.test(status);
  return [
    ...later.map(
      ({ path, wanted, actual }) => `'${name}' waits for a restart: ${path} ${inWords(actual)} → ${inWords(wanted)}`,
    ),
    ...(isStuck ? [`'${name}' is ${status}`] : []),
    ...(isSaved
      ? [
          `'${name}' goes on at its next start with what was saved of it, whatever its definition says by then; ` +
            `'virsh managedsave-remove ${name}' drops that`,
        ]
      : []),
  ];
}
