import { scrypt } from 'node:crypto';

/** What one seal costs: a tenth of a second and 32 MiB. Version 1 of a plan stands for it. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 };

/**
 * Makes seals of secret texts: equal ones for equal texts and the same salt. A key that is kept elsewhere would tie a plan to the
 * machine that made it; so nothing is secret about a seal, and it is slow on purpose: who has the file and guesses at a secret
 * pays for each guess what scrypt costs.
 */
export class Seals {
  readonly #salt: string;
  readonly #made = new Map<string, Promise<string>>();

  /** @param salt of the plan */
  constructor(salt: string) {
    this.#salt = salt;
  }

  /** Seals texts, in order. */
  async of(texts: readonly string[]): Promise<string> {
    const text = JSON.stringify(texts);
    const known = this.#made.get(text) ?? this.#make(text);
    this.#made.set(text, known);
    return known;
  }

  #make(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      scrypt(text, this.#salt, 32, cost, (error, key) => {
        if (error === null) resolve(key.toString('hex'));
        else reject(error);
      });
    });
  }
}
