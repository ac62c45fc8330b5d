import { KvmPlayError } from '../../lib/errors.ts';

/** Gives the error with which something is refused. @throws Error when nothing is refused, or what is no error of ours */
export function refusal(work: () => unknown): KvmPlayError {
  try {
    work();
  } catch (error) {
    if (error instanceof KvmPlayError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
