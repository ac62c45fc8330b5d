import { readFile } from 'node:fs/promises';
import { PlaybookError } from '../errors.ts';
import type { Value, Values } from '../play.ts';

/**
 * Reads values for variables from JSON files: objects whose values are texts, numbers, true or false. Later files win.
 * @throws PlaybookError that names the file
 */
export async function readVarFiles(paths: readonly string[]): Promise<Values> {
  const all = await Promise.all(paths.map(readVarFile));
  return Object.assign({}, ...all);
}

async function readVarFile(path: string): Promise<Values> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new PlaybookError(`-e @${path}: ${error instanceof Error ? error.message : error}`);
  });
  const parsed = parse(path, text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new PlaybookError(`-e @${path}: it must hold one object of names and values`);
  }
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]: [string, unknown]) => {
      if (!isValue(value))
        throw new PlaybookError(`-e @${path}: the value of '${name}' must be a text, a number, true or false`);
      return [name, value];
    }),
  );
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlaybookError(`-e @${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function isValue(value: unknown): value is Value {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
