import { KvmPlayError } from '../../errors.ts';

/** Most that a script may print, in bytes. */
export const outputLimit: number = 64 * 1024 * 1024;

/** Seconds that the last script before the end may take. */
export const lastLimit = 15;

/** What a script left behind, as bytes. */
export interface RawOutput {
  readonly exitCode: number;
  /** True when its time was over, and it was ended on the machine; undefined where nobody has observed its time. */
  readonly timedOut?: boolean;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** A script printed more than {@link outputLimit}; it was ended, and nothing more is read of it. */
export class OutputLimitError extends KvmPlayError {
  override readonly name = 'OutputLimitError';
  /** What it had printed by then. */
  readonly partial: RawOutput;

  constructor(partial: RawOutput) {
    super(`it printed more than ${outputLimit / 1024 / 1024} MiB, and was ended`);
    this.partial = partial;
  }
}

/** How a script is run. */
export interface RunScript {
  /** Bytes for its standard input. Default: none. */
  readonly stdin?: Buffer;
  /** Seconds after which waiting for it ends with a ConnectionError. */
  readonly timeLimit: number;
}

/** How a further connection is opened. */
export interface OpenAnother {
  /** An address in place of the machine's own name; it must be the same machine, by its host key. */
  readonly at: string | undefined;
  /** How often the usual time it may take, for a machine that has not answered within that. */
  readonly patience: number;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** A further connection that has answered. */
export interface AnotherConnection {
  /** Ends the open connection and goes on over this one. */
  adopt(): Promise<void>;
  /** Ends it. */
  end(): void;
}

/**
 * A way to run shell scripts on a machine, as root where become is asked for. This is all that a way to reach a machine has to offer:
 * queries, files, locks and detached steps are built on it once.
 */
export interface Transport {
  /** The host's name, as the user wrote it. */
  readonly name: string;
  /** True for this very machine. */
  readonly isLocal: boolean;
  /** The address at which the machine is reached now; undefined where it is reached under its own name. */
  readonly reachedAt: string | undefined;
  /**
   * Runs a script over the open connection; the first one opens it. One that is still running when the connection ends is ended.
   * @throws ConnectionError when the machine is out of reach; OutputLimitError
   */
  run(script: string, options: RunScript): Promise<RawOutput>;
  /**
   * Runs a script over the connection that is open, and opens none.
   * @throws ConnectionError also where none is open
   */
  runOverOpen(script: string, options: RunScript): Promise<RawOutput>;
  /**
   * Opens a further connection, past the open one, which may hang. Nothing else changes until it is adopted.
   * @throws ConnectionError
   */
  openAnother(options: OpenAnother): Promise<AnotherConnection>;
  /**
   * Ends what the transport holds open. Never fails.
   * @param last a script that is run before; where its answer costs a round trip, it is not waited for
   */
  close(last?: string): Promise<void>;
}
