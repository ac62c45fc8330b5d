import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlayEvent, Summary } from '../../lib/events/events.ts';
import { type ConnectOptions, connect } from '../../lib/hosts/connect.ts';
import type { Host } from '../../lib/hosts/host.ts';
import { buildLab, type Lab, type LabOptions } from '../../lib/lab/index.ts';
import { type RunOptions, run } from '../../lib/run/run.ts';
import { play } from '../../lib/site/play.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type CommandEnd, type CommandOptions, runCommand } from '../support/command.ts';

/** What a run of tasks came to. */
export interface TasksEnd {
  readonly summary: Summary;
  readonly events: readonly PlayEvent[];
  /** A task's status, or the message of its error, one a task; the message with which the host failed is the last. */
  readonly ends: readonly string[];
}

/** A throwaway host for the tests of a file, and an empty directory of this machine that is taken away with it. */
export class Machine {
  readonly #options: LabOptions;
  readonly #opened: Host[] = [];
  #lab: Lab | undefined;
  #directory: string | undefined;

  constructor(options: LabOptions = {}) {
    this.#options = options;
  }

  async build(): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'kvm-play-lab-test-'));
    this.#lab = await buildLab(this.#options);
  }

  /** Closes the connections, and takes away what there is. */
  async remove(): Promise<void> {
    for (const host of this.#opened.splice(0)) await host.close();
    await this.#lab?.destroy();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
  }

  get lab(): Lab {
    if (this.#lab === undefined)
      throw new Error('the host is built before the first test, not while tests are described');
    return this.#lab;
  }

  /** The empty directory. */
  get directory(): string {
    if (this.#directory === undefined) throw new Error('the directory is made before the first test');
    return this.#directory;
  }

  /** What the host is called on a command line: `root@ADDRESS`. */
  get login(): string {
    return `root@${this.lab.hostAddress}`;
  }

  /** Runs a script inside the host as root, past SSH and the network. @returns what it printed @throws when it fails */
  readonly inside = async (script: string, input?: string): Promise<string> =>
    (await this.lab.run(['sh', '-c', script], input === undefined ? {} : { input })).stdout.trimEnd();

  /**
   * Places a medium from which nothing boots. A guest comes to rest with it at once, where one that boots and looks for a network
   * keeps a processor of this machine busy.
   * @param path the host's, absolute
   */
  readonly putBlankMedium = async (path: string): Promise<void> => {
    await this.lab.run(['install', '-D', '-m', '644', '/dev/null', path]);
    await this.lab.run(['truncate', '--size=1M', path]);
  };

  /** Connects to the host; the connection is closed at the end, if the test has not closed it. */
  readonly connect = async (user = 'root', options: ConnectOptions = {}): Promise<Host> => {
    const host = await connect(`${user}@${this.lab.hostAddress}`, { sshConfig: this.lab.sshConfig, ...options });
    this.#opened.push(host);
    return host;
  };

  /** Runs tasks on the host by way of the library. @param user who logs in (default: root) */
  async run(
    items: readonly PlayItem[],
    { user = 'root', ...options }: RunOptions & { readonly user?: string } = {},
  ): Promise<TasksEnd> {
    const events: PlayEvent[] = [];
    const { onEvent, ...rest } = options;
    const summary = await run(play({ name: 'Tasks', tasks: items }), {
      hosts: [`${user}@${this.lab.hostAddress}`],
      sshConfig: this.lab.sshConfig,
      ...rest,
      onEvent: (event) => {
        events.push(event);
        onEvent?.(event);
      },
    });
    const ends = events.flatMap((event) => {
      if (event.type === 'host-failed') return [event.error.message];
      return event.type === 'task-end' ? [event.error?.message ?? event.status] : [];
    });
    return { summary, events, ends };
  }

  /** Arguments with which the command finds the host. */
  get arguments(): readonly string[] {
    return ['--host', this.login, '--ssh-config', this.lab.sshConfig];
  }

  /** Runs the command on the host, and waits for its end. @param args a site and further arguments */
  command(args: readonly string[], options?: CommandOptions): Promise<CommandEnd> {
    return runCommand([...args, ...this.arguments], options);
  }
}
