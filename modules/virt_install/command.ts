import { UnsupportedChangeError } from '../../lib/errors.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../lib/task/step.ts';
import { nearest } from '../../lib/validation/nearest.ts';
import type { GuestDisk, GuestGraphics, GuestNetwork } from './guest.ts';

/** What matters only when a guest is made. */
export interface Creation {
  readonly cdrom?: string;
  readonly import?: true;
  readonly osType?: string;
  readonly osVariant?: string;
}

/** Everything that virt-install is told of a guest. */
export interface NewGuest extends Creation {
  readonly name: string;
  readonly uri: string;
  readonly virtType: string;
  /** MiB. */
  readonly memory: number;
  readonly vcpus?: number;
  readonly disks: readonly GuestDisk[];
  /** undefined leaves it to virt-install; an empty list is none. */
  readonly networks?: readonly GuestNetwork[];
  readonly graphics?: GuestGraphics;
  readonly autostart?: boolean;
}

/** What a host's virt-install is. */
export interface Installer {
  /** The first number of its version; undefined when it could not be asked. */
  readonly major: number | undefined;
  readonly version: string;
  /** The names of operating systems that it knows; empty when it was not asked. */
  readonly systems: readonly string[];
}

/** Asks virt-install for its version and, from 4.0 on, for the operating systems that it knows. Wakes nothing. */
export async function readInstaller(host: ReadonlyHost): Promise<Installer> {
  const [version, systems] = await Promise.all([
    host.query(['virt-install', '--version']),
    host.query(['virt-install', '--osinfo', 'list'], { timeLimit: 60 }),
  ]);
  // Python 2 prints a version to standard error.
  const found = /\b(\d+)\.\d[\w.]*/.exec(`${version.stdout}\n${version.exitCode === 0 ? version.stderr : ''}`);
  if (found?.[1] === undefined) return { major: undefined, version: 'unknown', systems: [] };
  const names = systems.exitCode === 0 ? systems.stdout.split(/[,\s]+/).filter((name) => name !== '') : [];
  return { major: Number(found[1]), version: found[0], systems: names };
}

/**
 * Finds the name under which a host's virt-install knows an operating system. Until 4.0 it took names of its own, such as
 * `rhel7` for `rhel7.0`, which then were dropped.
 * @throws UnsupportedChangeError when it knows none
 */
export function systemName(wanted: string, { systems, version }: Installer): string {
  if (systems.length === 0 || systems.includes(wanted)) return wanted;
  const first = `${wanted}.0`;
  if (systems.includes(first)) return first;
  const close = nearest(wanted, systems);
  throw new UnsupportedChangeError(
    `virt-install ${version} knows no operating system '${wanted}'` +
      `${close === undefined ? '' : ` (is it '${close}'?)`}: see 'virt-install --osinfo list' on the host, or 'osVariant: generic'`,
  );
}

/** Builds the step that makes a guest, its arguments in the order in which one writes them by hand. */
export function installStep(guest: NewGuest, installer: Installer): CommandStep {
  const { name, uri, virtType, memory, vcpus, cdrom, disks, networks, graphics, autostart } = guest;
  const argv = [
    'virt-install',
    ...['--virt-type', virtType],
    ...['--name', name],
    ...['--memory', String(memory)],
    ...(vcpus === undefined ? [] : ['--vcpus', String(vcpus)]),
    ...(cdrom === undefined ? [] : ['--cdrom', cdrom]),
    ...(guest.import ? ['--import'] : []),
    ...(disks.length === 0 ? ['--disk', 'none'] : disks.flatMap((disk) => ['--disk', diskOption(disk)])),
    ...networkOptions(networks),
    ...(graphics === undefined ? [] : ['--graphics', graphicsOption(graphics)]),
    ...(autostart ? ['--autostart'] : []),
    '--noautoconsole',
    ...systemOptions(guest, installer),
    ...['--connect', uri],
  ];
  return command(argv, { timeLimit: 600 });
}

/** Writes a disk as virt-install's `--disk` takes it. */
export function diskOption({ source, bus, format }: GuestDisk): string {
  return options(source.startsWith('/') ? source : `vol=${source}`, { bus, format });
}

/** Writes an interface as virt-install's `--network` takes it. */
export function networkOption({ source, model, mac }: GuestNetwork): string {
  return options(source.replace(' ', '='), { model, mac });
}

/** Writes a console as virt-install's `--graphics` takes it. */
export function graphicsOption({ type, listen, port }: GuestGraphics): string {
  return options(type, { port, listen });
}

function networkOptions(networks: readonly GuestNetwork[] | undefined): readonly string[] {
  if (networks?.length === 0) return ['--network', 'none'];
  return (networks ?? []).flatMap((network) => ['--network', networkOption(network)]);
}

function systemOptions({ osType, osVariant }: Creation, installer: Installer): readonly string[] {
  const isOld = installer.major !== undefined && installer.major < 4;
  return [
    // It does nothing from 4.0 on, which warns of it.
    ...(isOld && osType !== undefined ? [`--os-type=${osType}`] : []),
    ...(osVariant === undefined ? [] : [`--os-variant=${systemName(osVariant, installer)}`]),
    // From 4.0 on an unknown system is an error unless it is said that it may be.
    ...(osVariant === undefined && !isOld ? ['--osinfo', 'detect=on,require=off'] : []),
  ];
}

function options(first: string, others: Readonly<Record<string, string | number | undefined>>): string {
  const named = Object.entries(others).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  return [first, ...named].join(',');
}
