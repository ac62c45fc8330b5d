import { PlaybookError } from '../errors.ts';
import type { GroupEntry, InventoryEntries, InventoryValues } from './inventory.ts';

/**
 * Reads what `ansible-inventory --list` and inventory programs print: groups by name, and `_meta.hostvars`.
 * @param text JSON
 * @param file where it is from, for the message
 * @throws PlaybookError that says what is not as it should be
 */
export function parseJsonInventory(text: string, file: string): InventoryEntries {
  const { _meta: meta, ...rest } = asRecord(parse(text, file), file);
  const hosts = asRecord(asRecord(meta ?? {}, `${file}: _meta`).hostvars ?? {}, `${file}: _meta.hostvars`);
  return {
    groups: Object.fromEntries(Object.entries(rest).map(([name, group]) => [name, asGroup(group, `${file}: ${name}`)])),
    hosts: Object.fromEntries(
      Object.entries(hosts).map(([name, values]) => [name, asRecord(values, `${file}: _meta.hostvars.${name}`)]),
    ),
  };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlaybookError(`${file} is no inventory in JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** A group may be its list of hosts alone. */
function asGroup(value: unknown, place: string): GroupEntry {
  if (Array.isArray(value)) return { hosts: asNames(value, place), children: [], values: {} };
  const { hosts = [], children = [], vars = {} } = asRecord(value, place);
  return {
    hosts: asNames(hosts, `${place}.hosts`),
    children: asNames(children, `${place}.children`),
    values: asRecord(vars, `${place}.vars`),
  };
}

function asNames(value: unknown, place: string): readonly string[] {
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value;
  throw new PlaybookError(`${place} must be a list of names`);
}

function asRecord(value: unknown, place: string): InventoryValues {
  if (isRecord(value)) return value;
  throw new PlaybookError(`${place} must be an object`);
}

function isRecord(value: unknown): value is InventoryValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
