import type { CommandError } from '../errors.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import type { CommandStep, Step } from '../task/step.ts';

/** Where and for how long to try to reach a host again. */
export interface ReachOptions {
  /** Seconds in which it must answer. */
  readonly within?: number;
  /** Addresses to try besides the host's name. If one answers with the same host key, the host is reached there from then on. */
  readonly at?: readonly string[];
}

/** How steps are executed. */
export interface ExecuteOptions {
  /** A line that is left in the host's own log before them. */
  readonly line?: string | undefined;
  /** Gives the script that is run in place of a step's own. */
  readonly wrap?: (script: string) => string;
}

/** The outcome of steps that were executed together. */
export interface Executed {
  /** Failures of steps that are judged by the state, and not by their exit code. */
  readonly failures: readonly CommandError[];
  /** False when what was read in the same turn was read before the steps, because a dead run's lock had to be broken first. */
  readonly readAfter: boolean;
}

/**
 * A host as the engine sees it: it answers reads and executes steps. `ShellHost` (shell_host.ts) is the real one. Modules only ever get
 * its {@link ReadonlyHost}.
 */
export interface Host {
  /** The host's name, as the user wrote it. */
  readonly name: string;
  /** True for the machine that runs kvm-play, reached without SSH. */
  readonly isLocal: boolean;
  /** The address at which the host was reached again after its link was cut; undefined while it is reached by its own name. */
  readonly reachedAt: string | undefined;
  /** The read-only interface. */
  readonly reader: ReadonlyHost;
  /**
   * Takes the host's lock, once; later calls do nothing. The engine calls it before the first write.
   * @throws LockedError that names the holder
   */
  lock(): Promise<void>;
  /** Executes one step over the open connection. @throws CommandError, ConnectionError */
  execute(step: Step, options?: Pick<ExecuteOptions, 'wrap'>): Promise<void>;
  /**
   * Executes steps one after the other over the open connection, in one request; none after one that fails. Takes the lock first.
   * What is read in the same turn of the event loop travels in the same request, and is read after the steps.
   * @throws CommandError, ConnectionError; LockedError that names the holder
   */
  executeTogether(steps: readonly Step[], options?: ExecuteOptions): Promise<Executed>;
  /**
   * Executes steps that cut the link, one after the other, outside of this session: after the first one nobody may be there to
   * start the second. Returns once they have ended and the host was reached over a connection that was opened after that.
   * @param options `within`: default is what the steps may take, and a minute
   * @returns failures of steps that are judged by the state, and not by their exit code
   * @throws CommandError for another step that failed, and ended the sequence; ConnectionError
   */
  executeDetached(steps: readonly CommandStep[], options?: ReachOptions): Promise<readonly CommandError[]>;
  /**
   * Opens another connection, whatever the state of the open one, and goes on over it. Attempts are few, and after some that
   * failed there is a pause of more than half a minute, because a firewall may count them; the count outlives the call.
   * @param options `within`: default 15
   * @throws ConnectionError when the host does not answer in time
   */
  reconnect(options?: ReachOptions): Promise<void>;
  /** Leaves one line in the host's own log. Never fails. */
  log(line: string): Promise<void>;
  /** Releases the lock and ends the connection. */
  close(): Promise<void>;
}
