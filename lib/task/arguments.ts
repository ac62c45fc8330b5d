import * as v from 'valibot';
import { ArgumentError, PlaybookError } from '../errors.ts';
import { nearest } from '../validation/nearest.ts';
import { shown } from '../validation/option_types.ts';
import { isTaskOption } from './task_options.ts';

/**
 * Validates a module's arguments with its schema. The options that every task takes are passed over. Use `v.strictObject`, so
 * that an unknown argument is an error.
 * @param module the module's name, for the message
 * @returns the arguments with the schema's defaults and transformations
 * @throws ArgumentError that lists every wrong argument; PlaybookError where the name is no text or the schema is none
 */
export function parseArguments<Schema extends v.GenericSchema>(
  module: string,
  schema: Schema,
  args: unknown,
): v.InferOutput<Schema> {
  refuseWrongCall(module, schema);
  // One error for each argument is enough: a value that breaks one rule often breaks the next as well.
  const result = v.safeParse(schema, withoutTaskOptions(args), { abortPipeEarly: true });
  if (result.success) return result.output;
  throw new ArgumentError(`${module}: ${result.issues.map((issue) => describeIssue(issue, schema)).join('; ')}`);
}

/**
 * Refuses arguments that have no effect because of another one.
 * @param module the module's name, for the message
 * @param args the arguments without effect; one that is undefined was not given
 * @param beside the other argument, e.g. `state: 'absent'`
 * @throws ArgumentError that names the given ones
 */
export function refuseIdle(module: string, args: Readonly<Record<string, unknown>>, beside: string): void {
  const given = Object.entries(args).flatMap(([name, value]) => (value === undefined ? [] : [`'${name}'`]));
  if (given.length === 0) return;
  const [mean, them] = given.length === 1 ? ['means', 'it'] : ['mean', 'them'];
  throw new ArgumentError(`${module}: ${given.join(', ')} ${mean} nothing beside ${beside}; leave ${them} out`);
}

/** Callers without types may pass anything. A schema that answers later (`v.pipeAsync`) has no result that could be returned. */
function refuseWrongCall(module: unknown, schema: unknown): void {
  const takes = 'parseArguments takes the name of a module, a schema of valibot, and the arguments';
  if (typeof module !== 'string') throw new PlaybookError(`${takes}; the name is ${shown(module)}`);
  if (typeof schema === 'object' && schema !== null && '~run' in schema && 'async' in schema && !schema.async) return;
  const isAsync = typeof schema === 'object' && schema !== null && 'async' in schema && schema.async === true;
  const found = isAsync ? 'an asynchronous one, which is not supported' : shown(schema);
  throw new PlaybookError(`${takes}; the schema is ${found}`);
}

function withoutTaskOptions(args: unknown): unknown {
  if (typeof args !== 'object' || args === null) return args;
  return Object.fromEntries(Object.entries(args).filter(([key]) => !isTaskOption(key)));
}

/** The dotted path of the wrong value. Items of lists are counted from 1, as in differences. */
function pathOf({ path }: v.BaseIssue<unknown>): string | null {
  const keys = (path ?? []).map(({ type, key }) =>
    type === 'array' && typeof key === 'number' ? key + 1 : String(key),
  );
  return keys.length === 0 ? null : keys.join('.');
}

function describeIssue(issue: v.BaseIssue<unknown>, schema: v.GenericSchema): string {
  const path = pathOf(issue);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const name = path ?? String(issue.input);
    const close = nearest(name, argumentNames(schema));
    return `there is no argument '${name}'${close === undefined ? '' : `; did you mean '${close}'?`}`;
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `the argument '${path}' is missing`;
  const { expected, received, message } = issue;
  if (message === `Invalid type: Expected ${expected} but received ${received}`) {
    const given = path === null ? 'its arguments are' : `'${path}' is`;
    return `${given} ${typeWords[received] ?? received}, and must be ${inWords(expected ?? 'something else')}`;
  }
  return path === null ? message : `'${path}': ${message}`;
}

/** Names of valibot's types in messages. */
const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object',
  Function: 'a function',
  Promise: 'a promise',
};

/** Turns valibot's `("a" | "b" | "c")` into a sentence's `"a", "b" or "c"`. */
function inWords(expected: string): string {
  return expected
    .replace(/^\((.*)\)$/, '$1')
    .split(' | ')
    .map((type) => typeWords[type] ?? type)
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' or ');
}

/** Names of the arguments that a schema knows. */
export function argumentNames(schema: v.GenericSchema): readonly string[] {
  return 'entries' in schema && typeof schema.entries === 'object' && schema.entries !== null
    ? Object.keys(schema.entries)
    : [];
}
