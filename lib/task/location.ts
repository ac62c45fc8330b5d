import { fileURLToPath } from 'node:url';
import type { Location } from '../errors.ts';
import { packageFile } from '../process/package_files.ts';

const libraryFolders = ['lib/', 'modules/'].map((folder) => fileURLToPath(packageFile(folder)));

/** Finds the line that called into the library: the nearest frame of the call stack that is neither the library's nor Node's. */
export function callerLocation(): Location | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callerLocation);
  return stackLocations(holder.stack ?? '').find(({ file }) => isUsers(file));
}

/** Finds the user's own line in an error that was thrown: its innermost frame that is neither the library's nor Node's. */
export function userLocation(error: unknown): Location | undefined {
  if (!(error instanceof Error)) return undefined;
  return stackLocations(error.stack ?? '').find(({ file }) => isUsers(file));
}

/** Reads the places that a stack trace names, innermost first. */
export function stackLocations(stack: string): readonly Location[] {
  return stack.split('\n').flatMap((line) => {
    // The place begins after a blank or a parenthesis: `node:internal/...` holds no path.
    const frame = /^\s+at (?:.*?[( ])?((?:file:\/\/)?\/[^()]*):(\d+):\d+\)?$/.exec(line);
    const [, place, lineNumber] = frame ?? [];
    if (place === undefined) return [];
    const file = place.startsWith('file://') ? fileURLToPath(place) : place;
    return [{ file, line: Number(lineNumber) }];
  });
}

function isUsers(file: string): boolean {
  return !file.includes('/node_modules/') && !libraryFolders.some((folder) => file.startsWith(folder));
}
