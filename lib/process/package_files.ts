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
