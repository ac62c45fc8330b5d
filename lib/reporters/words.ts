import { relative } from 'node:path';
import { KvmPlayError, type Location } from '../errors.ts';
import { masked } from '../masking.ts';

/** Shows an error: its words, the line of the site, and what it is about. */
export function errorLines(error: Error): readonly string[] {
  const { location, task }: { location?: Location | undefined; task?: string | undefined } =
    error instanceof KvmPlayError ? error.context : {};
  const place = location === undefined ? [] : [`at ${placeOf(location)}`];
  const about = task === undefined ? [] : [`task: ${task}`];
  const known = error instanceof KvmPlayError;
  const said = known ? error.message : (error.stack ?? error.message);
  return [...masked(said).split('\n'), ...about, ...place].map(withoutControls);
}

/** Shows a place as the user would name it: relative to where they are. */
export function placeOf({ file, line }: Location): string {
  return `${nearPath(file)}:${line}`;
}

/** Shows a path relative to a directory, where it is not far from it. @param from default: where the user is */
export function nearPath(file: string, from: string = process.cwd()): string {
  const near = relative(from, file);
  return near.startsWith('../../') ? file : near;
}

/** Text that comes from a host must not steer the reader's terminal: control characters, tabs excepted, are spelled out. */
export function withoutControls(text: string): string {
  return text.replaceAll(
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
