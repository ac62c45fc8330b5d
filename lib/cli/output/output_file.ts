import { randomUUID } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { types } from 'node:util';
import { PlaybookError } from '../../errors.ts';

/** A file that is replaced as a whole at the end of a run. Until then, an existing file stays as it is. */
export class OutputFile {
  readonly #path: string;
  readonly #mode: number;

  /**
   * @param option names it in errors
   * @param options `mode` of the file before the umask is applied; default 0o666
   * @throws PlaybookError if the file cannot be written
   */
  constructor(option: string, path: string, { mode = 0o666 }: { readonly mode?: number } = {}) {
    this.#mode = mode;
    try {
      this.#path = statSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path);
      const found = statSync(this.#path, { throwIfNoEntry: false });
      // Renaming a file over a device or a pipe would remove that.
      if (path === '' || (found !== undefined && !found.isFile())) throw new Error('it is no file');
      rmSync(this.#writeBeside(''));
    } catch (error) {
      throw new PlaybookError(`${option}: ${path === '' ? "''" : path} cannot be written: ${wordsOf(error)}`);
    }
  }

  /** Replaces the file atomically and synchronously, so that it works in an exit handler too. @returns the error in words, if any */
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

/** Takes the system call and the temporary name off Node's message: they mean nothing to the user. */
function wordsOf(error: unknown): string {
  return types.isNativeError(error) ? error.message.replace(/, \w+ '.*$/s, '') : String(error);
}
