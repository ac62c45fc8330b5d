import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { ArgumentError, BugError, SecretError } from '../errors.ts';
import { hide, mask } from '../process/masking.ts';
import { readTrouble } from '../validation/read_trouble.ts';
import { callerLocation } from './location.ts';

/** Seconds that a program may take to say a secret: it may ask a person. */
const commandLimit = 120;
/** Bytes that it may print. */
const commandOutput = 1024 * 1024;

/** True once there is a secret in this process. */
let areMade = false;

/**
 * A text that nobody may see. It is read from its source when it is first needed, and only once. Printed, in a template or as JSON, it
 * is `***`.
 */
export class Secret {
  readonly #source: string;
  readonly #read: () => string | Promise<string>;
  readonly #parts: readonly Secret[];
  #reading: Promise<string> | undefined;
  #text: string | undefined;

  /**
   * @param source names the source in errors: `the environment variable 'X'`
   * @param read returns the text; an error that it throws must not contain the text
   * @param parts the secret parts, for a text that is composed of others
   */
  constructor(source: string, read: () => string | Promise<string>, parts: readonly Secret[] = []) {
    this.#source = source;
    this.#read = read;
    this.#parts = parts;
    // What console.log asks an object for.
    Object.defineProperty(this, inspect.custom, { value: () => mask });
    areMade = true;
  }

  /** Reads the text, once, and masks it in all output from then on. @throws SecretError that names the source */
  async reveal(): Promise<string> {
    this.#reading ??= this.#readOnce();
    return this.#reading;
  }

  /** The text, for what happens after {@link reveal}: the engine reveals a task's secrets before it is read, planned or applied. */
  get revealed(): string {
    if (this.#text === undefined) throw new BugError(`${this.#source} is needed before it was read`);
    return this.#text;
  }

  async #readOnce(): Promise<string> {
    const text = await this.#read();
    if (text === '') throw new SecretError(`${this.#source} is empty, and a secret is not`);
    if (this.#parts.length === 0) hide(text);
    this.#text = text;
    return text;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }
}

/** Names of environment variables that are secrets. */
const variables = new Set<string>();

/** Sources of secrets, on the machine that runs kvm-play. */
export const secret: {
  /** An environment variable. Anyone who may inspect the process can read it; a file or a program is better. */
  env(name: string): Secret;
  /** A file, without its last line end. A relative path is relative to the working directory. */
  file(path: string): Secret;
  /** The output of a program, without its last line end, e.g. `['pass', 'show', 'kvm']`. The program may ask on the terminal. */
  command(argv: readonly [string, ...string[]]): Secret;
  /**
   * A text that contains secrets.
   *
   * @example
   * ```ts
   * const content = secret.text`password=${secret.env('APP_PASSWORD')}\n`;
   * ```
   */
  text(strings: TemplateStringsArray, ...values: readonly (Secret | string | number)[]): Secret;
} = {
  env(name) {
    refuseNonText('secret.env', name, "the name of a variable, e.g. secret.env('APP_PASSWORD')");
    variables.add(name);
    return new Secret(`the environment variable '${name}'`, () => {
      const value = process.env[name];
      if (value === undefined)
        throw new SecretError(`the environment variable '${name}' is not set, and holds a secret`);
      return value;
    });
  },
  file(path) {
    refuseNonText('secret.file', path, "a path, e.g. secret.file('/root/app.password')");
    return new Secret(`the file ${path}`, async () => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        throw new SecretError(`the file ${path}, from which a secret is read: ${readTrouble(error)}`);
      });
      return withoutLineEnd(text);
    });
  },
  command(argv) {
    if (!Array.isArray(argv) || argv.length === 0 || argv.some((each) => typeof each !== 'string')) {
      throw new ArgumentError(
        "secret.command takes a list of texts that begins with the program, e.g. ['pass', 'show', 'kvm']",
      ).at({
        location: callerLocation(),
      });
    }
    return new Secret(`what '${argv.join(' ')}' prints`, async () => withoutLineEnd(await printed(argv)));
  },
  text(strings, ...values) {
    if (!Array.isArray(strings)) {
      throw new ArgumentError('secret.text is written before a template, without parentheses: secret.text`…`').at({
        location: callerLocation(),
      });
    }
    const parts = values.filter((value) => value instanceof Secret);
    return new Secret(
      'a text with secrets',
      async () => {
        const texts = await Promise.all(values.map((value) => (value instanceof Secret ? value.reveal() : `${value}`)));
        return strings.map((text, index) => `${text}${texts[index] ?? ''}`).join('');
      },
      parts,
    );
  },
};

function refuseNonText(what: string, given: unknown, wanted: string): void {
  if (typeof given === 'string' && given !== '') return;
  throw new ArgumentError(`${what} takes ${wanted}`).at({ location: callerLocation() });
}

/** What other programs may know of this process's environment: what is a secret is not for them. */
export function environmentForOthers(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !variables.has(name)));
}

/** Finds the secrets in a state. */
export function secretsIn(value: unknown): readonly Secret[] {
  if (value instanceof Secret) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

/**
 * Refuses a plain text that a secret was put into: the mask would be written in its place.
 * @param where names the module, for the message
 * @throws ArgumentError
 */
export function refuseMasks(where: string, value: unknown): void {
  if (!areMade || value instanceof Secret) return;
  if (typeof value === 'string' && value.includes(mask)) {
    throw new ArgumentError(
      `${where}: a text holds ${mask}, which is all that is seen of a secret in a plain text; write secret.text\`…\` where it may be secret ('content' of a file, 'stdin' of a command)`,
    );
  }
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) refuseMasks(where, part);
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** Runs a command that prints a secret. Its standard error is discarded, because it may hold the secret. */
async function printed([file, ...args]: readonly [string, ...string[]]): Promise<string> {
  const { spawn } = await import('node:child_process');
  const signal = AbortSignal.timeout(commandLimit * 1000);
  const child = spawn(file, args, { stdio: ['inherit', 'pipe', 'ignore'], signal });
  const pieces: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
    if (length > commandOutput) child.kill();
  });
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void => {
      const line = [file, ...args].join(' ');
      reject(new SecretError(`'${line}', which is to print a secret, ${why}; run it by hand to see more`));
    };
    child.once('error', ({ message }) =>
      refuse(signal.aborted ? `took longer than ${commandLimit} s` : `could not be run: ${message}`),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(pieces).toString());
      else refuse(signal === null ? `failed with exit code ${code}` : `was ended by ${signal}`);
    });
  });
}
