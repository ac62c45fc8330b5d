import { fileNameOf, stateDirectory } from './hosts/paths.ts';

/** Where a host remembers that what it holds in a file is secret: it is neither shown nor kept when something replaces it. */
export function secretNote(path: string): string {
  return `${stateDirectory}/secret/${fileNameOf(path)}`;
}
