import { shellProgram } from '../../../lib/process/package_files.ts';

/** Where NetworkManager keeps its leases. */
export const leases = '/var/lib/NetworkManager';

/** Tells whether a file of NetworkManager's holds a lease of a link: `internal-UUID-br0.lease`, `dhclient-UUID-br0.lease`. */
export function isLeaseOf(file: string, link: string): boolean {
  const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
  const [, rest] = new RegExp(`^(?:internal6?|dhclient6?)-(?:${uuid}-)?(.+)\\.(?:lease|conf)$`).exec(file) ?? [];
  return rest === link;
}

/** Returns the command that removes the leases of a link, and no other link's. */
export function removeLeases(link: string): readonly string[] {
  return ['sh', '-c', shellProgram('modules/network/networkmanager/remove_leases.sh'), 'sh', leases, link];
}
