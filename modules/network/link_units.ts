import type { Undo } from '../../lib/task/step.ts';
import type { UnitAction } from '../systemd/systemd.ts';
import { networkScriptsUnit } from './network_scripts/unit.ts';
import type { LinkUnit } from './stack.ts';

/**
 * Every unit that brings links up, those of network stacks with which no bridge can be made included. A stack of which more is to be
 * said than the unit's name gives its unit from a file of its own (network_scripts/unit.ts).
 */
export const linkUnits: readonly LinkUnit[] = [
  networkScriptsUnit,
  { name: 'networking' },
  { name: 'systemd-networkd' },
  // Its manual says so, and it was seen.
  { name: 'NetworkManager', keepsLinks: true },
  ...['wicked', 'wickedd', 'dhcpcd', 'connman'].map((name) => ({ name })),
];

/** Tells whether a unit brings links up. */
export function isLinkUnit(name: string): boolean {
  return find(name) !== undefined;
}

/** Tells whether an action on a unit cuts links. */
export function cutsLinks(action: UnitAction, name: string): boolean {
  const unit = find(name);
  return unit !== undefined && !(action === 'stop' && unit.keepsLinks === true);
}

/**
 * Says how a rollback undoes that a unit was started or restarted. It is stopped while the new files are still there, because only they
 * name the links to take down; at boot it waits for the old files.
 * @returns undefined for a unit that brings no links up
 */
export function undoOfLinkUnit(name: string): Undo | undefined {
  const unit = find(name);
  if (unit === undefined) return undefined;
  return { withNewFiles: [['systemctl', 'stop', name], ...(unit.takeDown ?? [])], before: [`${name}.service`] };
}

function find(name: string): LinkUnit | undefined {
  return linkUnits.find((unit) => unit.name === name);
}
