import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import { refuseIdle } from '../lib/task/arguments.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import { command, type Disruption, type Step } from '../lib/task/step.ts';
import { bridgeFilterWarnings } from './common/bridge_netfilter.ts';
import { defineStep, virshStep } from './libvirt/libvirt.ts';
import {
  type DiskArgs,
  type NetworkArgs,
  type ParsedVirtInstallArgs,
  type VirtInstallArgs,
  virtInstallSchema,
} from './virt_install/arguments.ts';
import { type Creation, diskOption, graphicsOption, installStep, networkOption } from './virt_install/command.ts';
import {
  formatMemory,
  type GuestDisk,
  type GuestGraphics,
  type GuestHardware,
  type GuestNetwork,
} from './virt_install/guest.ts';
import { type GuestFound, readGuest } from './virt_install/guest_reading.ts';

export type { DiskArgs, NetworkArgs, VirtInstallArgs } from './virt_install/arguments.ts';

/** The state that {@link virtInstall} compares. */
export interface VirtInstallState extends GuestHardware {
  readonly id: Once<{ readonly name: string; readonly uri: string }>;
  readonly creation?: Once<Creation>;
  readonly state: 'present' | 'absent';
  /** False for a guest that is gone once it stops, such as a creation that was broken off leaves it. */
  readonly persistent?: boolean;
  readonly autostart?: boolean;
  readonly running?: boolean;
}

/**
 * Keeps a guest: made with virt-install when there is none of its name, and later changed where it differs from what the task
 * names. Nothing restarts or replaces a guest: a change of a running one is written to its definition, and every run says
 * that it waits for a restart until it has happened.
 *
 * `cdrom`, `import`, `osType` and `osVariant` matter only when the guest is made.
 *
 * @example
 * ```ts
 * virtInstall({
 *   name: 'gibbon',
 *   virtType: 'kvm',
 *   memory: 512,
 *   cdrom: '/var/lib/libvirt/images/CentOS-7-x86_64-Minimal-1708.iso',
 *   disks: ['/var/lib/libvirt/images/gibbon-centos74.img'],
 *   networks: [{ bridge: 'br0' }],
 *   graphics: { type: 'vnc', listen: '0.0.0.0' },
 *   osVariant: 'rhel7',
 * });
 * ```
 */
export const virtInstall: Module<VirtInstallArgs, VirtInstallState> = defineModule({
  name: 'virt_install',
  args: virtInstallSchema,
  desired,
  subject: ({ id }) => id.value.name,
  provides: ({ id, state }) => [`${state === 'present' ? 'guest' : 'no guest'}:${id.value.name}`],
  read,
  plan,
});

function desired(args: ParsedVirtInstallArgs): VirtInstallState {
  const { name, connect: uri, state, memory, vcpus, virtType, cdrom, osType, osVariant, ...rest } = args;
  const id = once({ name, uri });
  if (state === 'absent') {
    refuseIdle('virt_install', { memory, vcpus, virtType, cdrom, osType, osVariant, ...rest }, "state: 'absent'");
    return { id, state };
  }
  if (memory === undefined) {
    throw new ArgumentError("virt_install: the argument 'memory' is missing: say how many MiB the guest has");
  }
  refuseSources(cdrom, rest.import === true, rest.disks ?? []);
  const { graphics, autostart, running, networks } = rest;
  return {
    id,
    creation: once({
      ...(cdrom !== undefined && { cdrom }),
      ...(rest.import && { import: true }),
      ...(osType !== undefined && { osType }),
      ...(osVariant !== undefined && { osVariant }),
    }),
    state,
    persistent: true,
    ...(virtType !== undefined && { virtType }),
    memory: formatMemory(memory * 2 ** 20),
    ...(vcpus !== undefined && { vcpus }),
    disks: numbered((rest.disks ?? []).map(canonicalDisk)),
    ...(networks !== undefined && { networks: numbered(networks.map(canonicalNetwork)) }),
    ...(graphics !== undefined && { graphics: canonicalGraphics(graphics) }),
    ...(autostart !== undefined && { autostart }),
    ...(running !== undefined && { running }),
  };
}

async function read(
  host: ReadonlyHost,
  wanted: VirtInstallState,
): Promise<ModuleReading<VirtInstallState, GuestFound>> {
  const bridges = Object.values(wanted.networks ?? {}).flatMap(
    ({ source = '' }) => /^bridge (.+)$/.exec(source)?.[1] ?? [],
  );
  const [{ guest, view, ...seen }, filters] = await Promise.all([
    readGuest(host, wanted, wanted.id.value, wanted.creation?.value ?? {}),
    bridgeFilterWarnings(host, wanted.state === 'present' ? [...new Set(bridges)] : []),
  ]);
  const state: Partial<VirtInstallState> =
    guest === undefined || view === undefined
      ? { state: 'absent' }
      : {
          state: 'present',
          persistent: guest.persistent,
          ...view,
          autostart: guest.autostart,
          running: guest.active,
        };
  return { state, found: seen.found, missing: seen.missing(state), warnings: [...seen.warnings, ...filters] };
}

function plan(
  { state, found }: ModuleReading<VirtInstallState, GuestFound>,
  wanted: VirtInstallState,
): readonly Step[] {
  if (wanted.state === 'absent') return removal(state, found, wanted);
  if (state.state === 'present') refuseOther(state, wanted);
  refuseWhatCannotBe(found, wanted);
  const { uri } = wanted.id.value;
  const refresh = found.unlistedPools.map((pool) => virshStep(uri, ['pool-refresh', pool]));
  if (state.state !== 'present') return [...refresh, creation(found, wanted)];
  const { name } = wanted.id.value;
  return [
    ...refresh,
    ...(state.persistent === false ? [defineTransient(found, wanted)] : []),
    ...hardwareChanges(state, found, wanted),
    ...networkChanges(state, wanted),
    ...diskChanges(state, wanted),
    ...(wanted.autostart === true && !state.autostart ? [virshStep(uri, ['autostart', name])] : []),
    ...(wanted.autostart === false && state.autostart ? [virshStep(uri, ['autostart', name, '--disable'])] : []),
    ...(wanted.running === true && !state.running ? [virshStep(uri, ['start', name])] : []),
  ];
}

function creation({ installer }: GuestFound, wanted: VirtInstallState): Step {
  const { networks, vcpus, graphics, autostart } = wanted;
  const guest = {
    ...wanted.id.value,
    ...wanted.creation?.value,
    virtType: wanted.virtType ?? 'kvm',
    memory: Number.parseInt(wanted.memory ?? '', 10),
    ...(typeof vcpus === 'number' && { vcpus }),
    disks: Object.values(wanted.disks ?? {}),
    ...(networks !== undefined && { networks: Object.values(networks) }),
    ...(graphics !== undefined && { graphics }),
    ...(autostart !== undefined && { autostart }),
  };
  return installStep(guest, installer ?? { major: undefined, version: 'unknown', systems: [] });
}

/**
 * Removes a guest with all that libvirt would else refuse to remove it for. What may be refused comes first, and the guest is
 * stopped before it is undefined: a running guest would live on without a definition if the run ended in between.
 */
function removal(state: Partial<VirtInstallState>, found: GuestFound, wanted: VirtInstallState): readonly Step[] {
  const { name, uri } = wanted.id.value;
  const { hasNvram, hasTpmState, isSaved, snapshots, checkpoints } = found.belongings;
  const discarded: readonly Disruption[] = [
    ...(snapshots.length + checkpoints.length > 0 ? (['snapshots'] as const) : []),
    // What the guest has sealed with its TPM, such as the key of a disk, cannot be opened any more.
    ...(hasTpmState ? (['data'] as const) : []),
  ];
  const options = [
    ...(snapshots.length > 0 ? ['--snapshots-metadata'] : []),
    ...(checkpoints.length > 0 ? ['--checkpoints-metadata'] : []),
    ...(hasNvram ? ['--nvram'] : []),
  ];
  return [
    ...(isSaved ? [virshStep(uri, ['managedsave-remove', name], { disrupts: 'saved-state' })] : []),
    ...(state.running ? [virshStep(uri, ['destroy', name], { disrupts: 'guest' })] : []),
    ...(state.persistent
      ? [virshStep(uri, ['undefine', name, ...options], discarded.length > 0 ? { disrupts: discarded } : {})]
      : []),
  ];
}

/**
 * Defines a guest that a creation has left behind when it was broken off between starting and defining it. As virt-install
 * does in its last step, the installer's own settings (no restart, the medium first) are left out.
 */
function defineTransient({ transientXml }: GuestFound, { id, creation }: VirtInstallState): Step {
  const { name, uri } = id.value;
  if (transientXml === undefined) {
    throw new UnsupportedChangeError(
      `the guest '${name}' runs without a definition, and libvirt's daemon sleeps, which it does not do beside a running guest: look at 'virsh list --all'`,
    );
  }
  const isInstallation = creation?.value.cdrom !== undefined;
  const xml = isInstallation
    ? transientXml
        .replace('<on_reboot>destroy</on_reboot>', '<on_reboot>restart</on_reboot>')
        .replace(/^\s*<boot dev='cdrom'\/>\n(?=\s*<boot )/m, '')
    : transientXml;
  return defineStep(uri, 'define', xml);
}

function hardwareChanges(
  state: Partial<VirtInstallState>,
  { graphicsNumber }: GuestFound,
  wanted: VirtInstallState,
): readonly Step[] {
  const { memory, vcpus, graphics } = wanted;
  const mib = Number.parseInt(memory ?? '', 10);
  return [
    // Both are named: alone, `--memory N` sets what the guest has and leaves what it may have.
    ...(memory !== state.memory ? [editStep(wanted, '--edit', '--memory', `memory=${mib},maxmemory=${mib}`)] : []),
    ...(vcpus !== undefined && vcpus !== state.vcpus
      ? [editStep(wanted, '--edit', '--vcpus', `vcpus=${vcpus},maxvcpus=${vcpus}`)]
      : []),
    ...(graphics === undefined ? [] : graphicsChanges(state, wanted, graphics, graphicsNumber)),
  ];
}

function graphicsChanges(
  { graphics: actual }: Partial<VirtInstallState>,
  wanted: VirtInstallState,
  graphics: NonNullable<VirtInstallState['graphics']>,
  number: number,
): readonly Step[] {
  if (actual === undefined || actual.type === graphics.type) {
    const isSame =
      (graphics.listen ?? actual?.listen) === actual?.listen && (graphics.port ?? actual?.port) === actual?.port;
    return isSame || graphics.type === 'none'
      ? []
      : [editStep(wanted, '--edit', ...(number > 1 ? [String(number)] : []), '--graphics', graphicsOption(graphics))];
  }
  if (actual.type === 'none') return [editStep(wanted, '--add-device', '--graphics', graphicsOption(graphics))];
  if (actual.type === 'vnc' && graphics.type === 'none')
    return [editStep(wanted, '--remove-device', '--graphics', 'all')];
  throw new UnsupportedChangeError(
    `the console of '${wanted.id.value.name}' is ${actual.type}, wanted is ${graphics.type}: devices of the guest hang on it; ` +
      `change it with 'virsh edit ${wanted.id.value.name}', or name in the task what is there`,
  );
}

function networkChanges(state: Partial<VirtInstallState>, wanted: VirtInstallState): readonly Step[] {
  return Object.entries(wanted.networks ?? {}).flatMap(([number, network]) => {
    const actual = state.networks?.[number];
    if (actual === undefined) return [editStep(wanted, '--add-device', '--network', networkOption(network))];
    const isSame =
      network.source === actual.source &&
      (network.mac ?? actual.mac) === actual.mac &&
      (network.model ?? actual.model) === actual.model;
    if (isSame) return [];
    // Chosen by its MAC: numbers shift when an interface is added or removed.
    const chosen = actual.mac === undefined ? number : `mac=${actual.mac}`;
    return [editStep(wanted, '--edit', chosen, '--network', networkOption(network))];
  });
}

function diskChanges(state: Partial<VirtInstallState>, wanted: VirtInstallState): readonly Step[] {
  return Object.entries(wanted.disks ?? {})
    .filter(([number]) => state.disks?.[number] === undefined)
    .map(([, disk]) => editStep(wanted, '--add-device', '--disk', diskOption(disk)));
}

function editStep({ id }: VirtInstallState, ...args: string[]): Step {
  return command(['virt-xml', '--connect', id.value.uri, id.value.name, ...args]);
}

function refuseWhatCannotBe({ refusals }: GuestFound, { id }: VirtInstallState): void {
  if (refusals.length > 0) throw new UnsupportedChangeError(`the guest '${id.value.name}': ${refusals.join('; ')}`);
}

function refuseOther(state: Partial<VirtInstallState>, wanted: VirtInstallState): void {
  const { name } = wanted.id.value;
  for (const [number, disk] of Object.entries(wanted.disks ?? {})) {
    const actual = state.disks?.[number];
    if (actual !== undefined && actual.source !== disk.source) {
      throw new UnsupportedChangeError(
        `the name '${name}' is in use by a guest whose disk ${number} is ${actual.source}, wanted is ${disk.source}: ` +
          'name the disk that is there, or take another name for another guest',
      );
    }
    refuseDiskAspect(name, disk, actual, 'bus');
    refuseDiskAspect(name, disk, actual, 'format');
  }
  if (wanted.virtType !== undefined && state.virtType !== wanted.virtType) {
    throw new UnsupportedChangeError(
      `the guest '${name}' was made for ${state.virtType}, wanted is ${wanted.virtType}: name in the task what is there, or remove the guest (its disks stay) and have it made again`,
    );
  }
}

function refuseDiskAspect(
  name: string,
  disk: GuestDisk,
  actual: GuestDisk | undefined,
  aspect: 'bus' | 'format',
): void {
  if (actual === undefined || disk[aspect] === undefined || disk[aspect] === actual[aspect]) return;
  throw new UnsupportedChangeError(
    `the guest '${name}' has ${disk.source} with the ${aspect} ${actual[aspect] ?? 'unknown'}, wanted is ${disk[aspect]}: ` +
      'it might not find its disk again; name in the task what is there',
  );
}

function refuseSources(cdrom: string | undefined, isImport: boolean, disks: readonly DiskArgs[]): void {
  if ((cdrom !== undefined) === isImport) {
    throw new ArgumentError(
      "virt_install: a new guest begins from 'cdrom' (the path of an installation's ISO) or from 'import: true' (a disk that is installed already): name one of them",
    );
  }
  if (isImport && disks.length === 0)
    throw new ArgumentError("virt_install: 'import' needs a disk: name it in 'disks'");
}

function canonicalDisk(disk: DiskArgs): GuestDisk {
  if (typeof disk === 'string') return { source: disk };
  const { bus, format } = disk;
  return {
    source: 'path' in disk ? disk.path : `${disk.pool}/${disk.volume}`,
    ...(bus !== undefined && { bus }),
    ...(format !== undefined && { format }),
  };
}

function canonicalNetwork(network: NetworkArgs): GuestNetwork {
  const { mac, model } = network;
  return {
    source: 'bridge' in network ? `bridge ${network.bridge}` : `network ${network.network}`,
    ...(mac !== undefined && { mac }),
    ...(model !== undefined && { model }),
  };
}

function canonicalGraphics({ type, listen, port }: NonNullable<VirtInstallArgs['graphics']>): GuestGraphics {
  return { type, ...(listen !== undefined && { listen }), ...(port !== undefined && { port }) };
}

function numbered<T>(items: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(items.map((item, index) => [String(index + 1), item]));
}
