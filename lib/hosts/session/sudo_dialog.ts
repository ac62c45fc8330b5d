import { randomBytes } from 'node:crypto';
import { ConnectionError, SecretError } from '../../errors.ts';
import type { Secret } from '../../task/secret.ts';

/** Random words by which the output of sudo and of root's shell is recognised. */
export interface SudoWords {
  /** What sudo asks for the password with, on standard error. */
  readonly prompt: string;
  /** What the shell says on standard output once it is root's. */
  readonly ready: string;
}

/** The reaction to a piece of output. */
export type Reaction = 'listen' | 'answer' | 'begin' | 'refuse';

/**
 * The password for sudo on one machine. It is given only when sudo asks, and to a machine that has not taken it once it is
 * never given again: accounts are locked after a few wrong ones.
 */
export class BecomePassword {
  readonly #secret: Secret;
  #refusal: ConnectionError | undefined;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** Begins the talk of one connection. @throws ConnectionError where the password was refused before; SecretError */
  async dialog(): Promise<SudoDialog> {
    const text = await this.#secret.reveal();
    if (/[\r\n\0]/.test(text))
      throw new SecretError('the password for sudo has a line break in it, and cannot be typed');
    if (this.#refusal !== undefined) throw this.#refusal;
    return new SudoDialog(text, (refusal) => {
      this.#refusal ??= refusal;
    });
  }
}

/**
 * The talk with sudo at the start of a connection. Nothing is sent before it is asked for: the password when sudo asks for it, the
 * script when root's shell is there to take it. So where sudo needs no password none is sent, a password never becomes part of a
 * script, and a script never becomes an attempt at the password, though sudo asks again after a wrong one.
 */
export class SudoDialog {
  readonly words: SudoWords = { prompt: `kvm-play-${randomWord()}:`, ready: `kvm-play-${randomWord()}` };
  readonly #password: string;
  readonly #onRefusal: (refusal: ConnectionError) => void;
  readonly #heard = { stdout: '', stderr: '' };
  #isAnswered = false;
  #isReady = false;
  #refusal: ConnectionError | undefined;

  /** @param onRefusal is told that the password is not the right one */
  constructor(password: string, onRefusal: (refusal: ConnectionError) => void) {
    this.#password = password;
    this.#onRefusal = onRefusal;
  }

  /** True once the script may be sent. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Why sudo refuses the user, once that is known. */
  get refusal(): ConnectionError | undefined {
    return this.#refusal;
  }

  /** The line with the password. */
  get answer(): Buffer {
    return Buffer.from(`${this.#password}\n`);
  }

  /** Takes a piece of output of one stream. */
  hear(stream: 'stdout' | 'stderr', piece: Buffer): Reaction {
    if (this.#isReady || this.#refusal !== undefined) return 'listen';
    this.#heard[stream] += piece.toString('latin1');
    if (this.#heard.stdout.includes(`${this.words.ready}\n`)) {
      this.#isReady = true;
      return 'begin';
    }
    const asked = this.#heard.stderr.split(this.words.prompt).length - 1;
    if (asked === 0 || (asked === 1 && this.#isAnswered)) return 'listen';
    if (asked === 1) {
      this.#isAnswered = true;
      return 'answer';
    }
    this.#refuse(wrongPassword());
    return 'refuse';
  }

  /**
   * Takes the end of a connection on which no script was begun.
   * @param error what is known of it
   * @returns what to tell: the same, or that the password is wrong where sudo tries only once
   */
  ended(error: ConnectionError): ConnectionError {
    if (this.#refusal !== undefined) return this.#refusal;
    if (!this.#isAnswered || this.#isReady) return error;
    return this.#refuse(/incorrect password|try again/i.test(error.message) ? wrongPassword() : error);
  }

  /** Removes the words of this dialog from the output. */
  withoutWords(printed: string): string {
    return printed.replaceAll(this.words.prompt, '').replaceAll(`${this.words.ready}\n`, '');
  }

  /** What the script itself has printed to standard output. */
  behindReady(stdout: Buffer): Buffer {
    const line = `${this.words.ready}\n`;
    const at = stdout.indexOf(line);
    return at === -1 ? stdout : stdout.subarray(at + line.length);
  }

  /** What was printed to standard error once sudo had asked. */
  behindPrompt(stderr: Buffer): Buffer {
    const at = stderr.lastIndexOf(this.words.prompt);
    return at === -1 ? stderr : stderr.subarray(at + this.words.prompt.length);
  }

  #refuse(error: ConnectionError): ConnectionError {
    this.#refusal = error;
    this.#onRefusal(error);
    return error;
  }
}

function wrongPassword(): ConnectionError {
  return new ConnectionError(
    'sudo on the host does not take the password for this user; it was tried once, and is not tried again in this run',
  );
}

function randomWord(): string {
  return randomBytes(12).toString('hex');
}
