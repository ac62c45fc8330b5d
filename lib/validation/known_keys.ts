import { PlaybookError } from '../errors.ts';
import { nearest } from './nearest.ts';
import { refuseNonObject } from './option_types.ts';

/**
 * Refuses an object of a site with a key that means nothing: running a site does not check its types, and a mistyped `hosts` would
 * be passed over. (A task's options and arguments are one object: lib/task/arguments.ts refuses what is unknown there.)
 * @param what names the object, e.g. `play`
 * @param known all its keys
 * @throws PlaybookError that names the key, and the nearest right one; for what is no object
 */
export function refuseUnknownKeys(what: string, given: object, known: readonly string[]): void {
  refuseNonObject(what, given);
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const close = nearest(key, known);
    const hint = close === undefined ? `there are ${known.join(', ')}` : `did you mean '${close}'?`;
    throw new PlaybookError(`${what}: there is no '${key}'; ${hint}`);
  }
}
