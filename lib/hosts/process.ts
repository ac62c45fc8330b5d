import { ConnectionError } from '../errors.ts';

/** Most that a script may print; more is an error, never held in memory. */
const outputLimit = 64 * 1024 * 1024;

/** How a process is run. */
export interface ProcessOptions {
  /** Bytes for its standard input. Default: none. */
  readonly input?: Buffer;
  /** False for a process whose output nobody wants; it then ends with its exit, whoever still holds its streams. Default true. */
  readonly output?: boolean;
  /** Seconds after which it is ended. */
  readonly timeLimit: number;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** How a process of this machine ended. */
export interface ProcessResult {
  /** undefined when a signal ended it, or when it could not be started. */
  readonly exitCode: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly timedOut: boolean;
  /** In one line, why it did not exit by itself. */
  readonly trouble: string;
}

/**
 * Runs a process of this machine in a process group of its own: Ctrl-C at the terminal then ends the run and not the step under way,
 * and a time limit ends whatever the process has started as well.
 * @throws ConnectionError for more output than can be held
 */
export async function runProcess(
  file: string,
  args: readonly string[],
  { input, output = true, timeLimit, signal }: ProcessOptions,
): Promise<ProcessResult> {
  const { execa } = await import('execa');
  const subprocess = execa(file, args, {
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    ...(!output && { stdout: 'ignore', stderr: 'ignore' }),
    encoding: 'buffer',
    stripFinalNewline: false,
    reject: false,
    detached: true,
    maxBuffer: outputLimit,
  });
  const { pid } = subprocess;
  const end = (): void => {
    if (pid !== undefined) endGroup(pid);
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeLimit * 1000);
  signal?.addEventListener('abort', end);
  try {
    const result = await subprocess;
    if (result.isMaxBuffer) throw new ConnectionError(`a command printed more than ${outputLimit} bytes`);
    return {
      exitCode: result.exitCode,
      stdout: bytes(result.stdout),
      stderr: bytes(result.stderr),
      timedOut,
      trouble: result.shortMessage ?? '',
    };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function bytes(output: Uint8Array | undefined): Buffer {
  return output === undefined ? Buffer.alloc(0) : Buffer.from(output);
}
