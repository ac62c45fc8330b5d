import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../lib/task/step.ts';
import type { Missing } from '../../lib/task/task.ts';
import { installRemedy, packageFamily } from '../common/packages.ts';
import { isEnabledRule, showRule } from './merge_rules.ts';

/** A socket whose traffic starts a unit. */
export interface SocketStatus {
  readonly name: string;
  readonly isActive: boolean;
  /** Its unit file's state, e.g. `enabled`. */
  readonly enabled: string;
}

/** A unit as systemd sees it. */
export interface UnitStatus {
  /** Its full name; for an alias, that of the unit which it names. */
  readonly id: string;
  /** `loaded`, `not-found`, `masked`, `error`, … */
  readonly load: string;
  /** `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`, … */
  readonly active: string;
  /** The state below that, e.g. `running`, `exited`, `auto-restart`. */
  readonly sub: string;
  /** What `systemctl is-enabled` says; empty when there is no such unit file. */
  readonly enabled: string;
  /** The state of its unit file; for an alias, that of the unit which it names. */
  readonly fileState: string;
  /** True when another unit wants, requires or triggers it, so that a unit without [Install] is started at boot. */
  readonly isPulledIn: boolean;
  /** True when its unit file has changed since systemd read it. */
  readonly needsReload: boolean;
  /** Microseconds since the kernel started at which it became active; undefined when it never did. */
  readonly activeSince: number | undefined;
  /** True when it can die right after a start that was reported as good: systemd waits for no sign of it, or starts it again. */
  readonly canCrashLater: boolean;
  /** The SysV script that the unit stands for. */
  readonly script: string | undefined;
  /** The sockets that start it. */
  readonly sockets: readonly SocketStatus[];
  /** Timers and paths that are active, and so start it again. */
  readonly starters: readonly string[];
  /** Units that this one starts when something happens, as a socket does. */
  readonly triggers: readonly string[];
  /** Units that cannot run together with this one. */
  readonly conflicts: readonly string[];
  /** False when only other units may start it. */
  readonly canStart: boolean;
  /** False when only other units may stop it. */
  readonly canStop: boolean;
  /** True when it is inactive again as soon as it has done its work. */
  readonly endsAtOnce: boolean;
}

/** An action on a unit. */
export type UnitAction = 'start' | 'stop' | 'restart';

const properties = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'Type',
  'Restart',
  'ActiveEnterTimestampMonotonic',
  'NeedDaemonReload',
  'SourcePath',
  'TriggeredBy',
  'WantedBy',
  'RequiredBy',
  'Triggers',
  'Conflicts',
  'CanStart',
  'CanStop',
  'RemainAfterExit',
].join(',');

/** Units that suspend or shut guests down when they stop, or lose the locks on their disks. */
const guestUnits: ReadonlySet<string> = new Set(['libvirt-guests', 'virtlockd']);

/** Tools of the package table that bring a unit of another name. */
const unitTools: Readonly<Record<string, string>> = { NetworkManager: 'nmcli' };

/** Completes a unit's name as systemctl does: `libvirtd` is `libvirtd.service`, `libvirtd.socket` stays. */
export function fullUnitName(name: string): string {
  return /\.(service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$/.test(name)
    ? name
    : `${name}.service`;
}

/** Tells whether an action on a unit disturbs guests. A restarted libvirtd finds its guests running. */
export function disturbsGuests(action: UnitAction, name: string): boolean {
  return guestUnits.has(name) && action !== 'start';
}

/** Tells whether a unit runs, or is about to. */
export function isRunning({ active }: Pick<UnitStatus, 'active'>): boolean {
  return ['active', 'reloading', 'refreshing', 'activating'].includes(active);
}

/**
 * Makes the steps that start a unit, or restart one that runs. `systemctl restart` only starts a unit that has failed or is inactive,
 * and what its script had set up stays: a bridge of the old files, DHCP clients. So the script is told to stop first, past its own
 * redirection to systemctl.
 * @param unit undefined where it is not there yet
 * @param loads whether it is started because it has something to load
 */
export function startSteps(
  unit: UnitStatus | undefined,
  name: string,
  loads: boolean,
  options: (action: UnitAction) => Omit<CommandStep, 'kind' | 'argv'>,
): readonly CommandStep[] {
  if (unit !== undefined && isRunning(unit)) return [command(['systemctl', 'restart', name], options('restart'))];
  const start = command(['systemctl', 'start', name], options('start'));
  if (unit?.script === undefined || !loads) return [start];
  return [command(['env', 'SYSTEMCTL_SKIP_REDIRECT=1', unit.script, 'stop'], options('stop')), start];
}

/**
 * Looks at a unit and the sockets that start it. It starts nothing.
 * @param name the unit's name without `.service`
 * @returns what is missing where systemd cannot be asked
 */
export async function readUnit(host: ReadonlyHost, name: string): Promise<UnitStatus | Missing> {
  const unit = fullUnitName(name);
  const isService = unit.endsWith('.service');
  // Most sockets begin with their service's name; systemctl leaves out a pattern that nothing matches.
  const guess = isService ? [`${name}*.socket`] : [];
  const [shown, enabled, hasScript] = await Promise.all([
    show(host, [unit, ...guess]),
    host.query(['systemctl', 'is-enabled', unit], { mergeRule: isEnabledRule }),
    name === 'network' ? host.exists('/etc/init.d/network') : false,
  ]);
  if ('remedy' in shown) return shown;
  const [main, ...guessed] = shown;
  if (main === undefined) return noSystemd('systemctl gives no answer');
  const triggers = words(main.TriggeredBy).toSorted();
  const unseen = triggers.filter((trigger) => !guessed.some(({ Id }) => Id === trigger));
  const others = unseen.length === 0 ? [] : await show(host, unseen);
  const known = [...guessed, ...('remedy' in others ? [] : others)];
  const word = enabled.stdout.trim().split('\n').at(-1) ?? '';
  // systemd names them in another order each time; a plan that is asked for twice must be the same.
  const starters = triggers.flatMap((trigger) => known.filter(({ Id }) => Id === trigger));
  const isSocket = ({ Id }: Properties): boolean => Id?.endsWith('.socket') ?? false;
  return {
    ...readProperties(main),
    enabled: word === 'not-found' ? '' : word,
    script: initScript(main.SourcePath) ?? (hasScript ? '/etc/init.d/network' : undefined),
    sockets: starters.filter(isSocket).map(readSocket),
    starters: starters.flatMap((each) => (!isSocket(each) && each.ActiveState === 'active' ? (each.Id ?? []) : [])),
  };
}

/**
 * Tells whether everything that a unit names in `Also=` is enabled: a unit whose state is `indirect` is
 * enabled through those (systemctl(1), is-enabled).
 */
export async function isEnabledIndirectly(host: ReadonlyHost, name: string): Promise<boolean> {
  const also = [...(await readUnitFile(host, name)).matchAll(/^\s*Also\s*=(.*)$/gm)].flatMap(([, units]) =>
    words(units),
  );
  const states = await Promise.all(
    also.map((unit) => host.query(['systemctl', 'is-enabled', unit], { mergeRule: isEnabledRule })),
  );
  return states.length > 0 && states.every(({ exitCode }) => exitCode === 0);
}

/** Reads a unit's file with all that is added to it. */
export async function readUnitFile(host: ReadonlyHost, name: string): Promise<string> {
  return (await host.query(['systemctl', 'cat', fullUnitName(name)])).stdout;
}

/** Returns those of some units that run. */
export async function readActiveUnits(host: ReadonlyHost, units: readonly string[]): Promise<readonly string[]> {
  if (units.length === 0) return [];
  const shown = await show(host, units);
  if ('remedy' in shown) return [];
  return shown.flatMap(({ Id, ActiveState = '' }) => (['active', 'reloading'].includes(ActiveState) ? (Id ?? []) : []));
}

/**
 * Names the unit that a file makes, `.service` left out, where systemd finds it: its own directories, and SysV scripts.
 * @returns undefined for a file that makes none
 */
export function unitOfFile(path: string): string | undefined {
  const [, unit, script] =
    /^(?:\/(?:etc|run|lib|usr\/lib|usr\/local\/lib)\/systemd\/system\/([^/]+)|\/etc\/(?:rc\.d\/)?init\.d\/([^/]+))$/.exec(
      path,
    ) ?? [];
  return unit?.replace(/\.service$/, '') ?? script;
}

/** Makes the entry for a unit file that is missing, with the package that may have it. */
export async function missingUnitFile(host: ReadonlyHost, name: string): Promise<Missing> {
  const key = `unit-file:${name}`;
  const what = `there is no unit ${fullUnitName(name)} on the host`;
  if (name === 'network') {
    const remedy =
      'install the network-scripts (EL7: initscripts, EL8: network-scripts); EL9 and later, Fedora and Debian have none';
    return { key, what, remedy };
  }
  return { key, what, remedy: installRemedy(unitTools[name] ?? name, await packageFamily(host)) };
}

type Properties = Readonly<Record<string, string>>;

async function show(host: ReadonlyHost, units: readonly string[]): Promise<readonly Properties[] | Missing> {
  const { exitCode, stdout, stderr } = await host.query(['systemctl', 'show', '-p', properties, ...units], {
    mergeRule: showRule,
  });
  if (exitCode === 127) return noSystemd('there is no systemctl on the host');
  if (exitCode !== 0) return noSystemd(`systemd cannot be asked (${stderr.trim().split('\n').at(0)})`);
  return stdout
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map(parseBlock);
}

function noSystemd(what: string): Missing {
  return {
    key: 'tool:systemctl',
    what,
    remedy:
      'services are managed on hosts that systemd has booted; EL6, and a container without it, are not among them',
  };
}

function parseBlock(block: string): Properties {
  const lines = block.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function readProperties(unit: Properties): Omit<UnitStatus, 'enabled' | 'script' | 'sockets' | 'starters'> {
  const since = Number(unit.ActiveEnterTimestampMonotonic);
  return {
    id: unit.Id ?? '',
    load: unit.LoadState ?? '',
    active: unit.ActiveState ?? '',
    sub: unit.SubState ?? '',
    fileState: unit.UnitFileState ?? '',
    isPulledIn: [unit.WantedBy, unit.RequiredBy, unit.TriggeredBy].some((names) => words(names).length > 0),
    needsReload: unit.NeedDaemonReload === 'yes',
    triggers: words(unit.Triggers),
    conflicts: words(unit.Conflicts),
    canStart: unit.CanStart !== 'no',
    canStop: unit.CanStop !== 'no',
    endsAtOnce: unit.Type === 'oneshot' && unit.RemainAfterExit === 'no',
    activeSince: since > 0 ? since : undefined,
    canCrashLater:
      ['simple', 'exec', 'idle'].includes(unit.Type ?? '') || !['no', '', undefined].includes(unit.Restart),
  };
}

function readSocket(unit: Properties): SocketStatus {
  return {
    name: unit.Id ?? '',
    isActive: unit.ActiveState === 'active',
    enabled: unit.UnitFileState ?? '',
  };
}

function initScript(sourcePath: string | undefined): string | undefined {
  return sourcePath !== undefined && /^\/etc\/(rc\.d\/)?init\.d\/[^/]+$/.test(sourcePath) ? sourcePath : undefined;
}

function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
