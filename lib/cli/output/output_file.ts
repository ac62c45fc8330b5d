import { randomUUID } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { types } from 'node:util';
import { PlaybookError } from '../../errors.ts';

/** A file that is written as a whole at the end of a run. Until then an older one stays as it is. */
export class OutputFile {
  readonly #path: string;
  readonly #mode: number;

  /**
   * @param option names it in errors
   * @param options `mode` of the file, from which the umask takes away; default 0o666
   * @throws PlaybookError where it is plain that it cannot be written
   */
  constructor(option: string, path: string, { mode = 0o666 }: { readonly mode?: number } = {}) {
    this.#mode = mode;
    try {
      this.#path = statSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path);
      const found = statSync(this.#path, { throwIfNoEntry: false });
      // To rename something over a device or a pipe would take it away.
      if (path === '' || (found !== undefined && !found.isFile())) throw new Error('it is no file');
      rmSync(this.#writeBeside(''));
    } catch (error) {
      throw new PlaybookError(`${option}: ${path === '' ? "''" : path} cannot be written: ${wordsOf(error)}`);
    }
  }

  /** Puts text in its place, at once and whole: also while the process ends. @returns what went wrong */
  replace(text: string): string | undefined {
    try {
      renameSync(this.#writeBeside(text), this.#path);
      return undefined;
    } catch (error) {
      return `${this.#path} could not be written: ${wordsOf(error)}`;
    }
  }

  #writeBeside(text: string): string {
    const beside = `${this.#path}.${randomUUID().slice(0, 8)}`;
    writeFileSync(beside, text, { flag: 'wx', mode: this.#mode, flush: true });
    return beside;
  }
}

/** Node names the call and the temporary name as well; neither says anything to the reader. */
function wordsOf(error: unknown): string {
  return types.isNativeError(error) ? error.message.replace(/, \w+ '.*$/s, '') : String(error);
}
