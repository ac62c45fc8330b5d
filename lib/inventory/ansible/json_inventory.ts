import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';
import type { GroupEntry, InventoryEntries, InventoryValues } from './entries.ts';
import { checkedName } from './names.ts';

/**
 * Reads what `ansible-inventory --list` and inventory programs print: groups by name, and `_meta.hostvars`.
 * @param text JSON
 * @param file where it is from, for the message
 * @throws PlaybookError that says what is not as it should be
 */
export function parseJsonInventory(text: string, file: string): InventoryEntries {
  return listedInventory(parseJson(text, file), file);
}

/** Reads JSON. @throws PlaybookError */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlaybookError(`${file} is no inventory in JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Makes an inventory of data in the form that `ansible-inventory --list` prints: a group's hosts are a list. @throws PlaybookError */
export function listedInventory(data: unknown, file: string): InventoryEntries {
  const { _meta: meta, ...rest } = asRecord(data, file);
  const hosts = asRecord(asRecord(meta ?? {}, `${file}: _meta`).hostvars ?? {}, `${file}: _meta.hostvars`);
  return {
    groups: Object.fromEntries(
      Object.entries(rest).map(([name, group]) => [checkedName(name), asGroup(group, `${file}: ${name}`)]),
    ),
    hosts: Object.fromEntries(
      Object.entries(hosts).map(([name, values]) => [
        checkedName(name),
        asRecord(values, `${file}: _meta.hostvars.${name}`),
      ]),
    ),
  };
}

/** Tells whether data has the form that `ansible-inventory --list` prints, and not the one of a YAML inventory. */
export function isListed(data: unknown): boolean {
  if (!isRecord(data)) return false;
  return (
    '_meta' in data ||
    Object.values(data).some(
      (group) =>
        Array.isArray(group) || (isRecord(group) && (Array.isArray(group.hosts) || Array.isArray(group.children))),
    )
  );
}

/** A group may be its list of hosts alone. */
function asGroup(value: unknown, place: string): GroupEntry {
  if (Array.isArray(value)) return { hosts: asNames(value, place), children: [], values: {} };
  const { hosts = [], children = [], vars = {}, ...others } = asRecord(value, place);
  refuseOtherKeys(others, place);
  return {
    hosts: asNames(hosts, `${place}.hosts`),
    children: asNames(children, `${place}.children`),
    values: asRecord(vars, `${place}.vars`),
  };
}

/** @throws PlaybookError for what is neither `hosts`, `children` nor `vars` */
export function refuseOtherKeys(others: InventoryValues, place: string): void {
  const [key] = Object.keys(others);
  if (key === undefined) return;
  const close = nearest(key, ['hosts', 'children', 'vars']);
  const hint = close === undefined ? 'a group has hosts, children and vars' : `did you mean '${close}'?`;
  throw new PlaybookError(`${place}: '${key}' is no part of a group; ${hint}`);
}

function asNames(value: unknown, place: string): readonly string[] {
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value.map(checkedName);
  throw new PlaybookError(`${place} must be a list of names`);
}

/** @throws PlaybookError for what is no object */
export function asRecord(value: unknown, place: string): InventoryValues {
  if (isRecord(value)) return value;
  throw new PlaybookError(`${place} must be an object`);
}

function isRecord(value: unknown): value is InventoryValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
