import type * as v from 'valibot';
import { KvmPlayError, PlaybookError } from '../errors.ts';
import type { Host } from '../hosts/host.ts';
import type { ReadonlyArguments } from '../task/argument_types.ts';
import { argumentNames, parseArguments } from '../task/arguments.ts';
import { callerLocation } from '../task/location.ts';
import type { Task, TaskOptions, TaskResult } from '../task/task.ts';
import { isTaskOption } from '../task/task_options.ts';
import { fromUser } from '../task/user_code.ts';
import { type OptionType, refuseNonObject, refuseWrongTypes } from '../validation/option_types.ts';
import { applyTask } from './apply_task.ts';
import { checkTask } from './check_task.ts';
import type { ModuleBody, ModuleDefinition, PlainModuleDefinition } from './module_spec.ts';
import { newTask } from './new_task.ts';

/** A module as sites and programs use it. A call makes a task for a play; `check` and `apply` work on one host at once. */
export interface Module<Args extends object, State extends object = object> {
  /** Makes a task. @throws ArgumentError at the caller's line */
  (args: Args & TaskOptions<State>): Task<State>;
  /** Makes a task with a title of its own. @throws ArgumentError at the caller's line */
  (title: string, args: Args & TaskOptions<State>): Task<State>;
  /** The module's name in snake_case. */
  readonly module: string;
  /** Returns what `apply` would do to a host, and changes nothing. */
  check(host: Host, args: Args & TaskOptions<State>): Promise<TaskResult<State>>;
  /** Brings a host to the desired state. @throws KvmPlayError */
  apply(host: Host, args: Args & TaskOptions<State>): Promise<TaskResult<State>>;
}

/**
 * Makes a module. All types are inferred from the schema of its arguments and from `read`.
 *
 * @example
 * ```ts
 * export const hostname = defineModule({
 *   name: 'hostname',
 *   args: v.strictObject({ name: line('the name') }),
 *   subject: ({ name }) => name,
 *   read: async (host) => ({ state: { name: await host.text(['hostname']) } }),
 *   plan: (_reading, { name }) => [command(['hostnamectl', 'set-hostname', name])],
 * });
 * ```
 */
export function defineModule<Args extends object, Parsed extends object, Found = undefined>(
  definition: PlainModuleDefinition<Args, Parsed, Found>,
): Module<ReadonlyArguments<Args>, ReadonlyArguments<Parsed>>;
/** Makes a module whose desired state is made of the arguments by `desired`. */
export function defineModule<
  Parsed extends object,
  State extends object,
  Found = undefined,
  Args extends object = Parsed,
>(definition: ModuleDefinition<Parsed, State, Found, Args>): Module<ReadonlyArguments<Args>, State>;
export function defineModule(spec: AnyDefinition): Module<object, object> {
  fromUser({ title: 'defineModule', location: callerLocation() }, () => refuseIncomplete(spec));
  function makeTask(
    first: string | (object & TaskOptions<object>),
    second?: object & TaskOptions<object>,
  ): Task<object> {
    const [title, args] = typeof first === 'string' ? [first, second] : [undefined, first];
    const location = callerLocation();
    try {
      refuseNonObject(spec.name, args, 'arguments');
      return newTask(spec, { title, args, location, desired: () => desiredBy(spec, args) });
    } catch (error) {
      if (error instanceof KvmPlayError) error.at({ task: title ?? spec.name, location });
      throw error;
    }
  }
  return Object.assign(makeTask, {
    module: spec.name,
    check: async (host: Host, args: object) => checkTask(host, makeTask(args)),
    apply: async (host: Host, args: object) => applyTask(host, makeTask(args)),
  });
}

/** A {@link ModuleDefinition} whose types don't matter any more. */
interface AnyDefinition extends ModuleBody<object, unknown> {
  readonly args?: v.GenericSchema<object, object>;
  readonly desired?: ((args: object, options: TaskOptions) => object) | undefined;
}

function desiredBy(spec: AnyDefinition, args: object): object {
  const validated = spec.args === undefined ? args : parseArguments(spec.name, spec.args, args);
  return spec.desired === undefined ? validated : spec.desired(validated, args);
}

const requiredParts = { name: 'text', subject: 'function', read: 'function', plan: 'function' } as const;

/** Refuses what lacks a part of a module. @throws PlaybookError */
function refuseIncomplete(spec: AnyDefinition): void {
  refuseNonObject('defineModule', spec);
  const parts: Readonly<Record<string, OptionType>> = { ...requiredParts, args: 'object', desired: 'function' };
  refuseWrongTypes('defineModule', spec, parts, [...Object.keys(requiredParts), ...(spec.args ? [] : ['desired'])]);
  if (spec.args === undefined) return;
  if (!('~run' in spec.args) || spec.args.async) {
    const wanted = "a schema of valibot that needs no waiting, e.g. v.strictObject({ name: line('the name') })";
    throw new PlaybookError(`defineModule: 'args' must be ${wanted}`);
  }
  if (spec.args.type === 'object' || spec.args.type === 'loose_object') {
    throw new PlaybookError(
      `defineModule: the schema of ${spec.name} passes over unknown arguments, so that a mistyped one would be lost; write v.strictObject`,
    );
  }
  const taken = argumentNames(spec.args).find(isTaskOption);
  if (taken !== undefined) {
    throw new PlaybookError(
      `defineModule: ${spec.name} has an argument '${taken}', which is an option of every task; take another name`,
    );
  }
}
