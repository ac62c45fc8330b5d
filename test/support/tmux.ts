import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/** Milliseconds that something may take to show. */
const limit = 120_000;

/** What a terminal is opened with. */
export interface TmuxOptions {
  readonly width: number;
  readonly height: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A real terminal without a person: a session of tmux, of a server of its own. */
export class Tmux {
  /** tmux leaves its socket behind. */
  readonly #directory = mkdtempSync(join(tmpdir(), 'kvm-play-tmux-'));

  private constructor() {}

  /** Opens a terminal in which a shell runs. The caller closes it. */
  static async open(shell: readonly string[], { width, height, cwd, env = {} }: TmuxOptions): Promise<Tmux> {
    const terminal = new Tmux();
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', `${width}`, '-y', `${height}`];
    await terminal.#run('-f', '/dev/null', 'new-session', '-d', '-c', cwd, ...size, ...variables, '--', ...shell);
    return terminal;
  }

  /** Types text as it is. */
  async type(text: string): Promise<void> {
    await this.#run('send-keys', '-l', text);
  }

  /** Presses a key by its name: `Enter`, `Tab`, `C-c`. */
  async press(key: string): Promise<void> {
    await this.#run('send-keys', key);
  }

  /** Gives the window another size. */
  async resize(width: number, height: number): Promise<void> {
    await this.#run('resize-window', '-x', `${width}`, '-y', `${height}`);
  }

  /** Gives the lines that stand on the screen. */
  async lines(): Promise<readonly string[]> {
    return (await this.#run('capture-pane', '-p')).split('\n');
  }

  /** Gives what stands on the screen and what has scrolled out of it, as it was written: what the window has wrapped is one line. */
  async text(): Promise<string> {
    return (await this.#run('capture-pane', '-p', '-J', '-S', '-')).trimEnd();
  }

  /** Says whether the cursor is to be seen. */
  async hasCursor(): Promise<boolean> {
    return (await this.#run('display-message', '-p', '#{cursor_flag}')) === '1';
  }

  /** Waits until the screen is as is wanted. @returns it @throws Error that shows what it was like instead */
  async until(isWanted: (lines: readonly string[]) => boolean): Promise<readonly string[]> {
    const deadline = performance.now() + limit;
    for (;;) {
      const lines = await this.lines();
      if (isWanted(lines)) return lines;
      if (performance.now() > deadline) throw new Error(`the screen did not become as wanted:\n${lines.join('\n')}`);
      await sleep(50);
    }
  }

  /** Ends the terminal and what runs in it. */
  async close(): Promise<void> {
    await this.#run('kill-server');
    rmSync(this.#directory, { recursive: true });
  }

  async #run(...args: readonly string[]): Promise<string> {
    return (await execa('tmux', ['-u', '-S', join(this.#directory, 'socket'), ...args])).stdout;
  }
}
