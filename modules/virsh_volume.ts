import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import { capacityGrammar, formatCapacity, parseCapacity } from '../lib/formats/capacity.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { refuseIdle } from '../lib/task/arguments.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import type { Step } from '../lib/task/step.ts';
import type { Missing } from '../lib/task/task.ts';
import { found, line } from '../lib/validation/schemas.ts';
import { connect, hindrances, objectName, readPool, uriSchema, virshStep } from './libvirt/libvirt.ts';
import {
  askVolume,
  lookAtVolume,
  readVolumeUsers,
  type VolumeChange,
  type VolumeFile,
  type VolumeUsers,
} from './libvirt/volume.ts';

/** Arguments of {@link virshVolume}. */
export interface VirshVolumeArgs {
  /** The pool that holds it, a directory. Default `default`. */
  readonly pool?: string;
  /** The volume's name, which is its file's name. */
  readonly name: string;
  /** `absent` destroys its data, and needs `disrupts: ['data']`; it goes with `pool`, `name` and `connect` alone. Default `present`. */
  readonly state?: 'present' | 'absent';
  /** How big it is for a guest: bytes, or a whole number with a unit (`8G` and `8GiB` are 8 * 2^30, `8GB` is 8 * 10^9). libvirt rounds a new qcow2 volume up to whole KiB. */
  readonly capacity?: number | string;
  /** How the file is laid out. Default for a new volume: `qcow2`; that of one that is there is left as it is. */
  readonly format?: 'qcow2' | 'raw';
  /** How much of a new volume is taken from the disk at once, written like `capacity`. Default: libvirt's (nothing for qcow2, all for raw). */
  readonly allocation?: number | string;
  /** The URI of libvirt's connection. Default `qemu:///system`. */
  readonly connect?: string;
}

/** The state that {@link virshVolume} compares. */
export interface VirshVolumeState {
  readonly id: Once<{
    readonly pool: string;
    readonly name: string;
    readonly uri: string;
    /** The format that it is made in, also where the task leaves that open. */
    readonly newFormat?: string;
    readonly allocation?: string;
  }>;
  readonly state: 'present' | 'absent';
  /** `unknown` for a file that libvirt has not seen yet. */
  readonly listing?: 'known' | 'unknown';
  readonly format?: string;
  /** Canonical, as `virsh` reads it, e.g. `8G`. */
  readonly capacity?: string;
}

interface VirshVolumeFound {
  readonly file: VolumeFile | undefined;
  /** Only where the file is to be changed or removed. */
  readonly users: VolumeUsers | undefined;
}

const size = v.pipe(
  v.union([v.number(), v.string()], ({ input }) => `${JSON.stringify(input)} is no size; ${capacityGrammar}`),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const bytes = parseCapacity(dataset.value);
    if (bytes !== undefined) return bytes;
    addIssue({ message: `${JSON.stringify(dataset.value)} is no size; ${capacityGrammar}` });
    return NEVER;
  }),
);

const args = v.strictObject({
  pool: v.optional(objectName("a pool's name"), 'default'),
  name: v.pipe(
    line("a volume's name"),
    v.regex(/^[^-/][^/]*$/, found("a volume's name has no slash, and does not begin with a dash")),
    v.check((name) => name !== '.' && name !== '..', found("a volume's name is that of a file")),
  ),
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
  capacity: v.optional(
    v.pipe(
      size,
      v.check((bytes) => bytes > 0, 'a volume has more than 0 bytes'),
    ),
  ),
  format: v.optional(v.picklist(['qcow2', 'raw'])),
  allocation: v.optional(size),
  connect: uriSchema,
} satisfies SchemaEntries<VirshVolumeArgs>);

/**
 * Keeps a volume (a guest's disk) in a pool. It is made once, grows when the capacity grows (also under a running guest),
 * and shrinks only with `disrupts: ['data']`. A file that is there already is never overwritten.
 *
 * @example
 * ```ts
 * virshVolume({ pool: 'default', name: 'gibbon-centos74.img', capacity: '8G', format: 'qcow2' });
 * ```
 */
export const virshVolume: Module<VirshVolumeArgs, VirshVolumeState> = defineModule({
  name: 'virsh_volume',
  args,
  desired,
  subject: ({ id }) => id.value.name,
  provides: ({ id, state }) => [`${state === 'present' ? 'volume' : 'no volume'}:${id.value.name}`],
  read,
  plan,
});

function desired({ pool, name, connect: uri, state, ...rest }: v.InferOutput<typeof args>): VirshVolumeState {
  const { capacity, format, allocation } = rest;
  if (state === 'absent') {
    refuseIdle('virsh_volume', rest, "state: 'absent'");
    return { id: once({ pool, name, uri }), state };
  }
  if (capacity === undefined) {
    throw new ArgumentError(
      `virsh_volume: the argument 'capacity' is missing: say how big '${name}' is; ${capacityGrammar}`,
    );
  }
  return {
    id: once({
      pool,
      name,
      uri,
      newFormat: format ?? 'qcow2',
      ...(allocation !== undefined && { allocation: formatCapacity(allocation) }),
    }),
    state,
    listing: 'known',
    ...(format !== undefined && { format }),
    capacity: formatCapacity(capacity),
  };
}

async function read(
  host: ReadonlyHost,
  wanted: VirshVolumeState,
): Promise<ModuleReading<VirshVolumeState, VirshVolumeFound>> {
  const { pool: poolName, name, uri } = wanted.id.value;
  const connection = await connect(host, uri, 'pool');
  const [pool, asked] = await Promise.all([
    readPool(host, connection, poolName),
    askVolume(host, connection, poolName, name),
  ]);
  if (pool === undefined || !pool.active) {
    const state = { state: 'absent' } as const;
    const isEnough = wanted.state === 'absent' && pool === undefined;
    const others = isEnough ? [] : [missingPool(poolName, pool !== undefined)];
    return {
      state,
      found: { file: undefined, users: undefined },
      missing: hindrances(connection, wanted, state, others),
    };
  }
  const { file, missing } = await lookAtVolume(host, pool.definition, name, asked);
  const state = stateOf(file, wanted);
  const change = file?.exists === true ? changeOf(file, state, wanted) : undefined;
  const users = file && change && (await readVolumeUsers(host, connection, file.path, change, inWords(change, wanted)));
  return {
    state,
    found: { file, users },
    // What is gone already needs nothing to be made of it.
    missing: hindrances(connection, wanted, state, [
      ...(wanted.state === 'absent' && file === undefined ? [] : missing),
      ...(users?.missing ?? []),
    ]),
  };
}

/** The change of a file that exists; undefined where it stays as it is, or libvirt only has to list it. */
function changeOf(
  file: VolumeFile,
  { capacity }: Partial<VirshVolumeState>,
  wanted: VirshVolumeState,
): VolumeChange | undefined {
  if (wanted.state === 'absent') return 'remove';
  if (file.capacity === undefined || capacity === wanted.capacity) return undefined;
  return (parseCapacity(wanted.capacity ?? '') ?? 0) < file.capacity ? 'shrink' : 'grow';
}

function inWords(change: VolumeChange, { id, capacity }: VirshVolumeState): string {
  const what = change === 'remove' ? 'be removed' : `${change} to ${capacity}`;
  return `the volume '${id.value.name}' is to ${what}`;
}

function stateOf(file: VolumeFile | undefined, wanted: VirshVolumeState): Partial<VirshVolumeState> {
  if (file === undefined || !file.exists) return { state: 'absent' };
  return {
    state: 'present',
    listing: file.isListed ? 'known' : 'unknown',
    ...(file.format !== undefined && { format: file.format }),
    ...(file.capacity !== undefined && { capacity: canonicalCapacity(file.capacity, file.format, wanted) }),
  };
}

/** libvirt makes a qcow2 volume in whole KiB, and QEMU resizes it in whole sectors: what was rounded up counts as what was wanted. */
function canonicalCapacity(actual: number, format: string | undefined, wanted: VirshVolumeState): string {
  const bytes = parseCapacity(wanted.capacity ?? '');
  const isRounded = bytes !== undefined && format === 'qcow2' && actual >= bytes && actual - bytes < 1024;
  return formatCapacity(isRounded ? bytes : actual);
}

function plan(
  { state, found }: ModuleReading<VirshVolumeState, VirshVolumeFound>,
  wanted: VirshVolumeState,
): readonly Step[] {
  const { pool, name, uri, newFormat = '', allocation } = wanted.id.value;
  const { file } = found;
  // libvirt does not see what was done to the files behind its back until it is told to look.
  const refresh = file !== undefined && file.isListed !== file.exists ? [virshStep(uri, ['pool-refresh', pool])] : [];
  if (wanted.state === 'absent') {
    return [...refresh, virshStep(uri, ['vol-delete', name, '--pool', pool], { disrupts: 'data' })];
  }
  if (state.state !== 'present') {
    const { capacity = '' } = wanted;
    const options = allocation === undefined ? [] : ['--allocation', allocation];
    return [
      ...refresh,
      virshStep(uri, ['vol-create-as', pool, name, capacity, '--format', newFormat, ...options], { timeLimit: 3600 }),
    ];
  }
  if (wanted.format !== undefined && state.format !== wanted.format) refuseFormat(state, wanted);
  return [...refresh, ...(file === undefined ? [] : resize(file, state, found.users, wanted))];
}

function resize(
  file: VolumeFile,
  state: Partial<VirshVolumeState>,
  users: VolumeUsers | undefined,
  wanted: VirshVolumeState,
): readonly Step[] {
  const { pool, name, uri } = wanted.id.value;
  const { capacity: size = '' } = wanted;
  const change = changeOf(file, state, wanted);
  // A file whose size could not be seen is only taken in; the look after that compares it.
  if (change === undefined) return [];
  if (users?.unresizable !== undefined) {
    throw new UnsupportedChangeError(`${inWords(change, wanted)}, and ${users.unresizable}`);
  }
  if (change === 'shrink') {
    refuseBelowAllocation(file, wanted, parseCapacity(size) ?? 0);
    return [virshStep(uri, ['vol-resize', name, size, '--pool', pool, '--shrink'], { disrupts: 'data' })];
  }
  const growing = users?.growing ?? [];
  if (growing.length === 0) return [virshStep(uri, ['vol-resize', name, size, '--pool', pool])];
  // QEMU holds a lock on the image of a running guest: only a guest's own QEMU can make it grow, and tell the guest of it.
  return growing.map(({ guest, disk }) => virshStep(uri, ['blockresize', guest, disk, size]));
}

function refuseBelowAllocation(file: VolumeFile, { id, capacity }: VirshVolumeState, bytes: number): void {
  if (file.format !== 'raw' || file.allocation === undefined || file.allocation <= bytes) return;
  throw new UnsupportedChangeError(
    `the volume '${id.value.name}' is to shrink to ${capacity}, and ${formatCapacity(file.allocation)} of it are on disk: ` +
      'libvirt does not cut a raw volume below that; make a new one, or say the capacity that is there',
  );
}

function refuseFormat(state: Partial<VirshVolumeState>, { id, format }: VirshVolumeState): never {
  throw new UnsupportedChangeError(
    `the volume '${id.value.name}' is there as ${state.format ?? 'something unknown'}, wanted is ${format}: ` +
      `a volume keeps its format; take another name, or name the format that is there`,
  );
}

function missingPool(pool: string, isDefined: boolean): Missing {
  return {
    key: `pool:${pool}`,
    what: isDefined ? `the storage pool '${pool}' is not active` : `there is no storage pool '${pool}'`,
    remedy: `have a task virshPool({ name: '${pool}' }) before this one`,
  };
}
