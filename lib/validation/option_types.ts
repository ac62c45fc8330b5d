import { PlaybookError } from '../errors.ts';

/** The type of an option. */
export type OptionType = 'boolean' | 'number' | 'function' | 'text' | 'texts' | 'list' | 'object';

/** What each type is called in errors. */
const words: Readonly<Record<OptionType, string>> = {
  boolean: 'true or false, without quotes',
  number: 'a number, without quotes',
  function: 'a function, e.g. (known) => …',
  text: 'a text',
  texts: 'a list of texts, in brackets, each in quotes',
  list: 'a list, in brackets',
  object: 'an object, in braces',
};

/**
 * Refuses what is no object where options or arguments are expected.
 * @param what names whose they are, e.g. `play`
 * @param called what they are called
 * @throws PlaybookError that shows what was given
 */
export function refuseNonObject(
  what: string,
  given: unknown,
  called: 'options' | 'arguments' = 'options',
): asserts given is object {
  if (isOf('object', given)) return;
  const found = given === undefined ? `its ${called} are missing, and` : `its ${called} are ${shown(given)}, and`;
  throw new PlaybookError(`${what}: ${found} must be ${words.object}: { name: value }`);
}

/**
 * Refuses an object of a site in which an option has another type than it must: running a site does not check its types, and
 * `become: 'no'` would be taken for true. An option that is undefined is left to its default.
 * @param what names the object, e.g. `play`
 * @param expected the types of its options
 * @param required options that have no default
 * @throws PlaybookError that names the option, its value and what it must be
 */
export function refuseWrongTypes(
  what: string,
  given: object,
  expected: Readonly<Record<string, OptionType>>,
  required: readonly string[] = [],
): void {
  const values = new Map<string, unknown>(Object.entries(given));
  for (const name of required) {
    const type = expected[name];
    if (type === undefined || values.get(name) !== undefined) continue;
    throw new PlaybookError(`${what}: '${name}' is missing, and must be ${words[type]}`);
  }
  for (const [name, value] of values) {
    const type = Object.hasOwn(expected, name) ? expected[name] : undefined;
    if (type === undefined || value === undefined || isOf(type, value)) continue;
    throw new PlaybookError(
      `${what}: '${name}' is ${shown(value)}, and must be ${words[type]}${exampleOf(type, value)}`,
    );
  }
}

/** A text in place of a list is shown as the list that was meant. */
function exampleOf(type: OptionType, value: unknown): string {
  return type === 'texts' && typeof value === 'string' ? `: [${shown(value)}]` : '';
}

/**
 * Refuses what is no list of tasks, blocks and the like.
 * @param what names whose items they are, e.g. `block`
 * @throws PlaybookError that names the place, counted from 1
 */
export function refuseOtherItems(what: string, items: unknown): void {
  if (!Array.isArray(items))
    throw new PlaybookError(`${what}: its tasks are ${shown(items)}, and must be a list, in brackets`);
  for (const [index, item] of items.entries()) {
    const kind = typeof item === 'object' && item !== null && 'kind' in item ? item.kind : undefined;
    if (isTask(item) || itemKinds.some((each) => each === kind)) continue;
    const isStep = stepKinds.some((each) => each === kind);
    const hint = Array.isArray(item)
      ? '; write ... before a list to put its tasks here'
      : isStep
        ? "; import modules from 'kvm-play/modules': what 'kvm-play' itself exports as command makes a step for a module's author"
        : '';
    const found = isStep ? 'a step' : shown(item);
    throw new PlaybookError(
      `${what}: number ${index + 1} of its tasks is ${found}, and must be a task or a block${hint}`,
    );
  }
}

const itemKinds = ['network-change', 'block', 'later', 'assert'];
const stepKinds = ['command', 'write', 'directory', 'remove'];

/** Tells whether a value of a site is a task. */
export function isTask(item: unknown): boolean {
  return typeof item === 'object' && item !== null && 'fingerprint' in item;
}

function isOf(type: OptionType, value: unknown): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'texts':
      return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'list':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

/** Shows a value's kind, and no more of an object than that: it may hold anything. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a promise';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
