import { readFile } from 'node:fs/promises';
import { PlaybookError } from '../../errors.ts';
import { parseYaml } from '../../inventory/ansible/yaml.ts';
import type { Value, Values } from '../../inventory/values.ts';
import { readTrouble } from '../../validation/read_trouble.ts';
import { splitPairs } from './pairs.ts';

/** One `-e` of the command line: a file, an object in JSON or YAML, or pairs. */
export type ExtraVars = { readonly file: string } | { readonly object: string } | { readonly pairs: Values };

/**
 * Reads the `-e` options of a command line as Ansible does: `@FILE`, an object in braces, or `NAME=VALUE` pairs with blanks between.
 * @throws PlaybookError for what is none of these, and for a name that is given twice
 */
export function parseExtraVars(texts: readonly string[]): readonly ExtraVars[] {
  const given = new Map<string, string>();
  return texts.map((text): ExtraVars => {
    if (text.startsWith('@')) return { file: text.slice(1) };
    if (/^[{[]/.test(text)) return { object: text };
    refuseTemplate('-e', text);
    const pairs = splitPairs(text);
    for (const [name, value] of pairs) {
      const before = given.get(name);
      if (before !== undefined) {
        throw new PlaybookError(
          `-e gives '${name}' twice, '${before}' and '${value}', and only one can count; leave one out`,
        );
      }
      given.set(name, value);
    }
    return { pairs: Object.fromEntries(pairs) };
  });
}

/**
 * Gives the values of all `-e` options; later ones win.
 * @throws PlaybookError that names the file
 */
export async function readExtraVars(all: readonly ExtraVars[]): Promise<Values> {
  const read = await Promise.all(
    all.map(async (each) => {
      if ('pairs' in each) return each.pairs;
      if ('object' in each) return valuesOf('-e', each.object);
      return valuesOf(`-e @${each.file}`, await readVarFile(each.file));
    }),
  );
  return Object.assign({}, ...read);
}

async function readVarFile(path: string): Promise<string> {
  if (path === '') throw new PlaybookError('-e @ names no file; write -e @values.json');
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new PlaybookError(
      `-e @${path}: ${readTrouble(error)}; name a file with values in JSON or YAML, e.g. {"memory": 2048}`,
    );
  });
}

async function valuesOf(where: string, text: string): Promise<Values> {
  const parsed = await parse(where, text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new PlaybookError(`${where}: it must hold one object of names and values, e.g. {"memory": 2048}`);
  }
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]: [string, unknown]) => {
      if (!isValue(value)) {
        throw new PlaybookError(`${where}: the value of '${name}' must be a text, a number, true or false`);
      }
      if (typeof value === 'string') refuseTemplate(`${where}: ${name}`, value);
      return [name, value];
    }),
  );
}

/** Numbers of JSON are not all numbers of YAML 1.1, so that JSON is tried first, as Ansible does. */
async function parse(where: string, text: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (where.endsWith('.json')) {
      throw new PlaybookError(`${where} is no JSON: ${error instanceof Error ? error.message : error}`);
    }
    return parseYaml(text, where);
  }
}

function refuseTemplate(where: string, text: string): void {
  if (!/\{\{|\{%/.test(text)) return;
  throw new PlaybookError(`${where}: '${text}' holds a template, which only Ansible fills in; write the value itself`);
}

function isValue(value: unknown): value is Value {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
