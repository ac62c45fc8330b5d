import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder that holds `lib` and `modules`: the repository, or `dist` in the package. */
const root = new URL('../../', import.meta.url);

/** Whether this copy of the library runs from its sources, which jiti or Node itself translates, or as it was built. */
const isSource = import.meta.url.endsWith('.ts');

/**
 * Says where a file or folder of this very copy of the library is. All paths that are read at run time are made here.
 * @param path from the folder that holds `lib` and `modules`; a folder ends with `/`
 */
export function packageFile(path: string): URL {
  return new URL(path, root);
}

/** Says where a program of the library is that can be imported. @param name e.g. `lib/index` */
export function importable(name: string): string {
  return packageFile(`${name}.${isSource ? 'ts' : 'js'}`).href;
}

/** Says where the types of a program of the library are. @param name e.g. `lib/index` */
export function declarations(name: string): string {
  return fileURLToPath(packageFile(`${name}.${isSource ? 'ts' : 'd.ts'}`));
}

/** Where package.json may be: it stands beside the sources, and above what was built. */
export const manifests: readonly URL[] = [packageFile('package.json'), packageFile('../package.json')];

/** Shell programs that have been read: the same text for every run of a process. */
const programs = new Map<string, string>();

/**
 * Reads a shell program of the package, when it is first needed and once a process (it takes some 50 µs, so nobody needs to wait for it):
 * without comments, empty lines and indentation, because it is sent to hosts again and again. So no line inside of a quoted text may
 * begin with a blank or with `#`.
 * @param path from the folder that holds `lib` and `modules`
 */
export function shellProgram(path: string): string {
  const known = programs.get(path);
  if (known !== undefined) return known;
  const lines = readFileSync(packageFile(path), 'utf8').split('\n');
  const program = lines
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .join('\n');
  programs.set(path, program);
  return program;
}
