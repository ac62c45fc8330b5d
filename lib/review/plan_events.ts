import { PlaybookError } from '../errors.ts';
import type { PlayEvent } from '../events/events.ts';
import { type OptionType, refuseWrongTypes, shown } from '../validation/option_types.ts';

/** What a plan takes from the events of each type: callers without types may pass anything. */
const needed: ReadonlyMap<unknown, Readonly<Record<string, OptionType>>> = new Map([
  ['play-start', { play: 'text', hosts: 'texts' }],
  ['task-end', { host: 'text', task: 'object' }],
  ['network-change', { host: 'text', title: 'text', phase: 'text' }],
  ['run-end', { summary: 'object' }],
]);

/**
 * Gives the events of a run, checked as far as a plan needs them.
 * @throws PlaybookError that says what is no event
 */
export async function* checkedEvents(
  events: Iterable<PlayEvent> | AsyncIterable<PlayEvent>,
): AsyncGenerator<PlayEvent> {
  const given: unknown = events;
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
    const hint = given instanceof Promise ? '; write await before it' : '';
    throw new PlaybookError(
      `planOf takes the events of a run, e.g. events(site, { check: true }), and was given ${shown(given)}${hint}`,
    );
  }
  let place = 0;
  for await (const event of events) {
    place += 1;
    checkEvent(`planOf: event number ${place}`, event);
    yield event;
  }
}

function checkEvent(what: string, event: PlayEvent): void {
  refuseObject(what, event);
  refuseWrongTypes(what, event, { type: 'text' }, ['type']);
  const expected = needed.get(event.type) ?? {};
  refuseWrongTypes(what, event, expected, Object.keys(expected));
  if (event.type === 'task-end') {
    refuseWrongTypes(`${what}: its task`, event.task, { index: 'number', title: 'text' }, ['index', 'title']);
    const { result } = event;
    if (result === undefined) return;
    refuseObject(`${what}: its result`, result);
    refuseWrongTypes(`${what}: its result`, result, { differences: 'list', warnings: 'texts', steps: 'list' });
  }
  if (event.type === 'run-end') {
    const { summary } = event;
    refuseWrongTypes(`${what}: its summary`, summary, { check: 'boolean', hosts: 'object' }, ['check', 'hosts']);
    for (const [host, counts] of Object.entries(summary.hosts)) refuseObject(`${what}: the summary of ${host}`, counts);
  }
}

function refuseObject(what: string, given: unknown): void {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return;
  throw new PlaybookError(
    `${what} is ${shown(given)}, and must be an object; pass the events of run() or events() as they are`,
  );
}
