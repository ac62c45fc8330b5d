/** A semaphore: at most `places` holders; {@link Semaphore.enter} resolves to the function that releases one. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param places how many holders there may be at a time */
  constructor(places: number) {
    this.#free = places;
  }

  /** Waits for a free place, first come, first served. @returns releases the place; further calls of it do nothing */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}
