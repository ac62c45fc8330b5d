import { KvmPlayError, type Location, PlaybookError } from '../errors.ts';
import { errorWords } from './load_error.ts';
import { userLocation } from './location.ts';

/** Whose code is called: a play, a task, or another item. */
interface Owner {
  readonly title: string;
  readonly location: Location | undefined;
}

/** Calls the user's own code. What it throws is told with the line that it comes from, and whose code it is. @throws KvmPlayError */
export function fromUser<T>({ title, location }: Owner, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const known =
      error instanceof KvmPlayError
        ? error
        : new PlaybookError(errorWords(error), { cause: error }).at({ location: userLocation(error) });
    throw known.at({ task: title, location });
  }
}
