import { PlaybookError } from '../errors.ts';
import { nearest } from '../validation/nearest.ts';

/** What stands before the colon of a {@link Provision}, and what follows it. */
const kinds = [
  'file',
  'group',
  'guest',
  'kernel-module',
  'link',
  'network',
  'no guest',
  'no volume',
  'pool',
  'tool',
  'unit',
  'unit-file',
  'user',
  'volume',
  'writable',
] as const;

/**
 * Something that a host has once a task has been applied, and that other tasks depend on. Its name follows the colon:
 * `tool:virsh` (a command in the PATH), `file:/srv/x.iso` (an absolute path), `unit-file:libvirtd` (a unit that can be started),
 * `unit:libvirtd` (one that runs), `link:ens34` (a network interface), `pool:default`, `volume:disk.img`, `network:default` and
 * `guest:gibbon` (libvirt's), `no guest:web` and `no volume:base.img` (libvirt no longer has them), `user:qemu`, `group:kvm`,
 * `kernel-module:br_netfilter`, `writable:/etc/resolv.conf` (a path that was mounted, immutable or read-only); `network-scripts` has no name.
 */
export type Provision = `${(typeof kinds)[number]}:${string}` | 'network-scripts';

/** Holds a task's `provides` against the words that there are. @throws PlaybookError that names the nearest right one */
export function checkProvisions(provides: readonly string[]): void {
  for (const each of provides) {
    const [, kind = each, name] = /^([^:]*):(.+)$/s.exec(each) ?? [];
    const isKnown = name === undefined ? each === 'network-scripts' : kinds.some((known) => known === kind);
    if (isKnown) continue;
    const close = nearest(kind, [...kinds, 'network-scripts']);
    const hint =
      close === undefined || close === kind
        ? `one looks like tool:virsh; there are ${kinds.join(', ')}`
        : `did you mean '${close}'?`;
    throw new PlaybookError(`'provides' holds '${each}', which is nothing that a task can provide; ${hint}`);
  }
}
