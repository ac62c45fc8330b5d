import { scrypt } from 'node:crypto';

/** What one digest costs: a tenth of a second and 32 MiB. The version of a plan stands for it. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 };

/**
 * Makes digests of secret texts: equal ones for equal texts and the same salt. A plan must not depend on the machine that made it, so
 * no key is involved, and everybody who has the plan can compute a digest. scrypt makes each guess at a secret expensive.
 */
export class SecretDigests {
  readonly #salt: string;
  readonly #made = new Map<string, Promise<string>>();

  /** @param salt of the plan */
  constructor(salt: string) {
    this.#salt = salt;
  }

  /** SecretDigests texts, in order. */
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
