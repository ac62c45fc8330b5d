import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';
import { showRule } from '../systemd/merge_rules.ts';

/** Kinds of objects that libvirt manages by name. */
export type ObjectKind = 'domain' | 'network' | 'pool';

/** The daemons that answer for each kind where libvirt is split up (EL9, Fedora): `virtqemud` takes every connection. */
const modularDaemons: Readonly<Record<ObjectKind, readonly string[]>> = {
  domain: ['virtqemud'],
  network: ['virtqemud', 'virtnetworkd'],
  pool: ['virtqemud', 'virtstoraged'],
};

/** All of them, whatever the kind, so that one query answers for every task of a play. */
const units = ['libvirtd', 'virtqemud', 'virtnetworkd', 'virtstoraged'].flatMap((name) => [
  `${name}.service`,
  `${name}.socket`,
]);

/** State of the daemon that manages a kind of object. */
export interface Daemon {
  /** True when it runs, so that asking it wakes nothing. */
  readonly awake: boolean;
  /** The daemons that neither run nor listen. */
  readonly lacks: readonly Missing[];
}

/** Asks systemd, in one query, whether the daemon of `qemu:///system` runs or at least listens. Wakes nothing. */
export async function findDaemon(host: ReadonlyHost, kind: ObjectKind): Promise<Daemon> {
  const { exitCode, stdout } = await host.query(['systemctl', 'show', '-p', 'Id,LoadState,ActiveState', ...units], {
    mergeRule: showRule,
  });
  if (exitCode !== 0) return findDaemonWithoutSystemd(host);
  const shown = readUnits(stdout);
  const isLoaded = (unit: string): boolean => shown.get(unit)?.load === 'loaded';
  const runs = (unit: string): boolean => /^(active|activating|reloading)$/.test(shown.get(unit)?.active ?? '');
  const modular = modularDaemons[kind];
  // Where both are installed, the one that runs or listens counts.
  const isSplit = isLoaded('virtqemud.service') && !runs('libvirtd.service') && !runs('libvirtd.socket');
  const wanted = isSplit ? modular : ['libvirtd'];
  const down = wanted.filter((name) => !runs(`${name}.service`) && !runs(`${name}.socket`));
  return {
    awake: wanted.every((name) => runs(`${name}.service`)),
    lacks: down.map((name) => missingDaemon(name, isLoaded(`${name}.service`))),
  };
}

/** Without systemd there is no socket activation: a socket means a daemon, and asking wakes nothing. */
async function findDaemonWithoutSystemd(host: ReadonlyHost): Promise<Daemon> {
  const sockets = ['/var/run/libvirt/libvirt-sock', '/var/run/libvirt/virtqemud-sock'];
  const found = await Promise.all(sockets.map((path) => host.exists(path)));
  const awake = found.includes(true);
  return { awake, lacks: awake ? [] : [missingDaemon('libvirtd', true)] };
}

function missingDaemon(name: string, isInstalled: boolean): Missing {
  return {
    key: `unit:${name}`,
    what: isInstalled ? `${name} does not run, nor does its socket listen` : `there is no ${name} on the host`,
    remedy: isInstalled
      ? `start it, e.g. with a task service({ name: '${name}', state: 'started' }) before this one`
      : 'install libvirt (Debian: libvirt-daemon-system, Red Hat: libvirt), and start it',
  };
}

function readUnits(shown: string): ReadonlyMap<string, { load: string; active: string }> {
  const blocks = shown.trim().split(/\n\s*\n/);
  const property = (block: string, name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? '';
  return new Map(
    blocks.map((block) => [
      property(block, 'Id'),
      { load: property(block, 'LoadState'), active: property(block, 'ActiveState') },
    ]),
  );
}
