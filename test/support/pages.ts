import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A piece of code in a text, and the line before it. */
export interface Block {
  readonly path: string;
  readonly line: number;
  readonly code: string;
}

/** The text of a file of the project. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The pieces of code of a page in a language. */
export function blocksOf(path: string, language: string): readonly Block[] {
  const text = textOf(path);
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((found) => ({
    path,
    line: text.slice(0, found.index).split('\n').length,
    code: found[1] ?? '',
  }));
}
