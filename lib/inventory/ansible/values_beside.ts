import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { PlaybookError } from '../../errors.ts';
import type { InventoryEntries, InventoryValues, ValuesBeside } from './entries.ts';
import { refuseWritableByAll } from './trusted.ts';
import { parseYaml } from './yaml.ts';

/** Endings of files with values; the first file that exists counts. */
const endings = ['', '.yml', '.yaml', '.json'];

/**
 * Reads `group_vars/` and `host_vars/` of a directory: of each group and host a file (`web`, `web.yml`, `web.yaml`, `web.json`), or a
 * directory of such files, in the order of their names.
 * @param entries name the groups and hosts
 * @throws PlaybookError, with file and line where they are known
 */
export async function readValuesBeside(directory: string, entries: InventoryEntries): Promise<ValuesBeside> {
  const groups = ['all', 'ungrouped', ...namedGroups(entries)];
  const hosts = [...Object.keys(entries.hosts), ...Object.values(entries.groups).flatMap((group) => group.hosts)];
  return {
    groups: await readAll(join(directory, 'group_vars'), groups),
    hosts: await readAll(join(directory, 'host_vars'), hosts),
  };
}

function namedGroups({ groups }: InventoryEntries): readonly string[] {
  return Object.entries(groups).flatMap(([name, { children }]) => [name, ...children]);
}

async function readAll(directory: string, names: readonly string[]): Promise<ReadonlyMap<string, InventoryValues>> {
  const there = new Set(await readdir(directory).catch(() => []));
  const all = new Map<string, InventoryValues>();
  for (const name of new Set(names)) {
    const ending = endings.find((each) => there.has(`${name}${each}`));
    if (ending === undefined) continue;
    const files = await filesIn(join(directory, `${name}${ending}`));
    all.set(name, Object.assign({}, ...(await Promise.all(files.map(readValues)))));
  }
  return all;
}

/** Lists a file, or the files below a directory in the order of their names, without hidden files and backups. */
async function filesIn(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => !name.startsWith('.') && !name.endsWith('~')).toSorted();
  const inside = await Promise.all(
    names.map(async (name) => {
      const isDirectory = (await stat(join(path, name))).isDirectory();
      const isRead = isDirectory ? extname(name) === '' : endings.includes(extname(name));
      return isRead ? filesIn(join(path, name)) : [];
    }),
  );
  return inside.flat();
}

async function readValues(file: string): Promise<InventoryValues> {
  await refuseWritableByAll(file);
  const data = await parseYaml(await readFile(file, 'utf8'), file);
  if (data === null || data === undefined) return {};
  if (typeof data === 'object' && !Array.isArray(data)) return Object.fromEntries(Object.entries(data));
  throw new PlaybookError(`${file} must hold names and values, e.g. memory: 2048`);
}
