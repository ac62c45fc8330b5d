import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PlaybookError } from '../errors.ts';
import { runProcess } from '../hosts/process.ts';
import { parseIniInventory } from './ini.ts';
import { type Inventory, type InventoryEntries, makeInventory } from './inventory.ts';
import { parseJsonInventory } from './json.ts';

/** Seconds that an inventory program may take. */
const programLimit = 60;

/**
 * Loads an inventory: a file in Ansible's INI form, JSON as `ansible-inventory --list` prints it, or a program that prints such
 * JSON when it is called with `--list`.
 * @param path of the file or program
 * @throws PlaybookError, with file and line where they are known
 */
export async function loadInventory(path: string): Promise<Inventory> {
  return makeInventory(await loadEntries(path));
}

async function loadEntries(path: string): Promise<InventoryEntries> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new PlaybookError(`there is no inventory ${path}`);
  if (!found.isFile()) throw new PlaybookError(`${path} is no file; name one inventory, e.g. -i hosts`);
  if (await isExecutable(file)) return parseJsonInventory(await printedBy(file, path), path);
  const text = await readFile(file, 'utf8');
  return text.trimStart().startsWith('{') ? parseJsonInventory(text, path) : parseIniInventory(text, file);
}

async function printedBy(file: string, path: string): Promise<string> {
  const { exitCode, stdout, stderr, trouble, timedOut } = await runProcess(file, ['--list'], {
    timeLimit: programLimit,
  });
  if (exitCode === 0) return stdout.toString();
  const words = timedOut ? `it took longer than ${programLimit} s` : stderr.toString().trim() || trouble;
  throw new PlaybookError(`the inventory program ${path} failed: ${words}`);
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
