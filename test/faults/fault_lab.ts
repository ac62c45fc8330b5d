import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { buildLab, type Lab } from '../../lib/lab/index.ts';
import { type Ground, postGround } from './ground.ts';

/** A throwaway host that faults are injected into, one after the other. */
export class FaultLab {
  lab: Lab;
  #old = '';
  #background: Promise<unknown>[] = [];

  /** What the host is like at the start. */
  readonly ground: Ground;

  private constructor(lab: Lab, ground: Ground) {
    this.lab = lab;
    this.ground = ground;
  }

  /** Builds the host. */
  static async build(ground: Ground = postGround): Promise<FaultLab> {
    const host = new FaultLab(await buildLab(ground.lab), ground);
    await host.#begin();
    return host;
  }

  async #begin(): Promise<void> {
    await this.inside(this.ground.keep);
    this.#old = await this.files();
  }

  /** What its files are at the start. */
  get old(): string {
    return this.#old;
  }

  /** Runs a script inside, past the network; no process list shows its text. @returns what it printed */
  async inside(script: string): Promise<string> {
    return (await this.lab.run(['sh'], { input: script })).stdout;
  }

  /** What the files and the units are now, in one text. */
  async files(): Promise<string> {
    return (await this.lab.run(['sh'], { input: this.ground.files, reject: false })).stdout;
  }

  /** Does something later, or meanwhile; {@link settle} waits for it. */
  later(seconds: number, work: () => Promise<unknown>): void {
    const done = sleep(seconds * 1000).then(work);
    done.catch(() => {});
    this.#background.push(done);
  }

  /** Waits until nothing is under way: neither what was begun by {@link later}, nor a change on the host. */
  async settle(seconds: number): Promise<void> {
    await Promise.all(this.#background.splice(0));
    await this.until(seconds, 'a change is still pending', async () => {
      const found = await this.inside("ls -d /var/lib/kvm-play/change/current; pgrep -f '[p]rogram begin'; true");
      return found === '';
    });
  }

  /** Waits until the host answers over SSH, on a connection of its own. */
  async untilAnswers(seconds: number): Promise<void> {
    const options = ['-o', 'ControlPath=none', '-o', 'ConnectTimeout=2', '-o', 'BatchMode=yes'];
    await this.until(seconds, 'the host does not answer', async () => {
      const argv = ['-F', this.lab.sshConfig, ...options, this.lab.name, 'true'];
      return (await execa('ssh', argv, { reject: false, stdin: 'ignore' })).exitCode === 0;
    });
  }

  /** Lists what a change has left behind; empty when there is nothing, or nothing any more within a minute. */
  async leftovers(): Promise<string> {
    let found = '';
    await this.until(60, '', async () => {
      found = await this.inside(this.ground.leftovers);
      return found === '';
    }).catch(() => {});
    return found;
  }

  /** Lists what is left of a bridge that was taken back. */
  async remains(): Promise<string> {
    return this.inside(this.ground.remains ?? 'true');
  }

  /** Lists what of the network is not as it was at the start. */
  async notAsBefore(): Promise<string> {
    let found = '';
    await this.until(15, '', async () => {
      found = await this.inside(this.ground.live);
      return found === '';
    }).catch(() => {});
    return found;
  }

  /** Makes the host what it was at the start; builds another one where that does not work. */
  async reset(): Promise<void> {
    try {
      await Promise.allSettled(this.#background.splice(0));
      await this.lab.startDhcp();
      await this.lab.setCable(true);
      await this.lab.run(['sh'], { input: this.ground.reset, timeout: 60_000, reject: false });
      await this.untilAnswers(20);
      if ((await this.files()) === this.#old && (await this.notAsBefore()) === '') return;
    } catch {
      // Another one, then.
    }
    await this.lab.destroy();
    this.lab = await buildLab(this.ground.lab);
    await this.#begin();
  }

  async destroy(): Promise<void> {
    await this.lab.destroy();
  }

  /** @throws Error with the words when it takes too long */
  async until(seconds: number, words: string, ask: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await ask())) {
      if (performance.now() > deadline) throw new Error(`${words} after ${seconds} s`);
      await sleep(250);
    }
  }
}
