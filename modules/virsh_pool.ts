import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import type { Step } from '../lib/task/step.ts';
import { absolutePath } from '../lib/validation/schemas.ts';
import { connect, hindrances, objectName, readPool, uriSchema, virshStep } from './libvirt/libvirt.ts';

/** Arguments of {@link virshPool}. */
export interface VirshPoolArgs {
  /** The pool's name. */
  readonly name: string;
  /** The directory that holds the volumes. Default `/var/lib/libvirt/images` for the pool `default`; otherwise it must be said. */
  readonly path?: string;
  /** Whether it can be used now. Default true. */
  readonly active?: boolean;
  /** Whether it becomes active with libvirt. Default true. */
  readonly autostart?: boolean;
  /** The URI of libvirt's connection. Default `qemu:///system`. */
  readonly connect?: string;
}

/** The state that {@link virshPool} compares. */
export interface VirshPoolState {
  readonly id: Once<{ readonly name: string; readonly uri: string }>;
  readonly type: string;
  readonly path: string;
  /** What is at the path, where the pool is to be used. */
  readonly directory?: 'present' | 'absent' | 'not a directory';
  /** False for a pool that is gone once it stops. */
  readonly persistent: boolean;
  readonly active: boolean;
  readonly autostart: boolean;
}

const args = v.strictObject({
  name: objectName("a pool's name"),
  path: v.optional(absolutePath("a pool's path")),
  active: v.optional(v.boolean(), true),
  autostart: v.optional(v.boolean(), true),
  connect: uriSchema,
} satisfies SchemaEntries<VirshPoolArgs>);

/**
 * Keeps a storage pool of volumes in a directory: defined, active, started with libvirt.
 * It looks with `virsh` only while libvirt's daemon runs, and else into `/etc/libvirt/storage`, so that looking wakes nothing.
 *
 * @example
 * ```ts
 * virshPool({ name: 'default' });
 * ```
 */
export const virshPool: Module<VirshPoolArgs, VirshPoolState> = defineModule({
  name: 'virsh_pool',
  args,
  desired,
  subject: ({ id }) => id.value.name,
  provides: ({ id, active }) => (active ? [`pool:${id.value.name}`] : []),
  read,
  plan,
});

function desired({ name, connect: uri, active, autostart, ...rest }: v.InferOutput<typeof args>): VirshPoolState {
  const path = rest.path ?? (name === 'default' ? '/var/lib/libvirt/images' : undefined);
  if (path === undefined) {
    throw new ArgumentError(`virsh_pool: the argument 'path' is missing: say which directory holds the pool '${name}'`);
  }
  return {
    id: once({ name, uri }),
    type: 'dir',
    path,
    ...(active && { directory: 'present' }),
    persistent: true,
    active,
    autostart,
  };
}

async function read(host: ReadonlyHost, wanted: VirshPoolState): Promise<ModuleReading<VirshPoolState, undefined>> {
  const { name, uri } = wanted.id.value;
  const [connection, isThere, isDirectory] = await Promise.all([
    connect(host, uri, 'pool'),
    host.exists(wanted.path),
    host.exists(`${wanted.path}/.`),
  ]);
  const pool = await readPool(host, connection, name);
  const state: Partial<VirshPoolState> = {
    directory: isDirectory ? 'present' : isThere ? 'not a directory' : 'absent',
    ...(pool !== undefined && {
      type: pool.definition.type,
      ...(pool.definition.path !== undefined && { path: pool.definition.path }),
      persistent: pool.persistent,
      // A daemon that wakes does not start a pool whose directory is gone.
      active: pool.active && (isDirectory || connection.look !== 'files'),
      autostart: pool.autostart,
    }),
  };
  return { state, found: undefined, missing: hindrances(connection, wanted, state) };
}

function plan({ state }: ModuleReading<VirshPoolState, undefined>, wanted: VirshPoolState): readonly Step[] {
  const { name, uri } = wanted.id.value;
  const isNew = state.type === undefined;
  if (!isNew) refuseOther(state, wanted);
  const step = (...args: string[]): Step => virshStep(uri, args);
  const isToBeMade = wanted.active && state.directory !== 'present';
  if (isToBeMade && state.directory !== 'absent') refuseFile(wanted);
  // An active pool does not notice that its directory is gone, and is not built while it is active.
  const isToBeStopped = state.active && (!wanted.active || isToBeMade);
  return [
    ...(isNew ? [step('pool-define-as', name, 'dir', '--target', wanted.path)] : []),
    ...(isToBeStopped ? [step('pool-destroy', name)] : []),
    ...(isToBeMade ? [step('pool-build', name)] : []),
    ...(wanted.active && (!state.active || isToBeMade) ? [step('pool-start', name)] : []),
    ...(wanted.autostart && !state.autostart ? [step('pool-autostart', name)] : []),
    ...(!wanted.autostart && state.autostart ? [step('pool-autostart', name, '--disable')] : []),
  ];
}

function refuseFile({ id, path }: VirshPoolState): never {
  throw new UnsupportedChangeError(
    `the pool '${id.value.name}' is to be in the directory ${path}, and that is not a directory: move it away, or name another path`,
  );
}

function refuseOther(state: Partial<VirshPoolState>, wanted: VirshPoolState): void {
  const { name } = wanted.id.value;
  if (state.persistent === false) {
    throw new UnsupportedChangeError(
      `the pool '${name}' is there until it stops, and was never defined: stop it with 'virsh pool-destroy ${name}' (its files stay), and run again`,
    );
  }
  if (state.type !== wanted.type || state.path !== wanted.path) {
    throw new UnsupportedChangeError(
      `the pool '${name}' is a '${state.type}' at ${state.path ?? 'no path'}, wanted is a '${wanted.type}' at ${wanted.path}: ` +
        'volumes do not move by themselves; name that path in the task, or take another name',
    );
  }
}
