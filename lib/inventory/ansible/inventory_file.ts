import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { PlaybookError } from '../../errors.ts';
import { runProcess } from '../../hosts/session/process.ts';
import { readTrouble } from '../../validation/read_trouble.ts';
import type { InventoryEntries, InventoryValues } from './entries.ts';
import { parseIniInventory } from './ini_inventory.ts';
import { asRecord, isListed, listedInventory, parseJson } from './json_inventory.ts';
import { parseYaml } from './yaml.ts';
import { yamlInventory } from './yaml_inventory.ts';

/** Seconds that an inventory program may take. */
const programLimit = 60;

/** What a compiled program begins with: ELF, and Mach-O in its forms. */
const programMagic = ['7f454c46', 'cffaedfe', 'cefaedfe', 'cafebabe'];

/**
 * Reads an inventory, whatever its form is. It is run only where it is plainly a program: it may be executed, and begins with `#!` or
 * is compiled. An INI file that happens to be executable is read.
 * @param path of a file that is there
 * @throws PlaybookError, with file and line where they are known
 */
export async function readInventoryFile(path: string): Promise<InventoryEntries> {
  const file = resolve(path);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new PlaybookError(`the inventory ${path}: ${readTrouble(error)}`);
  });
  const isScript = bytes.subarray(0, 2).toString() === '#!';
  const isCompiled = programMagic.includes(bytes.subarray(0, 4).toString('hex'));
  if (isScript || isCompiled) {
    if (await mayBeExecuted(file)) return readProgram(file, path);
    throw new PlaybookError(`the inventory ${path} is a program and may not be executed: chmod u+x ${path}`);
  }
  const text = bytes.toString().replace(/^\ufeff/, '');
  const ending = extname(path);
  if (/^\.[cm]?[jt]s$/.test(ending)) {
    throw new PlaybookError(
      `${path} is a site or a module of one, and no inventory; a site is named without -i: npx kvm-play ${path}`,
    );
  }
  if (ending === '.toml') throw new PlaybookError(`${path} is TOML, which is not read; ${otherForms(path)}`);
  if (['.yml', '.yaml', '.json'].includes(ending) || looksLikeYaml(text)) {
    const data = await parseYaml(text, path);
    // Two forms of JSON are about; YAML has one.
    const mayBeListed = text.trimStart().startsWith('{') && isListed(data);
    return mayBeListed ? listedInventory(data, path) : yamlInventory(data, path);
  }
  return parseIniInventory(text, file);
}

function otherForms(path: string): string {
  return `let Ansible turn it into JSON: ansible-inventory -i ${path} --list > hosts.json`;
}

/** By its first line with something in it: a document's beginning, a mapping's key with nothing or a mapping behind it, or JSON. */
function looksLikeYaml(text: string): boolean {
  const first = text.split('\n').find((line) => !/^\s*(?:[#;].*)?$/.test(line)) ?? '';
  return /^(?:---|-\s|%YAML|\$ANSIBLE_VAULT|\s*\{|(?:"[^"]+"|'[^']+'|[^\s:#'"[\]=]+)\s*:(?:\s*$|\s+[#{&]))/.test(
    first.trimEnd(),
  );
}

async function readProgram(file: string, path: string): Promise<InventoryEntries> {
  const data = parseJson(await printedBy(file, ['--list'], path), path);
  const entries = listedInventory(data, path);
  const { _meta: meta } = asRecord(data, path);
  if (meta !== undefined && 'hostvars' in asRecord(meta, `${path}: _meta`)) return entries;
  // A program that says nothing of hosts is asked for each, as it was before there was `_meta`.
  const names = [...new Set(Object.values(entries.groups).flatMap(({ hosts }) => hosts))];
  const hosts = new Map<string, InventoryValues>();
  for (const name of names) {
    const printed = (await printedBy(file, ['--host', name], path)).trim();
    hosts.set(name, printed === '' ? {} : asRecord(parseJson(printed, path), `${path} --host ${name}`));
  }
  return { ...entries, hosts: Object.fromEntries(hosts) };
}

async function printedBy(file: string, args: readonly string[], path: string): Promise<string> {
  const { exitCode, stdout, stderr, trouble, timedOut } = await runProcess(file, args, { timeLimit: programLimit });
  if (exitCode === 0) return stdout.toString();
  const words = timedOut ? `it took longer than ${programLimit} s` : stderr.toString().trim() || trouble;
  throw new PlaybookError(`the inventory program ${path} failed with ${args.join(' ')}: ${words}`);
}

async function mayBeExecuted(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
