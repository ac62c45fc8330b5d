import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as modules from '../../modules/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The pages of the documentation, by path. */
export const pages: readonly string[] = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];

/** The sources of the modules, by path. */
export const moduleSources: readonly string[] = readdirSync(join(root, 'modules'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `modules/${name}`);

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

/** The examples of a source's comments, which take the modules' names for granted. */
export function examplesOf(path: string): readonly Block[] {
  const text = textOf(path);
  return [...text.matchAll(/@example\n \* ```ts\n(.*?)^ \* ```/gms)].map((found) => ({
    path,
    line: text.slice(0, found.index).split('\n').length,
    code: `import { ${Object.keys(modules).join(', ')} } from 'kvm-play/modules';\n${(found[1] ?? '').replaceAll(/^ \* ?/gm, '')}`,
  }));
}
