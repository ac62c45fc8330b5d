import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Lab } from '../../lib/lab/index.ts';

/** What went over a link since it was last reset. */
export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
  /** Round trips: half of the times at which the talking changed sides. */
  readonly roundTrips: number;
}

/** Milliseconds without a packet after which nothing more is on its way. */
const quiet = 150;

const script = fileURLToPath(new URL('./link.py', import.meta.url));

/** A long way to a lab's host, which can be made longer and shorter, and which counts. Needs root and python3. */
export class DelayLink {
  /** An ssh_config that reaches the lab's host over the link. */
  readonly sshConfig: string;
  readonly #directory: string;
  readonly #namespace: string;
  readonly #program: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(directory: string, namespace: string, program: ChildProcess, lines: Interface) {
    this.sshConfig = join(directory, 'ssh_config');
    this.#directory = directory;
    this.#namespace = namespace;
    this.#program = program;
    this.#answers = lines[Symbol.asyncIterator]();
  }

  /**
   * Lays a link from a namespace of its own to a lab's LAN, whose gateway forwards.
   * @param addresses further addresses that lead to the lab's host, as `a.b.c.d/prefix`
   */
  static async lay(lab: Lab, addresses: readonly string[] = []): Promise<DelayLink> {
    const namespace = `kvmplay-link-${randomBytes(4).toString('hex')}`;
    const directory = await mkdtemp(join(tmpdir(), 'kvm-play-link-'));
    await execa('ip', ['netns', 'add', namespace]);
    const ends = [namespace, '10.99.0.1/30', lab.lanNamespace, '10.99.0.2/30'];
    const program = spawn('python3', [script, ...ends], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (program.stdout === null) throw new Error('the link has no output');
    const link = new DelayLink(directory, namespace, program, createInterface({ input: program.stdout }));
    try {
      await link.#answer();
      await execa('ip', ['netns', 'exec', lab.lanNamespace, 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
      for (const target of [`${lab.hostAddress}/24`.replace(/\d+\/24$/, '0/24'), ...addresses]) {
        await execa('ip', ['-n', namespace, 'route', 'add', target, 'via', '10.99.0.2']);
      }
      for (const target of addresses) {
        await execa('ip', ['-n', lab.lanNamespace, 'route', 'add', target, 'via', lab.hostAddress]);
      }
      const config = await readFile(lab.sshConfig, 'utf8');
      await writeFile(link.sshConfig, config.replaceAll(lab.lanNamespace, namespace));
      return link;
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  /** Sets the round trip's time. @param milliseconds there and back together */
  async setRoundTrip(milliseconds: number): Promise<void> {
    await this.#ask(`delay ${milliseconds / 2}`);
  }

  /** Counts from nothing again, once the last words of what went over it before have arrived. */
  async reset(): Promise<void> {
    let before = -1;
    for (let now = await this.read(); now.packets !== before; now = await this.read()) {
      before = now.packets;
      await sleep(quiet);
    }
    await this.#ask('reset');
  }

  /** Says what went over it. */
  async read(): Promise<Traffic> {
    const { packets, bytes, turns } = await this.#ask('read');
    return { packets: Number(packets), bytes: Number(bytes), roundTrips: (Number(turns) + 1) / 2 };
  }

  /** Takes the link away. */
  async close(): Promise<void> {
    const ended = once(this.#program, 'exit');
    this.#program.stdin?.end();
    await ended;
    await execa('ip', ['netns', 'delete', this.#namespace], { reject: false });
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #ask(command: string): Promise<Readonly<Record<string, unknown>>> {
    this.#program.stdin?.write(`${command}\n`);
    return this.#answer();
  }

  async #answer(): Promise<Readonly<Record<string, unknown>>> {
    const { value, done } = await this.#answers.next();
    const answer: unknown = done === true ? undefined : JSON.parse(value);
    if (typeof answer !== 'object' || answer === null) throw new Error('the link gives no answer');
    return Object.fromEntries(Object.entries(answer));
  }
}
