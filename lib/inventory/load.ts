import { readdir, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { PlaybookError } from '../errors.ts';
import { shown } from '../validation/option_types.ts';
import { type InventoryEntries, mergeEntries } from './ansible/entries.ts';
import { readInventoryFile } from './ansible/inventory_file.ts';
import { checkedName, parseHostPattern } from './ansible/names.ts';
import { refuseWritableByAll } from './ansible/trusted.ts';
import { readValuesBeside } from './ansible/values_beside.ts';
import { type Inventory, makeInventory } from './inventory.ts';

/** How inventories are loaded. */
export interface LoadOptions {
  /** Path of the site, as whose neighbours `group_vars/` and `host_vars/` are read as well. */
  readonly site?: string;
}

/** Endings of files in a directory of inventories that are none, as Ansible has it. */
const passedOver = ['.pyc', '.pyo', '.swp', '.bak', '.rpm', '.md', '.txt', '.rst', '.orig', '.ini', '.cfg', '.retry'];

/**
 * Loads one or several inventories, of which a later one wins, with `group_vars/` and `host_vars/` beside them. Each is a file in
 * Ansible's INI or YAML form, JSON as `ansible-inventory --list` prints it, a program that prints such JSON when it is called with
 * `--list`, a directory of these, or names of hosts with commas between them.
 * @param paths of the files, programs or directories
 * @returns the inventory; what has no effect in it is in its `warnings`
 * @throws PlaybookError, with file and line where they are known
 */
export async function loadInventory(paths: string | readonly string[], { site }: LoadOptions = {}): Promise<Inventory> {
  const sources = typeof paths === 'string' ? [paths] : paths;
  if (!Array.isArray(sources) || sources.some((source) => typeof source !== 'string')) {
    throw new PlaybookError(`loadInventory takes a path or a list of paths, and was given ${shown(paths)}`);
  }
  const entries = mergeEntries(await inTurn(sources, readSource));
  const directories = await Promise.all(sources.map(directoryOf));
  const beside = [...directories.flat(), ...(site === undefined ? [] : [dirname(resolve(site))])];
  return makeInventory(entries, await Promise.all(beside.map((directory) => readValuesBeside(directory, entries))));
}

async function readSource(path: string): Promise<InventoryEntries> {
  if (path === '') throw new PlaybookError('the name of an inventory is empty; name a file, e.g. -i hosts');
  const found = await stat(resolve(path)).catch(() => undefined);
  if (found === undefined && path.includes(',')) return namedHosts(path);
  if (found === undefined) {
    throw new PlaybookError(
      `there is no inventory ${path}; name a file, a directory or a program, or hosts with a comma: -i ${path},`,
    );
  }
  if (found.isDirectory()) return readDirectory(path);
  if (!found.isFile())
    throw new PlaybookError(`${path} is neither a file nor a directory; name an inventory, e.g. -i hosts`);
  await refuseWritableByAll(path);
  return readInventoryFile(path);
}

async function readDirectory(path: string): Promise<InventoryEntries> {
  const names = (await readdir(path)).toSorted().filter(isInventoryName);
  if (names.length === 0) throw new PlaybookError(`there is no inventory in the directory ${path}`);
  return mergeEntries(
    await inTurn(
      names.map((name) => join(path, name)),
      readSource,
    ),
  );
}

function isInventoryName(name: string): boolean {
  if (name.startsWith('.') || ['group_vars', 'host_vars', 'vars_plugins'].includes(name)) return false;
  return !name.endsWith('~') && !passedOver.includes(extname(name));
}

/** Names with commas between them, as in `-i kvm1,kvm2`. */
function namedHosts(list: string): InventoryEntries {
  const hosts = list.split(',').map((name) => name.trim());
  const read = hosts.filter((name) => name !== '').map(parseHostPattern);
  return {
    groups: {},
    hosts: Object.fromEntries(read.flatMap(({ names, port }) => names.map((name) => [checkedName(name), port]))),
  };
}

/** Where `group_vars/` and `host_vars/` of an inventory are: in it, or beside it. */
async function directoryOf(path: string): Promise<readonly string[]> {
  const found = await stat(resolve(path)).catch(() => undefined);
  if (found === undefined) return [];
  return [found.isDirectory() ? resolve(path) : dirname(resolve(path))];
}

/** One after the other: a program may count on it, and the first error is the first file's. */
async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
