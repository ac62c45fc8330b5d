import { KvmPlayError } from '../errors.ts';

/** A throwaway host could not be built, started, looked at or taken away. */
export class LabError extends KvmPlayError {
  override readonly name = 'LabError';
}
