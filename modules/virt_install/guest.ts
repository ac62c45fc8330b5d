import type { Domain, DomainDisk, DomainGraphics, DomainInterface } from '../../lib/formats/libvirt_xml.ts';
import { type Difference, differences } from '../../lib/task/diff.ts';
import type { Images } from '../libvirt/image_files.ts';

/** A disk in a guest's state. */
export interface GuestDisk {
  /** A path, or `POOL/VOLUME`. */
  readonly source: string;
  readonly bus?: string;
  readonly format?: string;
}

/** A network interface in a guest's state. */
export interface GuestNetwork {
  /** What it is plugged into, e.g. `bridge br0` or `network default`. */
  readonly source: string;
  readonly mac?: string;
  readonly model?: string;
}

/** A console in a guest's state. */
export interface GuestGraphics {
  readonly type: string;
  readonly listen?: string;
  readonly port?: number;
}

/** The part of a guest's state that its XML holds. Disks and interfaces are numbered from 1, in the order in which the task names them. */
export interface GuestHardware {
  readonly virtType?: string;
  /** E.g. `512 MiB`, or `512 of 1024 MiB` where the guest has less than it may have. */
  readonly memory?: string;
  /** A number, or e.g. `1 of 2` where the guest has fewer than it may have. */
  readonly vcpus?: number | string;
  readonly disks?: Readonly<Record<string, GuestDisk>>;
  readonly networks?: Readonly<Record<string, GuestNetwork>>;
  readonly graphics?: GuestGraphics;
}

/** How the wanted disks, interfaces and console are found in a guest. Those that the task does not name are left alone. */
interface Matches {
  /** The disk that is the wanted one, or the other one that is in its place; by number. */
  readonly disks: Readonly<Record<string, DomainDisk>>;
  /** The interface with the wanted MAC, in the wanted bridge or network, or the one that is in its place; by number. */
  readonly networks: Readonly<Record<string, DomainInterface>>;
  readonly graphics: DomainGraphics | undefined;
}

/** What is known of the files behind disks. */
export interface DiskFiles {
  /** Directories of pools, by name. */
  readonly pools: Readonly<Record<string, string>>;
  /** What the files are; undefined where how they are written says enough. */
  readonly images: Images | undefined;
}

/** Writes an amount of memory, e.g. `512 MiB`. */
export function formatMemory(bytes: number): string {
  const mib = 2 ** 20;
  return bytes % mib === 0 ? `${bytes / mib} MiB` : `${bytes / 1024} KiB`;
}

/** Reads a guest's hardware in the terms in which a task wants it. */
export function viewOf(domain: Domain, wanted: GuestHardware, files: DiskFiles): GuestHardware {
  return view(domain, match(domain, wanted, files), wanted, files);
}

function view(domain: Domain, matches: Matches, wanted: GuestHardware, files: DiskFiles): GuestHardware {
  const { current, maximum } = domain.vcpus;
  const memory = formatMemory(domain.memory);
  return {
    virtType: domain.type,
    memory: domain.currentMemory === domain.memory ? memory : `${formatMemory(domain.currentMemory)} of ${memory}`,
    vcpus: current === maximum ? maximum : `${current} of ${maximum}`,
    disks: mapRecord(matches.disks, (disk, number) => viewDisk(disk, wanted.disks?.[number], files)),
    networks: mapRecord(matches.networks, viewNetwork),
    graphics: viewGraphics(matches.graphics),
  };
}

function match(domain: Domain, wanted: GuestHardware, files: DiskFiles): Matches {
  return {
    disks: pair(wanted.disks ?? {}, domain.disks.filter(isDisk), [
      (want, disk) => isSame(disk, want.source, files),
      (want, disk) => standsOn(disk, want.source, files),
    ]),
    networks: pair(wanted.networks ?? {}, domain.interfaces, [
      (want, nic) => want.mac !== undefined && nic.mac === want.mac,
      (want, nic) => isPluggedInto(want, nic) && (want.model ?? nic.model) === nic.model,
      isPluggedInto,
    ]),
    graphics: domain.graphics[graphicsPlace(domain, wanted.graphics)],
  };
}

function isDisk({ device }: DomainDisk): boolean {
  return device === 'disk' || device === 'lun';
}

function isPluggedInto({ source }: GuestNetwork, nic: DomainInterface): boolean {
  return viewNetwork(nic).source === source;
}

/** The place of the console that a task means: one that is as wanted, else the first of its type, else the first. */
export function graphicsPlace({ graphics }: Domain, wanted: GuestGraphics | undefined): number {
  const ofType = (item: DomainGraphics): boolean => item.type === wanted?.type;
  const isAsWanted = (item: DomainGraphics): boolean =>
    ofType(item) && (wanted?.listen ?? item.listen) === item.listen && (wanted?.port ?? item.port) === item.port;
  // Who wants none has to know of one that cannot simply be taken away.
  const isInTheWay = (item: DomainGraphics): boolean => wanted?.type === 'none' && item.type !== 'vnc';
  const places = [isAsWanted, ofType, isInTheWay].map((test) => graphics.findIndex(test));
  return places.find((place) => place >= 0) ?? 0;
}

/** Says what a running guest does not have yet of what its definition says: it waits for a restart. */
export function waiting(
  definition: Domain,
  live: Domain,
  wanted: GuestHardware,
  files: DiskFiles,
): readonly Difference[] {
  // What a balloon takes from a running guest is no matter of a restart: the maximum is.
  const [now, then] = [live, definition].map((domain) => ({ ...domain, currentMemory: domain.memory }));
  if (now === undefined || then === undefined) return [];
  const matches = match(then, wanted, files);
  return differences(
    named(view(then, matches, wanted, files), wanted),
    view(now, liveMatches(matches, then, now), wanted, files),
  );
}

/** Finds the devices of a definition in the running guest: disks by their name, interfaces by their MAC. */
function liveMatches(matches: Matches, definition: Domain, live: Domain): Matches {
  const { graphics } = matches;
  return {
    disks: findRecord(matches.disks, ({ target }) => live.disks.find((disk) => disk.target === target)),
    networks: findRecord(matches.networks, (nic) => {
      const place = definition.interfaces.indexOf(nic);
      const found = nic.mac === undefined ? live.interfaces[place] : live.interfaces.find(({ mac }) => mac === nic.mac);
      // A network that hands out devices of the host is not named by what a running guest got from it.
      return found?.type === 'hostdev' && nic.type === 'network'
        ? { ...found, type: nic.type, source: nic.source }
        : found;
    }),
    graphics: graphics && (live.graphics[definition.graphics.indexOf(graphics)] ?? live.graphics[0]),
  };
}

/** What of a value the task names. */
function named(value: unknown, wanted: unknown): unknown {
  if (typeof value !== 'object' || value === null || typeof wanted !== 'object' || wanted === null) return value;
  const inside = new Map(Object.entries(wanted));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (inside.has(key) ? [[key, named(item, inside.get(key))]] : [])),
  );
}

/**
 * Pairs what is wanted with what is there: first what is the same, by one measure after the other, then what stands in the same
 * place.
 */
function pair<Want, Item>(
  wanted: Readonly<Record<string, Want>>,
  items: readonly Item[],
  measures: readonly ((want: Want, item: Item) => boolean)[],
): Readonly<Record<string, Item>> {
  const pairs = new Map<string, Item>();
  const taken = new Set<Item>();
  const inPlace = (number: string): Item | undefined => items[Number(number) - 1];
  const take = (number: string, isRight: (item: Item) => boolean): void => {
    if (pairs.has(number)) return;
    const candidates = [inPlace(number), ...items].filter((item) => item !== undefined);
    const item = candidates.find((candidate) => !taken.has(candidate) && isRight(candidate));
    if (item === undefined) return;
    pairs.set(number, item);
    taken.add(item);
  };
  for (const isSame of measures) {
    for (const [number, want] of Object.entries(wanted)) take(number, (item) => isSame(want, item));
  }
  for (const number of Object.keys(wanted)) take(number, (item) => item === inPlace(number));
  return Object.fromEntries(pairs);
}

/** Says whether a disk has the wanted file. */
export function isSame(disk: DomainDisk, wanted: string, files: DiskFiles): boolean {
  const [actual, path] = [diskPath(disk, files), sourcePath(wanted, files)];
  if (actual === undefined) return false;
  return actual === path || (files.images?.same(actual, path) ?? false);
}

/** Says whether a disk stands on the wanted file, as one does once a snapshot has been made beside it. */
export function standsOn(disk: DomainDisk, wanted: string, { pools, images }: DiskFiles): boolean {
  const [actual, file] = [diskPath(disk, { pools }), images?.at(sourcePath(wanted, { pools }))];
  return actual !== undefined && file !== undefined && (images?.below(actual).has(file.id) ?? false);
}

/** The path of a disk of a guest; undefined for an empty drive. */
export function diskPath({ source }: DomainDisk, files: Pick<DiskFiles, 'pools'>): string | undefined {
  if (source === undefined) return undefined;
  return source.kind === 'path' ? source.path : sourcePath(`${source.pool}/${source.volume}`, files);
}

/** The path behind a disk's source, as far as the pool's directory is known. */
export function sourcePath(source: string, { pools }: Pick<DiskFiles, 'pools'>): string {
  if (source.startsWith('/')) return source;
  const [pool = '', ...volume] = source.split('/');
  const directory = Object.hasOwn(pools, pool) ? pools[pool] : undefined;
  return directory === undefined ? source : `${directory}/${volume.join('/')}`;
}

function viewDisk(disk: DomainDisk, wanted: GuestDisk | undefined, files: DiskFiles): GuestDisk {
  const { source, bus, format } = disk;
  const actual =
    source === undefined ? 'empty' : source.kind === 'path' ? source.path : `${source.pool}/${source.volume}`;
  return {
    // Names of one file are one: it is answered by the task's own.
    source: wanted !== undefined && isWanted(disk, wanted.source, files) ? wanted.source : actual,
    ...(bus !== undefined && { bus }),
    ...(format !== undefined && { format }),
  };
}

function isWanted(disk: DomainDisk, wanted: string, files: DiskFiles): boolean {
  return isSame(disk, wanted, files) || standsOn(disk, wanted, files);
}

function viewNetwork({ type, source, mac, model }: DomainInterface): GuestNetwork {
  return {
    source: source === undefined ? type : `${type} ${source}`,
    ...(mac !== undefined && { mac }),
    ...(model !== undefined && { model }),
  };
}

function viewGraphics(found: DomainGraphics | undefined): GuestGraphics {
  if (found === undefined) return { type: 'none' };
  return {
    type: found.type,
    ...(found.listen !== undefined && { listen: found.listen }),
    ...(found.port !== undefined && { port: found.port }),
  };
}

function findRecord<Item>(
  record: Readonly<Record<string, Item>>,
  find: (item: Item) => Item | undefined,
): Readonly<Record<string, Item>> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, item]) => {
      const found = find(item);
      return found === undefined ? [] : [[key, found] as const];
    }),
  );
}

function mapRecord<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Readonly<Record<string, To>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
