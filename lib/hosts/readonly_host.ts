/** What a command left behind. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A text file as it was found. Bytes that are not UTF-8 are kept by reading the whole file as Latin-1. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
  readonly encoding: 'utf8' | 'latin1';
}

/** Options of a query. */
export interface QueryOptions {
  /** Seconds after which the query is ended and fails. Default 30. */
  readonly timeLimit?: number;
}

/**
 * A host as a module's reads see it: it answers questions and takes no steps.
 * Queries may be batched, merged and asked ahead, so a query must not change anything and must not depend on another one's effect.
 */
export interface ReadonlyHost {
  /** The host's name, as the user wrote it. */
  readonly name: string;
  /**
   * Asks with a command that only looks; `LC_ALL=C` is set. An exit code other than 0 is an answer, not an error;
   * 127 means that there is no such command.
   * @throws ConnectionError when the host is out of reach; CommandError when the time limit is over
   */
  query(argv: readonly string[], options?: QueryOptions): Promise<Output>;
  /** Reads a text file; undefined when there is none. @throws CommandError when it is there and cannot be read */
  readFile(path: string): Promise<TextFile | undefined>;
  /** Lists the names in a directory, sorted; empty when there is no such directory. */
  listDirectory(path: string): Promise<readonly string[]>;
  /** Tells whether a path exists (links followed). */
  exists(path: string): Promise<boolean>;
  /** Finds a command in the root user's PATH (`/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`); undefined when there is none. */
  which(name: string): Promise<string | undefined>;
}
