import * as v from 'valibot';
import { ArgumentError, PlaybookError } from '../errors.ts';
import { nearest } from './nearest.ts';
import { shown } from './option_types.ts';

/** The options that every task takes beside its module's arguments; see `TaskOptions`. */
const taskOptions: ReadonlySet<string> = new Set([
  ...['reflects', 'disrupts', 'provides', 'loadedLater', 'tags'],
  ...['when', 'mayFail', 'retry', 'until', 'timeLimit', 'become'],
]);

/**
 * Validates a module's arguments against its schema (use `v.strictObject`, so that unknown ones are errors).
 * A message of a schema's own check may name the argument's place by itself; others get it put in front.
 * @param module the module's name, for the message
 * @throws ArgumentError that lists everything that is wrong; PlaybookError where the name is no text or the schema is none
 */
export function parseArguments<Schema extends v.GenericSchema>(
  module: string,
  schema: Schema,
  args: unknown,
): v.InferOutput<Schema> {
  refuseWrongCall(module, schema);
  // The first thing that is wrong with an argument is enough: what breaks one rule often breaks the next as well.
  const result = v.safeParse(schema, withoutTaskOptions(args), { abortPipeEarly: true });
  if (result.success) return result.output;
  throw new ArgumentError(`${module}: ${result.issues.map((issue) => describeIssue(issue, schema)).join('; ')}`);
}

/**
 * Refuses arguments beside which others have no effect: who names them expects something else.
 * @param module the module's name, for the message
 * @param args arguments that mean nothing; those that are undefined were not given
 * @param beside what takes their meaning, e.g. `state: 'absent'`
 * @throws ArgumentError that names those that were given
 */
export function refuseIdle(module: string, args: Readonly<Record<string, unknown>>, beside: string): void {
  const given = Object.entries(args).flatMap(([name, value]) => (value === undefined ? [] : [`'${name}'`]));
  if (given.length === 0) return;
  const [mean, them] = given.length === 1 ? ['means', 'it'] : ['mean', 'them'];
  throw new ArgumentError(`${module}: ${given.join(', ')} ${mean} nothing beside ${beside}; leave ${them} out`);
}

/**
 * Schema of a one-line text: not empty, without line breaks and other control characters.
 * @param what names it in the message, e.g. `a bridge's name`
 */
export function line(what: string): v.GenericSchema<string> {
  return v.pipe(
    v.string(),
    v.nonEmpty(`${what} is empty`),
    v.check((text) => !hasControlCharacter(text), found(`${what} must be one line without control characters`)),
  );
}

/** Bytes that Linux gives a name and a whole path (limits.h; a path ends with a NUL). */
const [longestName, longestPath] = [255, 4095];

/** Schema of an absolute path that no tool takes for an option; `.`, `..`, doubled slashes and what is too long are refused. */
export function absolutePath(what: string): v.GenericSchema<string> {
  return v.pipe(
    line(what),
    v.regex(
      /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/,
      found(`${what} must be an absolute path without '.', '..' or doubled slashes`),
    ),
    v.check(
      (path) => Math.max(...path.split('/').map(bytesOf)) <= longestName && bytesOf(path) <= longestPath,
      ({ input }) =>
        `${what} has names of at most ${longestName} bytes, and at most ${longestPath} in all; ${String(input).slice(0, 40)}… is too long`,
    ),
  );
}

/**
 * Makes a message for a schema's check that says what was found; not for a secret.
 * @param rule what must be, e.g. `the MTU is a whole number`
 */
export function found(rule: string): (issue: { readonly input: unknown }) => string {
  return ({ input }) => `${rule}, and is ${JSON.stringify(input)}`;
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
  return Object.fromEntries(Object.entries(args).filter(([key]) => !taskOptions.has(key)));
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

/** The dotted path of what is wrong. Items of lists are counted from 1, as in differences. */
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
    const close = nearest(name, knownKeys(schema));
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

/** What valibot's types are called in a site. */
const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object',
  Function: 'a function',
  Promise: 'a promise',
};

/** Reads valibot's `("a" | "b" | "c")` out. */
function inWords(expected: string): string {
  return expected
    .replace(/^\((.*)\)$/, '$1')
    .split(' | ')
    .map((type) => typeWords[type] ?? type)
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' or ');
}

function knownKeys(schema: v.GenericSchema): readonly string[] {
  return 'entries' in schema && typeof schema.entries === 'object' && schema.entries !== null
    ? Object.keys(schema.entries)
    : [];
}
