import { PlaybookError } from '../errors.ts';
import { refuseUnknownKeys } from '../validation/known_keys.ts';
import { nearest } from '../validation/nearest.ts';
import { isTask, type OptionType, refuseWrongTypes, shown } from '../validation/option_types.ts';
import { checkProvisions } from './provision.ts';
import { disruptions } from './step.ts';
import type { Task, TaskOptions } from './task.ts';

type OptionName = keyof TaskOptions;

/** The {@link OptionType} of a TypeScript type. */
type OptionTypeOf<Value> = Value extends boolean
  ? 'boolean'
  : Value extends number
    ? 'number'
    : Value extends (...args: never) => unknown
      ? 'function'
      : Value extends readonly string[]
        ? 'texts'
        : Value extends readonly unknown[]
          ? 'list'
          : 'object';

/** The value of an option where a task leaves it out: {@link Task} says whether there is one. */
type DefaultOf<Name> = Name extends keyof Task ? Task[Name] : undefined;

interface OptionRow<Name extends OptionName> {
  readonly type: OptionTypeOf<NonNullable<TaskOptions[Name]>>;
  readonly default: DefaultOf<Name>;
  /** Refuses values of the right type that make no sense. @throws PlaybookError */
  readonly check?: (options: TaskOptions) => void;
}

type OptionTable = { readonly [Name in OptionName]-?: OptionRow<Name> };

/**
 * The options that every task takes: the names, types and defaults. {@link TaskOptions} documents them; the compiler refuses this
 * table where the two differ.
 */
const taskOptions: OptionTable = {
  reflects: { type: 'list', default: [], check: checkReflects },
  disrupts: { type: 'texts', default: [] },
  provides: { type: 'texts', default: [], check: ({ provides = [] }) => checkProvisions(provides) },
  loadedLater: { type: 'boolean', default: false },
  tags: { type: 'texts', default: [] },
  when: { type: 'function', default: undefined },
  mayFail: { type: 'boolean', default: false },
  retry: { type: 'object', default: undefined, check: checkRetry },
  until: { type: 'function', default: undefined },
  timeLimit: { type: 'number', default: undefined, check: checkTimeLimit },
  become: { type: 'boolean', default: undefined },
};

/** Names of the options that every task takes, in the order of the documentation. */
export const taskOptionNames: readonly string[] = Object.keys(taskOptions);

/** Tells whether an argument of a task is an option that every task takes. */
export function isTaskOption(name: string): boolean {
  return Object.hasOwn(taskOptions, name);
}

/** Returns the value of a task's option, or its default. */
export function optionOf<State, Name extends OptionName>(
  options: TaskOptions<State>,
  name: Name,
): NonNullable<TaskOptions<State>[Name]> | OptionTable[Name]['default'] {
  return options[name] ?? taskOptions[name].default;
}

/**
 * Refuses options of a task that have another type than they must, and values that make no sense. An unknown option is an unknown
 * argument of the module, which `parseArguments` refuses.
 * @param module the module's name, for the message
 * @throws PlaybookError
 */
export function checkTaskOptions(module: string, options: TaskOptions): void {
  const rows: Readonly<Record<string, { type: OptionType; check?: (options: TaskOptions) => void }>> = taskOptions;
  // Before the types, whose message repeats a text that is given in place of a list as the example of one.
  checkDisrupts(options);
  const types = Object.entries(rows).map(([name, { type }]) => [name, type] as const);
  refuseWrongTypes(module, options, Object.fromEntries(types));
  for (const { check } of Object.values(rows)) check?.(options);
}

function checkReflects({ reflects = [] }: TaskOptions): void {
  const odd: readonly unknown[] = reflects.filter((each) => !isTask(each));
  if (odd.length === 0) return;
  const [first] = odd;
  const variable = typeof first === 'string' && /^[A-Za-z_]\w*$/.test(first) ? first : 'bridge';
  throw new PlaybookError(
    `'reflects' holds ${shown(first)}, and takes tasks: write the variable of an earlier task, without quotes, e.g. reflects: [${variable}]`,
  );
}

/** A word that no step asks for would be passed over, and the task refused later on. */
function checkDisrupts({ disrupts }: TaskOptions): void {
  const known = Object.keys(disruptions);
  const given: readonly unknown[] = [disrupts].flat();
  for (const word of given) {
    if (typeof word !== 'string' || known.includes(word)) continue;
    const close = nearest(word, known);
    const hint = close === undefined ? '' : `; did you mean '${close}'?`;
    throw new PlaybookError(`'disrupts' has no word ${shown(word)}; there are ${known.join(', ')}${hint}`);
  }
}

function checkRetry({ retry }: TaskOptions): void {
  if (retry !== undefined) refuseUnknownKeys('retry', retry, ['attempts', 'interval']);
  const { attempts = 1, interval = 0 } = retry ?? {};
  if (!(Number.isInteger(attempts) && attempts > 0)) {
    throw new PlaybookError(`'retry.attempts' is a whole number from 1 on, and is ${attempts}`);
  }
  if (!(interval >= 0)) throw new PlaybookError(`'retry.interval' is a number of seconds, and is ${interval}`);
}

function checkTimeLimit({ timeLimit }: TaskOptions): void {
  if (timeLimit !== undefined && !(Number.isInteger(timeLimit) && timeLimit > 0)) {
    throw new PlaybookError(`'timeLimit' is a whole number of seconds from 1 on, and is ${timeLimit}`);
  }
}
