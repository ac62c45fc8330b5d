import { KvmPlayError } from '../errors.ts';
import type { SudoWords } from './sudo_dialog.ts';

/** Most that a script may print, in bytes. */
export const outputLimit: number = 64 * 1024 * 1024;

/** Seconds that the last script before the end may take. */
export const lastLimit = 15;

/** What a script left behind, as bytes. */
export interface RawOutput {
  readonly exitCode: number;
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
   * Runs a script over a connection of its own, past a shared one that may hang.
   * @param at an address to try in place of the one at which it is reached now; it must be the same machine, by its host key
   * @throws ConnectionError
   */
  runFresh(script: string, options: RunScript, at?: string): Promise<RawOutput>;
  /**
   * Drops the open connection and opens another.
   * @param at an address at which the machine is reached from now on
   * @throws ConnectionError
   */
  reconnect(at?: string): Promise<void>;
  /**
   * Ends what the transport holds open. Never fails.
   * @param last a script that is run before; where its answer costs a round trip, it is not waited for
   */
  close(last?: string): Promise<void>;
}

/**
 * The command line that starts a script of so many bytes, which comes first on standard input, followed by the script's own input.
 * It survives csh and fish as login shells (one line, no `!`, no single quote inside), shows nothing in process lists, and reads
 * exactly its bytes: `sh -s` would read ahead in dash and busybox.
 * @param length the script's length in bytes
 * @param become run the script by `sudo` where the user is not root: without a password, or with one where there are words for
 *   the talk about it (`sudo -S`: it reads the password from standard input, a byte at a time, and nothing beyond its line)
 */
export function bootstrap(length: number, become: boolean, words?: SudoWords): string {
  const load = `eval "$(dd bs=${length} count=1 iflag=fullblock 2>/dev/null || dd bs=1 count=${length} 2>/dev/null)"`;
  if (!become) return `exec sh -c '${load}'`;
  const begin = words === undefined ? load : `echo ${words.ready}; ${load}`;
  const escaped = begin.replaceAll(/["$]/g, '\\$&');
  const options = words === undefined ? '-n' : `-S -p ${words.prompt}`;
  // sudo drops what says whom this session serves; a network change must know it.
  const sudo = `sudo ${options} -- env SSH_CONNECTION="$SSH_CONNECTION"`;
  return `exec sh -c 'if [ "$(id -u)" = 0 ]; then ${begin}; else exec ${sudo} sh -c "${escaped}"; fi'`;
}
