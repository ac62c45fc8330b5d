import { expect, test } from '@jest/globals';
import { interfaceOf, literalOf, propertiesOf, unionOf } from '../../support/declarations.ts';
import { jsonStream, schema, schemaErrors } from '../../support/json_stream.ts';

interface Definition {
  readonly properties: object;
}

const { $defs: definitions }: { $defs?: Record<string, Definition> } = schema;

const propertiesIn = (name: string): readonly string[] => Object.keys(definitions?.[name]?.properties ?? {}).sort();

test('it has every event with its fields, and no other', () => {
  const events = unionOf('PlayEvent', 'lib/events/events.ts');
  expect(events.length).toBeGreaterThan(5);
  for (const members of events) {
    const type = literalOf(members, 'type') ?? '';
    expect([type, ...propertiesIn(type)]).toEqual([type, ...['version', ...propertiesOf(members)].sort()]);
  }
  const { oneOf = [] }: { oneOf?: readonly { $ref: string }[] } = schema;
  expect(oneOf.map(({ $ref }) => $ref)).toEqual(events.map((members) => `#/$defs/${literalOf(members, 'type')}`));
});

test.each([
  ['task', 'TaskName', 'lib/events/events.ts'],
  ['plan', 'ChangePlan', 'lib/events/events.ts'],
  ['summary', 'Summary', 'lib/events/events.ts'],
  ['counts', 'HostSummary', 'lib/events/events.ts'],
  ['difference', 'Difference', 'lib/task/diff.ts'],
  ['location', 'Location', 'lib/errors.ts'],
  ['undo', 'Undo', 'lib/task/step.ts'],
])("'%s' has what %s has", (definition, name, path) => {
  expect(propertiesIn(definition)).toEqual([...interfaceOf(name, [path])].sort());
});

test.each([
  ['command', 'CommandStep', 'lib/task/step.ts', ['stdin', 'secret']],
  ['result', 'TaskResult', 'lib/task/task.ts', ['before', 'after']],
])("'%s' has what %s has, but for what is not shown", (definition, name, path, hidden) => {
  const shown = interfaceOf(name, [path]).filter((each) => !hidden.includes(each));
  expect(propertiesIn(definition)).toEqual([...shown].sort());
});

test('a line that does not fit is named, with what is wrong', () => {
  const line = jsonStream([{ type: 'run-start', check: true }]);
  expect(schemaErrors(line)).toEqual([]);
  expect(schemaErrors(line.replace('true', '1'))).toEqual([expect.stringContaining('/check must be boolean')]);
  expect(schemaErrors(line.replace('"check"', '"chekc"'))).toEqual([expect.stringContaining('chekc')]);
  expect(schemaErrors(line.replace('"version":1', '"version":2'))).toHaveLength(1);
  expect(schemaErrors('{"version":1,"type":"other"}\nno JSON\n')).toHaveLength(2);
});
