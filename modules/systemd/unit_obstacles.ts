import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { fullUnitName, readActiveUnits, readUnitFile, type UnitStatus } from './systemd.ts';

/** Where the administrator's own unit files and masks are. */
const ownUnits = '/etc/systemd/system';

/** Units that stop everything else on purpose: to conflict with them says nothing. */
const stoppingEverything: ReadonlySet<string> = new Set(['shutdown.target', 'umount.target']);

/** The desired state of a unit. */
export interface UnitWish {
  readonly name: string;
  readonly state?: 'started' | 'stopped';
  readonly enabled?: boolean | 'runtime';
  readonly masked?: boolean | 'runtime';
}

/** Obstacles to a desired state that the unit's own status does not show. */
export interface Obstacles {
  /** True when there is something in the place where a mask would be. */
  readonly isMaskTaken: boolean;
  /** True when its unit file says nothing of what starting it at boot would mean. */
  readonly lacksInstall: boolean;
  /** Units that run, and because of which a socket cannot be started. */
  readonly served: readonly string[];
  /** Units that run, and that systemd stops when it starts this one. */
  readonly stops: readonly string[];
}

/** Reads the obstacles to a desired state, and only those that matter to it. */
export async function readObstacles(host: ReadonlyHost, unit: UnitStatus, wish: UnitWish): Promise<Obstacles> {
  const name = fullUnitName(wish.name);
  const starts = wish.state === 'started' && unit.load === 'loaded' && unit.active !== 'active';
  const isSocket = name.endsWith('.socket');
  const conflicts = unit.conflicts.filter((each) => !stoppingEverything.has(each));
  const [isMaskTaken, text, served, stops] = await Promise.all([
    wish.masked === true && unit.enabled !== 'masked' && host.exists(`${ownUnits}/${name}`),
    wish.enabled === true && unit.enabled === 'linked' ? readUnitFile(host, name) : undefined,
    starts && isSocket ? readActiveUnits(host, unit.triggers) : [],
    starts ? readActiveUnits(host, conflicts) : [],
  ]);
  const lacksInstall = text !== undefined && !/^\s*(WantedBy|RequiredBy|UpheldBy|Also|Alias)\s*=\s*\S/m.test(text);
  return { isMaskTaken, lacksInstall, served, stops };
}

/** Returns why a unit cannot be started; undefined when it can. */
export function whyNotStarted(name: string, unit: UnitStatus, { served }: Obstacles): string | undefined {
  const status = `'systemctl status ${name}' says why`;
  // Of a unit that is not there yet, systemd knows nothing of this.
  if (unit.load === 'error' || unit.load === 'bad-setting') {
    return `systemd cannot make sense of its unit file (${unit.load}); ${status}`;
  }
  if (unit.load !== 'loaded') return undefined;
  if (!unit.canStart)
    return 'its kind, or RefuseManualStart= in its unit file, lets only other units start it; start the unit that needs it';
  if (served.length > 0)
    return `${served.join(', ')} runs already, and systemd then refuses its socket; stop that service first, with a task before this one`;
  if (unit.endsAtOnce) {
    return 'it does its work and ends (Type=oneshot without RemainAfterExit=yes), so it never counts as started; run it with a command, or start what triggers it';
  }
  return undefined;
}

/** Returns why a unit cannot be stopped; undefined when it can. */
export function whyNotStopped(unit: UnitStatus): string | undefined {
  if (unit.load !== 'loaded' || unit.canStop) return undefined;
  return 'its kind, or RefuseManualStop= in its unit file, lets only other units stop it; stop what needs it, or disable it for the next boot';
}

/** Returns why a unit cannot be enabled; undefined when it can. */
export function whyNotEnabled(unit: UnitStatus, { lacksInstall }: Obstacles): string | undefined {
  const remedy = "enable the unit that needs it, or leave 'enabled' out";
  if (['static', 'transient', 'generated'].includes(unit.enabled)) {
    return `its unit file is ${unit.enabled}, so it says nothing of a boot, and no other unit pulls it in; ${remedy}`;
  }
  if (lacksInstall) return `its unit file has no [Install] section that says what starts it; write one, or ${remedy}`;
  if (unit.enabled === '' && unit.load !== 'not-found') return `it has no unit file; ${remedy}`;
  if (unit.enabled === 'bad' && unit.script === undefined)
    return 'systemd cannot make sense of its unit file; mend that first';
  return undefined;
}

/** Returns why a unit cannot be masked; undefined when it can. */
export function whyNotMasked(name: string, { isMaskTaken }: Obstacles): string | undefined {
  if (!isMaskTaken) return undefined;
  const path = `${ownUnits}/${fullUnitName(name)}`;
  return `a mask is a link at ${path}, where its unit file is, or a link to it; take that away first, e.g. with a task file({ path: '${path}', state: 'absent' }), or keep the unit off with state: 'stopped', enabled: false`;
}
