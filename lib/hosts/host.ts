import type { Step } from '../step.ts';
import type { ReadonlyHost } from './readonly_host.ts';

/** A host as the engine sees it: it can look, and it can take steps. Modules only ever get the {@link ReadonlyHost} inside. */
export interface Host {
  /** The host's name, as the user wrote it. */
  readonly name: string;
  /** True for this very machine, reached without SSH. */
  readonly isLocal: boolean;
  /** The part that only looks. */
  readonly reader: ReadonlyHost;
  /**
   * Takes the host's lock, once; later calls do nothing. The engine calls it before the first write.
   * @throws LockedError that names the holder
   */
  lock(): Promise<void>;
  /** Executes one step. @throws CommandError, ConnectionError */
  execute(step: Step): Promise<void>;
  /** Leaves one line in the host's own log. Never fails. */
  log(line: string): Promise<void>;
  /** Releases the lock and ends the connection. */
  close(): Promise<void>;
}
