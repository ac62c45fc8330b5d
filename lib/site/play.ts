import { type Location, PlaybookError } from '../errors.ts';
import type { HostReference } from '../inventory/inventory.ts';
import type { Value, Values } from '../inventory/values.ts';
import { callerLocation } from '../task/location.ts';
import type { Task } from '../task/task.ts';
import { fromUser } from '../task/user_code.ts';
import { refuseUnknownKeys } from '../validation/known_keys.ts';
import { nearest } from '../validation/nearest.ts';
import { refuseOtherItems, refuseWrongTypes, shown } from '../validation/option_types.ts';
import { refuseUnwritable } from '../validation/texts.ts';
import { type PlayItem, tasksOf } from './play_items.ts';

/** What a play is made of. */
export interface PlayOptions<V extends Values> {
  /** Shown above the play's tasks. */
  readonly name: string;
  /**
   * Hosts as `[user@]name[:port]`, as objects, or from an inventory. If the run has an inventory, texts are names and patterns in it.
   * Default: all hosts of the run's inventory; without one, `localhost`, which is this machine without SSH.
   */
  readonly hosts?: readonly HostReference[];
  /** Become root by sudo if the user is not root. Default false. */
  readonly become?: boolean;
  /** Variables with their defaults; `-e name=value` overrides them. */
  readonly vars?: V;
  /** The tasks and network changes in order, or a function of the variables that makes them. */
  readonly tasks: readonly PlayItem[] | ((vars: V) => readonly PlayItem[]);
}

const playMark: unique symbol = Symbol.for('kvm-play.play');

/** A play: hosts, and the tasks to run on them in order. */
export interface Play {
  readonly [playMark]: true;
  readonly name: string;
  /** undefined if the play names none. */
  readonly hosts: readonly HostReference[] | undefined;
  readonly become: boolean;
  readonly vars: Values;
  readonly location: Location | undefined;
  /**
   * Makes the tasks.
   * @param values replace the variables' defaults; names that the play does not have are ignored
   * @throws ArgumentError, PlaybookError at the user's line
   */
  build(values?: Values): readonly PlayItem[];
}

/**
 * Makes a play. A site exports one, or a list of them, as its default.
 *
 * @example
 * ```ts
 * export default play({
 *   name: 'Forward packets',
 *   hosts: ['root@kvm1.example.org'],
 *   vars: { forward: 1 },
 *   tasks: (vars) => [sysctl({ values: { 'net.ipv4.ip_forward': vars.forward } })],
 * });
 * ```
 */
export function play<V extends Values = Record<never, Value>>(options: PlayOptions<V>): Play {
  const location = callerLocation();
  fromUser({ title: 'play', location }, () => checkOptions(options));
  const { name, hosts, become = false, tasks } = options;
  const defaults: Values = options.vars ?? {};
  return {
    [playMark]: true,
    name,
    hosts,
    become,
    vars: defaults,
    location,
    build: (values = {}) =>
      fromUser({ title: `play '${name}'`, location }, () => {
        const made = typeof tasks === 'function' ? tasks(withValues(options.vars, values)) : tasks;
        refuseOtherItems('play', made);
        checkTasks(tasksOf(made));
        return made;
      }),
  };
}

/** Running a site does not check its types. */
function checkOptions(options: Omit<PlayOptions<Values>, 'tasks'>): void {
  refuseUnknownKeys('play', options, ['name', 'hosts', 'become', 'vars', 'tasks']);
  const types = { name: 'text', hosts: 'list', become: 'boolean', vars: 'object' } as const;
  refuseWrongTypes('play', options, types, ['name']);
  refuseUnwritable('play', { name: options.name, hosts: options.hosts });
  if (options.name.trim() === '') throw new PlaybookError("play: 'name' is empty; reports show it above the tasks");
  if (!('tasks' in options))
    throw new PlaybookError(`play '${options.name}': 'tasks' is missing, and must be a list of tasks`);
  if (options.hosts?.length === 0) {
    throw new PlaybookError(
      `play '${options.name}': 'hosts' is an empty list, so that nothing would be done; leave it out for all hosts of the inventory (-i), or for this machine where there is none`,
    );
  }
  for (const host of options.hosts ?? []) {
    if (typeof host !== 'string' && (typeof host !== 'object' || host === null)) {
      throw new PlaybookError(`play: a host is ${shown(host)}, and must be a text such as 'root@kvm1', or an object`);
    }
    if (typeof host === 'object' && !('spec' in host)) {
      refuseUnknownKeys(`host '${host.name}'`, host, ['name', 'user', 'port', 'privateKey', 'alias']);
      const parts = { name: 'text', user: 'text', port: 'number', privateKey: 'text', alias: 'text' } as const;
      refuseWrongTypes(`host '${host.name}'`, host, parts, ['name']);
    }
  }
  for (const [name, value] of Object.entries(options.vars ?? {})) {
    if (['string', 'number', 'boolean'].includes(typeof value)) continue;
    throw new PlaybookError(
      `play: the variable '${name}' is ${JSON.stringify(value)}, and must be a text, a number, true or false; what is none of these is a constant of the site`,
    );
  }
}

/** Tells whether something is a play, whichever copy of the library made it. */
export function isPlay(value: unknown): value is Play {
  return typeof value === 'object' && value !== null && playMark in value;
}

/** Chooses among a host's values those that are for variables of a play; an inventory may hold many others. */
export function valuesFor({ vars }: Play, values: Readonly<Record<string, unknown>>): Values {
  return Object.fromEntries(
    Object.keys(vars).flatMap((name) => {
      const value = values[name];
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, value]]
        : [];
    }),
  );
}

/**
 * Refuses given values whose names no play has as a variable.
 * @throws PlaybookError that names the nearest right one
 */
export function checkNames(plays: readonly Play[], values: Values): void {
  const known = plays.flatMap(({ vars }) => Object.keys(vars));
  for (const name of Object.keys(values)) {
    if (known.includes(name)) continue;
    const close = nearest(name, known);
    const hint = close === undefined ? `it has ${known.join(', ') || 'none'}` : `did you mean '${close}'?`;
    throw new PlaybookError(`the site has no variable '${name}'; ${hint}`);
  }
}

/** Law 5: what a task writes for others to load is loaded by a later task of the play, or says that it is for later. */
function checkTasks(tasks: readonly Task[]): void {
  for (const [index, task] of tasks.entries()) {
    for (const reflected of task.reflects) {
      if (!tasks.slice(0, index).includes(reflected)) {
        throw new PlaybookError(`it reflects '${reflected.title}', which is no earlier task of the play`).at(
          placeOf(task),
        );
      }
      if (reflected.isUnknowable) {
        throw new PlaybookError(
          `it reflects '${reflected.title}', and it cannot be known whether that task changes anything: it would load on every run; let that task say how to tell that it is done ('creates', 'removes', 'unless' or 'onlyIf' of a command)`,
        ).at(placeOf(task));
      }
    }
    if (task.inForce === undefined || task.loadedLater) continue;
    if (!tasks.slice(index + 1).some(({ reflects }) => reflects.includes(task))) {
      throw new PlaybookError(
        'what it writes takes effect only when something loads it, and no later task does; let one say `reflects: [...]`, or this one `loadedLater: true`',
      ).at(placeOf(task));
    }
  }
}

function placeOf({ title, location }: Task): { task: string; location: Location | undefined } {
  return { task: title, location };
}

function withValues<V extends Values>(defaults: V | undefined, values: Values): V {
  const merged: Record<string, Value> = {};
  for (const [name, value] of Object.entries(defaults ?? {})) merged[name] = inTypeOf(name, value, values[name]);
  if (!hasTypesOf(defaults, merged)) throw new PlaybookError('the variables lost their types');
  return merged;
}

function hasTypesOf<V extends Values>(defaults: V | undefined, values: Values): values is V {
  return Object.entries(defaults ?? {}).every(([name, value]) => typeof values[name] === typeof value);
}

/** Reads a given value in the type of the variable's default. */
function inTypeOf(name: string, fallback: Value, given: Value | undefined): Value {
  if (given === undefined || typeof given === typeof fallback) return given ?? fallback;
  const wrong = new PlaybookError(
    `the variable '${name}' is a ${typeof fallback} (${JSON.stringify(fallback)}), and was given ${JSON.stringify(given)}${typeof fallback === 'boolean' ? '; write true or false' : ''}`,
  );
  if (typeof fallback === 'string') return String(given);
  if (typeof given !== 'string') throw wrong;
  if (typeof fallback === 'number') {
    if (given.trim() === '' || !Number.isFinite(Number(given))) throw wrong;
    return Number(given);
  }
  if (given !== 'true' && given !== 'false') throw wrong;
  return given === 'true';
}
