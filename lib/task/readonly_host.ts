import type { MergeRule } from './merge_rule.ts';

/** The exit code and output of a command. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A text file as it was read. If it is not UTF-8, the whole file is read as Latin-1, so that no byte is lost. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
  readonly encoding: 'utf8' | 'latin1';
}

/** Options of a query. */
export interface QueryOptions {
  /** Seconds after which the query is ended and fails. Default 30. */
  readonly timeLimit?: number;
  /** How the host may ask this question together with others of the same tool. Default: it is asked by itself. */
  readonly mergeRule?: MergeRule;
}

/** Who and what stands between a path and a change of what is there. */
export interface Exposure {
  /**
   * Who else can put something else in its place: undefined where only root and the user who looks can, else `user UID` of the
   * directory's owner, `sticky` or `shared`. Where a directory on the way is missing, that is said of the one in which it would stand.
   */
  readonly by?: string;
  /** The first directory on the way that is missing. */
  readonly missing?: string;
  /** Something is mounted on the very name: it can be neither replaced nor removed. */
  readonly isMounted?: boolean;
  /** Why what stands there cannot be changed, in words; where a directory on the way is missing, nothing. */
  readonly entry?: string;
  /** Why nothing can be made or removed in its directory, or in the last one on the way that is there. */
  readonly directory?: string;
}

/**
 * A host as a module's reads see it: it answers questions and takes no steps.
 * Queries are batched, those that come with a rule are merged, and all may be asked before a task's turn: a query changes nothing, and does
 * not depend on the effect of another one.
 */
export interface ReadonlyHost {
  /** The host's name, as the user wrote it. */
  readonly name: string;
  /**
   * Runs a read-only command; `LC_ALL=C` is set. An exit code other than 0 is an answer, not an error; 127 means that there is no
   * such command.
   * @throws ConnectionError when the host is out of reach; CommandError when the time limit is over
   */
  query(argv: readonly string[], options?: QueryOptions): Promise<Output>;
  /**
   * Runs a read-only command, as {@link query} does, and returns its standard output, trimmed.
   * @throws CommandError for an exit code other than 0: it names the command, and has the last lines of its standard error
   */
  text(argv: readonly string[], options?: QueryOptions): Promise<string>;
  /**
   * Reads a text file of at most 16 MiB; undefined if there is none.
   * @throws CommandError if it exists and cannot be read; UnsupportedChangeError if it is no regular file, and for a path that
   *   another user could have redirected (a link in a directory that others can write to)
   */
  readFile(path: string): Promise<TextFile | undefined>;
  /**
   * Tells who else can put something else in a path's place, and what keeps everybody from changing what is there.
   * @param options `follow`: of a link, ask about what it leads to
   * @throws UnsupportedChangeError for a path that another user could have led elsewhere
   */
  exposure(path: string, options: { readonly follow: boolean }): Promise<Exposure>;
  /**
   * Tells whether kvm-play has left a note on the host, as root, as the user who looks, or as the one who logged in.
   * @param name `DIRECTORY/NAME` below the state directory
   * @param about path of a file whose owner's notes count as well; where they cannot be looked at, the answer is true
   */
  hasNote(name: string, about?: string): Promise<boolean>;
  /** Names the user who runs the queries; `root` is every user with root's privileges. */
  user(): Promise<string>;
  /** Lists the names in a directory, sorted; empty if there is no such directory. */
  listDirectory(path: string): Promise<readonly string[]>;
  /** Tells whether a path exists (links followed). */
  exists(path: string): Promise<boolean>;
  /** Finds a command in the root user's PATH (`/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`); undefined when there is none. */
  which(name: string): Promise<string | undefined>;
}
