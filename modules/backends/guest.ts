import { type Difference, differences } from '../../lib/diff.ts';
import type { Domain, DomainDisk, DomainInterface } from '../../lib/formats/libvirt_xml.ts';

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

/** How the wanted disks and interfaces are found in a guest. Those that the task does not name are left alone. */
interface Matches {
  /** The disk with the wanted source, or the other one that is in its place; by number. */
  readonly disks: Readonly<Record<string, DomainDisk>>;
  /** The interface with the wanted MAC, or the one that is in its place; by number. */
  readonly networks: Readonly<Record<string, DomainInterface>>;
}

/** Directories of the pools that a task's disks name, by pool. */
export type PoolPaths = Readonly<Record<string, string>>;

/** Writes an amount of memory, e.g. `512 MiB`. */
export function formatMemory(bytes: number): string {
  const mib = 2 ** 20;
  return bytes % mib === 0 ? `${bytes / mib} MiB` : `${bytes / 1024} KiB`;
}

/** Reads a guest's hardware in the terms in which a task wants it. */
export function viewOf(domain: Domain, wanted: GuestHardware, pools: PoolPaths): GuestHardware {
  const matches = match(domain, wanted, pools);
  const { current, maximum } = domain.vcpus;
  const memory = formatMemory(domain.memory);
  return {
    virtType: domain.type,
    memory: domain.currentMemory === domain.memory ? memory : `${formatMemory(domain.currentMemory)} of ${memory}`,
    vcpus: current === maximum ? maximum : `${current} of ${maximum}`,
    disks: mapRecord(matches.disks, (disk, number) => viewDisk(disk, wanted.disks?.[number], pools)),
    networks: mapRecord(matches.networks, viewNetwork),
    graphics: viewGraphics(domain, wanted.graphics),
  };
}

function match(domain: Domain, wanted: GuestHardware, pools: PoolPaths): Matches {
  const disks = domain.disks.filter(({ device }) => device === 'disk');
  return {
    disks: pair(wanted.disks ?? {}, disks, (want, disk) => hasSource(disk, want.source, pools)),
    networks: pair(
      wanted.networks ?? {},
      domain.interfaces,
      (want, nic) => want.mac !== undefined && nic.mac === want.mac,
    ),
  };
}

/** Says what a running guest does not have yet of what its definition says: it waits for a restart. */
export function waiting(
  definition: Domain,
  live: Domain,
  wanted: GuestHardware,
  pools: PoolPaths,
): readonly Difference[] {
  // What a balloon takes from a running guest is no matter of a restart: the maximum is.
  const [now, then] = [live, definition].map((domain) =>
    viewOf({ ...domain, currentMemory: domain.memory }, wanted, pools),
  );
  return differences(named(then, wanted), now);
}

/** What of a value the task names. */
function named(value: unknown, wanted: unknown): unknown {
  if (typeof value !== 'object' || value === null || typeof wanted !== 'object' || wanted === null) return value;
  const inside = new Map(Object.entries(wanted));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (inside.has(key) ? [[key, named(item, inside.get(key))]] : [])),
  );
}

/** Pairs what is wanted with what is there: first what is the same, then what stands in the same place. */
function pair<Want, Item>(
  wanted: Readonly<Record<string, Want>>,
  items: readonly Item[],
  same: (want: Want, item: Item) => boolean,
): Readonly<Record<string, Item>> {
  const pairs: Record<string, Item> = {};
  for (const [number, want] of Object.entries(wanted)) {
    const item = items.find((candidate) => same(want, candidate) && !Object.values(pairs).includes(candidate));
    if (item !== undefined) pairs[number] = item;
  }
  const taken = new Set(Object.values(pairs));
  for (const number of Object.keys(wanted)) {
    const item = items[Number(number) - 1];
    if (pairs[number] === undefined && item !== undefined && !taken.has(item)) pairs[number] = item;
  }
  return pairs;
}

function hasSource({ source }: DomainDisk, wanted: string, pools: PoolPaths): boolean {
  if (source === undefined) return false;
  return (
    sourcePath(source.kind === 'path' ? source.path : `${source.pool}/${source.volume}`, pools) ===
    sourcePath(wanted, pools)
  );
}

/** The path behind a disk's source, as far as the pool's directory is known. */
export function sourcePath(source: string, pools: PoolPaths): string {
  if (source.startsWith('/')) return source;
  const [pool = '', ...volume] = source.split('/');
  const directory = Object.hasOwn(pools, pool) ? pools[pool] : undefined;
  return directory === undefined ? source : `${directory}/${volume.join('/')}`;
}

function viewDisk(disk: DomainDisk, wanted: GuestDisk | undefined, pools: PoolPaths): GuestDisk {
  const { source, bus, format } = disk;
  const actual =
    source === undefined ? 'empty' : source.kind === 'path' ? source.path : `${source.pool}/${source.volume}`;
  return {
    // Two ways to write one place are one: it is answered in the task's own.
    source: wanted !== undefined && hasSource(disk, wanted.source, pools) ? wanted.source : actual,
    ...(bus !== undefined && { bus }),
    ...(format !== undefined && { format }),
  };
}

function viewNetwork({ type, source, mac, model }: DomainInterface): GuestNetwork {
  return {
    source: source === undefined ? type : `${type} ${source}`,
    ...(mac !== undefined && { mac }),
    ...(model !== undefined && { model }),
  };
}

function viewGraphics({ graphics }: Domain, wanted: GuestGraphics | undefined): GuestGraphics {
  const found = graphics.find(({ type }) => type === wanted?.type) ?? graphics[0];
  if (found === undefined) return { type: 'none' };
  return {
    type: found.type,
    ...(found.listen !== undefined && { listen: found.listen }),
    ...(found.port !== undefined && { port: found.port }),
  };
}

function mapRecord<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Readonly<Record<string, To>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
