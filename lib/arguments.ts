import * as v from 'valibot';
import { ArgumentError } from './errors.ts';
import { nearest } from './nearest.ts';

/** The options that every task takes beside its module's arguments; see `TaskOptions`. */
const taskOptions: ReadonlySet<string> = new Set(['reflects', 'disrupts', 'loadedLater']);

/**
 * Validates a module's arguments against its schema (use `v.strictObject`, so that unknown ones are errors).
 * A message of a schema's own check may name the argument's place by itself; others get it put in front.
 * @param module the module's name, for the message
 * @throws ArgumentError that lists everything that is wrong
 */
export function parseArguments<Schema extends v.GenericSchema>(
  module: string,
  schema: Schema,
  args: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, withoutTaskOptions(args));
  if (result.success) return result.output;
  throw new ArgumentError(`${module}: ${result.issues.map((issue) => describeIssue(issue, schema)).join('; ')}`);
}

/**
 * Schema of a one-line text: not empty, without line breaks and other control characters.
 * @param what names it in the message, e.g. `a bridge's name`
 */
export function line(what: string): v.GenericSchema<string> {
  return v.pipe(
    v.string(),
    v.nonEmpty(`${what} is empty`),
    v.check(
      (text) => !hasControlCharacter(text),
      (issue) => `${what} must be one line without control characters, and is ${JSON.stringify(issue.input)}`,
    ),
  );
}

function withoutTaskOptions(args: unknown): unknown {
  if (typeof args !== 'object' || args === null) return args;
  return Object.fromEntries(Object.entries(args).filter(([key]) => !taskOptions.has(key)));
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

function describeIssue(issue: v.BaseIssue<unknown>, schema: v.GenericSchema): string {
  const path = v.getDotPath(issue);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const name = path ?? String(issue.input);
    const close = nearest(name, knownKeys(schema));
    return `there is no argument '${name}'${close === undefined ? '' : `; did you mean '${close}'?`}`;
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `the argument '${path}' is missing`;
  return path === null ? issue.message : `'${path}': ${issue.message}`;
}

function knownKeys(schema: v.GenericSchema): readonly string[] {
  return 'entries' in schema && typeof schema.entries === 'object' && schema.entries !== null
    ? Object.keys(schema.entries)
    : [];
}
