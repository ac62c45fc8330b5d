import { randomBytes } from 'node:crypto';
import { CommandError, ConnectionError } from '../errors.ts';
import { prologue } from './script.ts';
import type { RawOutput, Transport } from './transport.ts';

/** Seconds that a batch may take beside its queries. */
const margin = 15;

interface Query {
  readonly script: string;
  readonly timeLimit: number;
  readonly answer: Promise<RawOutput>;
  resolve(output: RawOutput): void;
  reject(error: unknown): void;
}

/**
 * Asks a host all that is asked for in one turn of the event loop in one request. Equal queries of a turn are asked once.
 * While a request is under way, the next one gathers.
 */
export class QueryBatch {
  readonly #transport: Transport;
  #gathered = new Map<string, Query>();
  #busy = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Asks with a piece of shell script, which runs in a subshell of its own.
   * @param timeLimit seconds that it may take
   * @throws ConnectionError
   */
  async ask(script: string, timeLimit: number): Promise<RawOutput> {
    const known = this.#gathered.get(script);
    if (known !== undefined) return known.answer;
    const query = newQuery(script, timeLimit);
    this.#gathered.set(script, query);
    if (this.#gathered.size === 1 && !this.#busy) setImmediate(() => void this.#send());
    return query.answer;
  }

  async #send(): Promise<void> {
    this.#busy = true;
    while (this.#gathered.size > 0) {
      const queries = [...this.#gathered.values()];
      this.#gathered = new Map();
      try {
        const answers = await askAll(this.#transport, queries);
        for (const [index, query] of queries.entries()) {
          const answer = answers[index];
          if (answer === undefined) query.reject(new ConnectionError('the answer was cut off'));
          else query.resolve(answer);
        }
      } catch (error) {
        for (const query of queries) query.reject(error);
      }
    }
    this.#busy = false;
  }
}

/** Runs the queries one after the other; a random mark after each one's output tells where it ends, on both streams. */
async function askAll(transport: Transport, queries: readonly Query[]): Promise<readonly RawOutput[]> {
  const mark = randomBytes(16).toString('hex');
  const pieces = queries.map(
    ({ script }) => `( ${script}\n) </dev/null; printf '%s %s\\n' ${mark} "$?"; printf '%s\\n' ${mark} >&2`,
  );
  const timeLimit = queries.reduce((sum, query) => sum + query.timeLimit, margin);
  const output = await transport.run([prologue, ...pieces, 'exit 0'].join('\n'), { timeLimit });
  const stdout = split(output.stdout, mark);
  const stderr = split(output.stderr, mark);
  if (stdout.length <= 1) throw refused(output);
  return queries.flatMap((_, index) => {
    const [text, errors, status] = [stdout[index], stderr[index], stdout[index + 1]];
    if (text === undefined || errors === undefined || status === undefined) return [];
    return [
      {
        exitCode: Number.parseInt(status.toString('latin1'), 10),
        stdout: body(text, index),
        stderr: body(errors, index),
      },
    ];
  });
}

/** Behind the mark stands the exit status of the piece before it, up to the line's end. */
function body(piece: Buffer, index: number): Buffer {
  return index === 0 ? piece : piece.subarray(piece.indexOf('\n') + 1);
}

function split(output: Buffer, mark: string): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (let at = output.indexOf(mark); at !== -1; at = output.indexOf(mark, start)) {
    pieces.push(output.subarray(start, at));
    start = at + mark.length;
  }
  pieces.push(output.subarray(start));
  return pieces;
}

/** The script did not begin: sudo, or a login shell that lets nobody in. */
function refused({ exitCode, stderr }: RawOutput): ConnectionError {
  const words = stderr.toString().trim();
  if (words.includes('must have a tty')) {
    return new ConnectionError(
      `${words}\nsudo wants a terminal here: take 'Defaults requiretty' out of /etc/sudoers, or log in as root`,
    );
  }
  if (words.includes('password is required')) {
    return new ConnectionError(`${words}\nallow this user 'NOPASSWD: ALL' in /etc/sudoers.d, or log in as root`);
  }
  return new ConnectionError(`the host ran no script (exit ${exitCode}): ${words || 'it said nothing'}`);
}

function newQuery(script: string, timeLimit: number): Query {
  const { promise, resolve, reject } = withResolvers<RawOutput>();
  return { script, timeLimit, answer: promise, resolve, reject };
}

/** What Promise.withResolvers does from Node 22 on. */
function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Exit status of `timeout` for a command that took too long (coreutils); 137 when it had to be killed. */
const timedOut = [124, 137];

/** Tells whether a command ended because its time was over. */
export function isTimeout({ exitCode }: RawOutput): boolean {
  return timedOut.includes(exitCode);
}

/** Says that a command was ended because its time was over. */
export function timeoutError(
  argv: readonly string[],
  { exitCode, stderr }: RawOutput,
  timeLimit: number,
): CommandError {
  const failure = { argv, exitCode, stderr: stderr.toString() };
  return new CommandError(`'${argv.join(' ')}' took longer than ${timeLimit} s, and was ended`, failure);
}
