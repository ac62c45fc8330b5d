import { parseKeyfile, setUnitValue, setUnitValues, type UnitFile } from '../../../lib/formats/unit_file.ts';
import type { PortProfile } from './keyfiles.ts';
import { priorityOf } from './settings.ts';

/** The highest autoconnect-priority that NetworkManager takes. */
export const highestPriority = 999;

/** Returns the autoconnect-priority with which a profile of a port's own wins over those that serve several links. */
export function ownPriority({ shared }: PortProfile): number {
  return shared.length === 0 ? 0 : Math.max(...shared.map(({ content }) => priorityOf(content))) + 1;
}

/**
 * Makes a profile for a port that has none of its own. Where a profile of several links runs it, that one is copied, for this link
 * alone: it stays as it is for the others.
 */
export function ownProfile(port: PortProfile, bridge: string): UnitFile {
  const { link, uuid, source } = port;
  const id = `${bridge}-port-${link}`;
  let result =
    source?.content ?? parseKeyfile(`[connection]\nid=${id}\nuuid=${uuid}\ntype=ethernet\ninterface-name=${link}\n`);
  result = setUnitValue(setUnitValue(result, 'connection', 'id', id), 'connection', 'uuid', uuid);
  result = setUnitValues(result, 'connection', 'multi-connect', []);
  const priority = ownPriority(port);
  return priority === 0 ? result : setUnitValue(result, 'connection', 'autoconnect-priority', String(priority));
}
