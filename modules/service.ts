import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { type Difference, type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../lib/task/step.ts';
import type { Missing, TaskOptions } from '../lib/task/task.ts';
import { line } from '../lib/validation/schemas.ts';
import { cutsLinks, isLinkUnit, undoOfLinkUnit } from './network/link_units.ts';
import {
  disturbsGuests,
  isEnabledIndirectly,
  isRunning,
  missingUnitFile,
  readUnit,
  startSteps,
  type UnitAction,
  type UnitStatus,
} from './systemd/systemd.ts';
import {
  type Obstacles,
  readObstacles,
  whyNotEnabled,
  whyNotMasked,
  whyNotStarted,
  whyNotStopped,
} from './systemd/unit_obstacles.ts';

/** Arguments of {@link service}. At least one of `state`, `enabled`, `masked` and the common option `reflects` is there. */
export interface ServiceArgs {
  /** The unit's name, `.service` may be left out: `network`, `libvirtd.service`, `libvirtd.socket`. */
  readonly name: string;
  /** Whether it runs. With `reflects` it is `started`; else it is left alone by default. */
  readonly state?: 'started' | 'stopped';
  /** Whether it starts at boot. Left alone by default. */
  readonly enabled?: boolean;
  /** Whether nothing at all can start it. Left alone by default. */
  readonly masked?: boolean;
}

/** The state that {@link service} compares. */
export interface ServiceState {
  /** The unit's name without `.service`. */
  readonly name: string;
  /** True when the unit loads what says by itself whether it is in force: that, and not the unit, tells whether it did its work. */
  readonly isProvedByOthers: Once<boolean>;
  readonly state?: 'started' | 'stopped';
  /** `runtime`: until the next boot only. */
  readonly enabled?: boolean | 'runtime';
  /** `runtime`: until the next boot only. */
  readonly masked?: boolean | 'runtime';
}

/** A unit, and what stands in the way of what is wanted of it. */
interface FoundUnit extends UnitStatus {
  readonly obstacles: Obstacles;
}

/** Seconds for which a unit that can crash must have been active before it counts as started. */
const holdTime = 2;
/** Seconds for a start or a stop: a DHCP server may take its time, and bridges wait for their forward delay. */
const actionTimeLimit = 300;

const args = v.strictObject({
  name: line('the name of a unit'),
  state: v.optional(v.picklist(['started', 'stopped'])),
  enabled: v.optional(v.boolean()),
  masked: v.optional(v.boolean()),
} satisfies SchemaEntries<ServiceArgs>);

/**
 * Starts, stops, enables and masks a systemd unit, a SysV script such as `network` included.
 * A task that reflects others restarts the unit when what they wrote is not in force, and only then.
 * A daemon that comes and goes counts as started while its socket listens; to stop it is to stop its sockets too.
 *
 * @example
 * ```ts
 * service({ name: 'libvirtd', state: 'started', enabled: true });
 * ```
 */
export const service: Module<ServiceArgs, ServiceState> = defineModule({
  name: 'service',
  args,
  needsRoot: true,
  desired,
  subject: ({ name }) => name,
  // A daemon whose socket listens can be asked.
  provides: ({ name, state }) =>
    state === 'started' ? [...new Set([name, name.replace(/\.socket$/, '')])].map((each) => `unit:${each}`) : [],
  read,
  plan,
  loads: true,
});

function desired(
  { name: given, state, enabled, masked }: v.InferOutput<typeof args>,
  { reflects = [] }: TaskOptions,
): ServiceState {
  const name = given.replace(/\.service$/, '');
  if (!/^[A-Za-z0-9_:.\\][A-Za-z0-9_:.\\@-]*$/.test(name) || /@(?:\.[a-z]+)?$/.test(name)) {
    throw new ArgumentError(
      `service: ${JSON.stringify(given)} is no unit's name; one looks like libvirtd or getty@tty1`,
    );
  }
  const loads = reflects.length > 0;
  const wanted = state ?? (loads ? 'started' : undefined);
  if (wanted === undefined && enabled === undefined && masked === undefined) {
    throw new ArgumentError(`service: nothing is wanted of ${name}; name 'state', 'enabled', 'masked' or 'reflects'`);
  }
  if (loads && wanted === 'stopped') {
    throw new ArgumentError(`service: ${name} is to be stopped, so it can load nothing; leave 'reflects' out`);
  }
  if (masked === true && (wanted === 'started' || enabled === true)) {
    throw new ArgumentError(`service: ${name} is to be masked, so it can be neither started nor enabled`);
  }
  return {
    name,
    isProvedByOthers: once(reflects.some(({ inForce }) => inForce !== undefined)),
    ...(wanted !== undefined && { state: wanted }),
    ...(enabled !== undefined && { enabled }),
    ...(masked !== undefined && { masked }),
  };
}

async function read(
  host: ReadonlyHost,
  wanted: ServiceState,
): Promise<ModuleReading<ServiceState, FoundUnit | undefined>> {
  const { name } = wanted;
  const [unit, uptime] = await Promise.all([readUnit(host, name), host.readFile('/proc/uptime')]);
  if ('remedy' in unit) {
    return { state: { name, state: 'stopped', enabled: false, masked: false }, found: undefined, missing: [unit] };
  }
  const [enabled, obstacles] = await Promise.all([readEnabled(host, unit, wanted), readObstacles(host, unit, wanted)]);
  const state = { name, state: readState(unit, wanted), enabled, masked: readMasked(unit) };
  const isSettling = settles(unit, wanted, Number.parseFloat(uptime?.text ?? ''));
  const lockout = lockoutReasons(unit, wanted, state.enabled);
  return {
    state,
    found: { ...unit, obstacles },
    missing: await missingUnit(host, unit, wanted),
    warnings: [...warningsOf({ ...unit, obstacles }, wanted, state.enabled), ...lockout],
    network: { lockout },
    settling: isSettling,
  };
}

function readState(unit: UnitStatus, wanted: ServiceState): 'started' | 'stopped' {
  if (isRunning(unit)) return 'started';
  if (wanted.state === 'stopped') return unit.sockets.some(({ isActive }) => isActive) ? 'started' : 'stopped';
  // The exit status of a network's script is no truth: what counts is whether that which it loads is in force, where that can be seen.
  if (unit.active === 'failed') return wanted.isProvedByOthers.value ? 'started' : 'stopped';
  return unit.active === 'inactive' && listens(unit, wanted.name) ? 'started' : 'stopped';
}

/** Of several sockets (libvirtd's for reading only, for administration) the one of the unit's own name counts. */
function listens({ sockets }: UnitStatus, name: string): boolean {
  const own = sockets.find((socket) => socket.name === `${name}.socket`);
  return own === undefined ? sockets.some(({ isActive }) => isActive) : own.isActive;
}

/** The words are those of systemctl(1), is-enabled; for a SysV script it asks chkconfig or what the distribution has. */
async function readEnabled(
  host: ReadonlyHost,
  { enabled: word, fileState, isPulledIn, sockets }: UnitStatus,
  wanted: ServiceState,
): Promise<boolean | 'runtime'> {
  if (wanted.enabled !== true && sockets.some(({ enabled }) => enabled.startsWith('enabled'))) return true;
  switch (word) {
    case 'enabled':
      return true;
    case 'alias':
      // A distribution's alias is there whether or not what it names is enabled.
      return fileState !== 'disabled';
    case 'enabled-runtime':
    case 'linked-runtime':
      return 'runtime';
    case 'indirect':
      return wanted.enabled === true && (await isEnabledIndirectly(host, wanted.name));
    case 'static':
    case 'transient':
    case 'generated':
      return wanted.enabled === true && isPulledIn;
    default:
      return false;
  }
}

function readMasked({ enabled, load }: UnitStatus): boolean | 'runtime' {
  if (enabled === 'masked-runtime') return 'runtime';
  return enabled === 'masked' || load === 'masked';
}

/** A crash-looping unit is active again and again, so a look counts only once it has held for a while. */
function settles(unit: UnitStatus, wanted: ServiceState, uptime: number): boolean {
  if (unit.active === 'deactivating') return wanted.state !== undefined;
  if (wanted.state !== 'started') return false;
  if (unit.active === 'activating') return true;
  if (unit.active !== 'active' || !unit.canCrashLater || unit.activeSince === undefined) return false;
  const age = uptime - unit.activeSince / 1e6;
  return age >= 0 && age < holdTime;
}

async function missingUnit(host: ReadonlyHost, unit: UnitStatus, wanted: ServiceState): Promise<readonly Missing[]> {
  if (unit.load !== 'not-found' || unit.enabled !== '') return [];
  const isNeeded = wanted.enabled === true || (wanted.state === 'started' && !isRunning(unit));
  return isNeeded ? [await missingUnitFile(host, wanted.name)] : [];
}

function warningsOf(unit: FoundUnit, wanted: ServiceState, enabled: boolean | 'runtime'): readonly string[] {
  const { name } = wanted;
  const warnings: string[] = [];
  const { stops } = unit.obstacles;
  if (stops.length > 0) warnings.push(`to start ${name} stops ${stops.join(', ')}, with which it conflicts`);
  if (wanted.state === 'stopped' && unit.starters.length > 0) {
    warnings.push(`${unit.starters.join(', ')} is active and starts ${name} again; stop that too`);
  }
  if (unit.active === 'failed' && wanted.isProvedByOthers.value) {
    warnings.push(`the unit ${name} has failed; 'systemctl status ${name}' says why`);
  }
  if (unit.sub === 'auto-restart' && wanted.state === 'started') {
    warnings.push(`${name} ends as soon as it is started, again and again; 'systemctl status ${name}' says why`);
  }
  if (isLinkUnit(name) && wanted.enabled === undefined && unit.load === 'loaded') {
    if (wanted.state === 'stopped' && enabled === true) {
      warnings.push(`${name} is enabled, so it is back after the next boot; enabled: false keeps it away`);
    }
  }
  return warnings;
}

/** Links that a unit brings up are gone after the next boot where nothing starts the unit then. */
function lockoutReasons(unit: UnitStatus, wanted: ServiceState, enabled: boolean | 'runtime'): readonly string[] {
  const { name } = wanted;
  if (!isLinkUnit(name) || wanted.state !== 'started' || wanted.enabled === true) return [];
  if (enabled === true || unit.load !== 'loaded') return [];
  return [`${name} is not enabled, so its links are gone after the next boot; enabled: true keeps them`];
}

function plan(
  { state, found }: ModuleReading<ServiceState, FoundUnit | undefined>,
  wanted: ServiceState,
  due: readonly Difference[],
): readonly CommandStep[] {
  refuseMasked(state, wanted);
  if (found !== undefined) refuseImpossible(state, found, wanted, due);
  return [
    ...planUnmask(state, wanted),
    ...planEnabled(state, found, wanted),
    ...planState(state, found, wanted, due),
    ...(wanted.masked === true && state.masked !== true ? [systemctl('mask', [], wanted.name)] : []),
  ];
}

function refuseMasked(state: Partial<ServiceState>, { name, masked, state: wanted, enabled }: ServiceState): void {
  if (state.masked === false || state.masked === undefined || masked !== undefined) return;
  if (wanted !== 'started' && enabled !== true) return;
  throw new UnsupportedChangeError(
    `${name} is to be ${wanted === 'started' ? 'started' : 'enabled'} and is masked: its unit file is a link to /dev/null; somebody wanted it off, so only masked: false takes that back`,
  );
}

/** Refuses before the first step what systemd would refuse. @throws UnsupportedChangeError */
function refuseImpossible(
  state: Partial<ServiceState>,
  unit: FoundUnit,
  { name, masked, enabled, state: run }: ServiceState,
  due: readonly Difference[],
): void {
  // A mask hides what the unit below it is like.
  if (state.masked !== false) return;
  const acts = run !== undefined && (run !== state.state || due.length > 0);
  const restarts = acts && run === 'started' && isRunning(unit);
  const reasons = [
    ['masked', masked === true ? whyNotMasked(name, unit.obstacles) : undefined],
    ['enabled', enabled === true && state.enabled !== true ? whyNotEnabled(unit, unit.obstacles) : undefined],
    ['started', acts && run === 'started' ? whyNotStarted(name, unit, unit.obstacles) : undefined],
    ['stopped', (acts && run === 'stopped' && isRunning(unit)) || restarts ? whyNotStopped(unit) : undefined],
  ] as const;
  for (const [what, reason] of reasons) {
    if (reason !== undefined) throw new UnsupportedChangeError(`${name} cannot be ${what}: ${reason}`);
  }
}

function planUnmask(state: Partial<ServiceState>, { name, masked }: ServiceState): readonly CommandStep[] {
  if (masked !== false || state.masked === false) return [];
  return [systemctl('unmask', state.masked === 'runtime' ? ['--runtime'] : [], name)];
}

function planEnabled(
  state: Partial<ServiceState>,
  unit: UnitStatus | undefined,
  { name, enabled, masked }: ServiceState,
): readonly CommandStep[] {
  // A mask hides whether the unit below it is enabled.
  const isHidden = masked === false && state.masked !== false;
  if (enabled === undefined || (enabled === state.enabled && !isHidden)) return [];
  if (enabled === true) {
    // systemctl refuses to enable an alias.
    return [systemctl('enable', [], unit?.enabled === 'alias' ? unit.id : name)];
  }
  return planDisable(name, unit, isHidden);
}

/** Sockets that would start the unit are disabled with it. */
function planDisable(name: string, unit: UnitStatus | undefined, isHidden: boolean): readonly CommandStep[] {
  // An alias is disabled through the unit that it names: without its alias that one would still be enabled.
  const main = {
    name: unit?.enabled === 'alias' ? unit.id : name,
    enabled: isHidden ? 'enabled' : (unit?.enabled ?? ''),
  };
  const all = [...(unit?.sockets ?? []), main];
  const forGood = all.filter(({ enabled }) => enabled === 'enabled' || enabled === 'alias');
  const untilBoot = all.filter(({ enabled }) => enabled === 'enabled-runtime' || enabled === 'linked-runtime');
  return [
    ...(forGood.length === 0 ? [] : [systemctl('disable', [], ...names(forGood))]),
    ...(untilBoot.length === 0 ? [] : [systemctl('disable', ['--runtime'], ...names(untilBoot))]),
  ];
}

function planState(
  state: Partial<ServiceState>,
  unit: UnitStatus | undefined,
  wanted: ServiceState,
  due: readonly Difference[],
): readonly CommandStep[] {
  if (wanted.state === undefined || (wanted.state === state.state && due.length === 0)) return [];
  if (wanted.state === 'stopped') return planStop(unit, wanted.name);
  const reload = unit?.needsReload === true ? [command(['systemctl', 'daemon-reload'])] : [];
  const { name } = wanted;
  return [...reload, ...startSteps(unit, name, due.length > 0, (action) => actionOptions(action, name, [name]))];
}

function planStop(unit: UnitStatus | undefined, name: string): readonly CommandStep[] {
  // Sockets first: one that still listens would start the unit again.
  const sockets = unit?.sockets.filter(({ isActive }) => isActive) ?? [];
  const isUnitRunning = unit === undefined || isRunning(unit);
  const units = [...names(sockets), ...(isUnitRunning ? [name] : [])];
  return [command(['systemctl', 'stop', ...units], actionOptions('stop', name, units))];
}

function actionOptions(action: UnitAction, name: string, units: readonly string[]): Omit<CommandStep, 'kind' | 'argv'> {
  const disrupts = cutsLinks(action, name) ? 'link' : disturbsGuests(action, name) ? 'guest' : undefined;
  const undo = action === 'stop' ? undefined : undoOfLinkUnit(name);
  return {
    timeLimit: actionTimeLimit,
    units,
    ...(disrupts && { disrupts }),
    ...(undo && { undo }),
    ...(isLinkUnit(name) && { judgedBy: 'state' }),
  };
}

function systemctl(verb: string, options: readonly string[], ...units: readonly string[]): CommandStep {
  return command(['systemctl', verb, ...options, ...units], { units });
}

function names(units: readonly { readonly name: string }[]): readonly string[] {
  return units.map(({ name }) => name);
}
