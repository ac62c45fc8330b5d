import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { PlayEvent } from '../../lib/events/events.ts';
import { jsonReporter } from '../../lib/reporters/json.ts';

/** The schema that the package ships. */
export const schema: object = JSON.parse(
  readFileSync(new URL('../../lib/reporters/events.schema.json', import.meta.url), 'utf8'),
);

/** Strict, so that a keyword that does nothing is an error. All errors are kept: the first one is seldom of the right kind of event. */
const ajv = new Ajv2020({ strict: true, allErrors: true });

/** Readers are told that fields may be added; what this very version writes is held against the fields that it says it has. */
ajv.addSchema(closed(schema));

/** Compiled when it is first asked for: most files of tests that can show a stream show none in most of their tests. */
function eventValidator(): ValidateFunction {
  const validate = ajv.getSchema('urn:kvm-play:events:1');
  if (validate === undefined) throw new Error('the schema of events has another $id');
  return validate;
}

/** Holds lines of `--json` against the schema. @returns what is wrong, by line */
export function schemaErrors(stream: string): readonly string[] {
  const isEvent = eventValidator();
  return stream
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const event = parsed(line);
      const type = typeOf(event);
      if (isEvent(event)) return [];
      // What the definition of this very type has to say is worth more than what all others have.
      const isOfType = ajv.getSchema(`urn:kvm-play:events:1#/$defs/${type}`);
      const errors = (isOfType?.(event) === false ? isOfType : isEvent).errors ?? [];
      const words = errors.map(({ instancePath, message, params }) => {
        return `${instancePath} ${message} ${JSON.stringify(params)}`;
      });
      return [`${line}\n  ${words.join('\n  ')}`];
    });
}

function typeOf(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
}

/** Shows events as `--json` does. @throws Error when they do not fit the schema */
export function jsonStream(events: readonly PlayEvent[]): string {
  let stream = '';
  const report = jsonReporter((line) => {
    stream += line;
  });
  for (const event of events) report(event);
  const errors = schemaErrors(stream);
  if (errors.length > 0) throw new Error(errors.join('\n'));
  return stream;
}

/** Reads what `--json` has printed; what errors are is JSON there. */
export function jsonEvents(stream: string): readonly PlayEvent[] {
  return stream
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

/** Closes every object whose properties the schema lists. */
function closed(part: unknown): object {
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside);
    return typeof value === 'object' && value !== null ? closed(value) : value;
  };
  const entries = Object.entries(Object(part)).map(([key, value]) => [key, inside(value)] as const);
  const isRecord =
    entries.some(([key]) => key === 'required' || key === 'properties') && entries.some(([key]) => key === 'type');
  return Object.fromEntries(isRecord ? [...entries, ['additionalProperties', false]] : entries);
}
