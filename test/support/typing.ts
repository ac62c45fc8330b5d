import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What somebody types when a program asks, by what the program asks. */
export type Answers = readonly (readonly [question: RegExp, answer: string])[];

/** How a script ended in a terminal. */
export interface TypedEnd {
  readonly exitCode: number | null;
  /** Everything that the terminal has shown. */
  readonly output: string;
}

/** A person at a terminal of 80 columns, who types scripts one after the other and answers what is asked. */
export class TypingPerson {
  readonly #directory: string;
  readonly #answers: Answers;
  #cwd: string;

  /**
   * @param directory an empty one, for what the terminal itself needs
   * @param cwd where the person begins; a `cd` in a script holds for the scripts after it
   * @param answers to what programs ask
   */
  constructor(directory: string, cwd: string, answers: Answers) {
    this.#directory = directory;
    this.#answers = answers;
    this.#cwd = cwd;
  }

  /**
   * Types a script, which ends at its first command that fails.
   * @param script for `sh`
   * @param within arguments of a command that runs the shell, for a shell in a namespace (default: none)
   * @param closeWhen closes the terminal as soon as this is shown
   */
  async type(script: string, within: readonly string[] = [], closeWhen?: RegExp): Promise<TypedEnd> {
    const [file, cwdFile] = [join(this.#directory, 'script'), join(this.#directory, 'cwd')];
    writeFileSync(file, `stty cols 80 rows 40\nset -e\n${script}\npwd > '${cwdFile}'\n`);
    const line = [...within, 'sh', file].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      cwd: this.#cwd,
      env: {
        ...process.env,
        SHELL: '/bin/sh',
        LC_ALL: 'C.UTF-8',
        TERM: 'dumb',
        NO_COLOR: '1',
        NODE_OPTIONS: '',
        GITHUB_ACTIONS: '',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const output = await this.#watch(child, closeWhen);
    if (child.exitCode === 0) this.#cwd = readFileSync(cwdFile, 'utf8').trimEnd();
    return { exitCode: child.exitCode, output };
  }

  async #watch(child: ChildProcess, closeWhen: RegExp | undefined): Promise<string> {
    let output = '';
    let answered = 0;
    child.stdout?.on('data', (piece: Buffer) => {
      output += piece.toString().replaceAll('\r', '');
      const asked = output.slice(answered);
      const answer = this.#answers.find(([question]) => question.test(asked))?.[1];
      if (answer !== undefined) {
        answered = output.length;
        child.stdin?.write(`${answer}\n`);
      }
      // The programs in the terminal get SIGHUP, as when a window is closed.
      if (closeWhen?.test(output) === true) child.kill('SIGKILL');
    });
    await once(child, 'close');
    return output;
  }
}
