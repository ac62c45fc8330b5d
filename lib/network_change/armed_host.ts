import type { CommandError } from '../errors.ts';
import type { Executed, ExecuteOptions, Host, ReachOptions } from '../hosts/host.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import type { CommandStep, Step } from '../task/step.ts';
import { whileArmed } from './transaction.ts';

/** A host while a change of it is armed: steps that arrive once the change is over are not taken. */
export class ArmedHost implements Host {
  readonly name: string;
  readonly isLocal: boolean;
  readonly reader: ReadonlyHost;
  readonly #host: Host;
  readonly #id: string;

  /** @param id the change's */
  constructor(host: Host, id: string) {
    this.name = host.name;
    this.isLocal = host.isLocal;
    this.reader = host.reader;
    this.#host = host;
    this.#id = id;
  }

  async execute(step: Step): Promise<void> {
    await this.#host.execute(step, { wrap: this.#whileArmed });
  }

  /** Takes the steps in the same turn of the event loop, so that reads sent with them are answered after them. */
  executeTogether(steps: readonly Step[], options?: ExecuteOptions): Promise<Executed> {
    return this.#host.executeTogether(steps, { ...options, wrap: this.#whileArmed });
  }

  /** Not wrapped: the first of these steps, `cutStep`, itself checks that the change is armed. */
  async executeDetached(steps: readonly CommandStep[], options?: ReachOptions): Promise<readonly CommandError[]> {
    return this.#host.executeDetached(steps, options);
  }

  get reachedAt(): string | undefined {
    return this.#host.reachedAt;
  }

  readonly #whileArmed = (script: string): string => whileArmed(this.#id, script);

  async lock(): Promise<void> {
    await this.#host.lock();
  }

  async reconnect(options?: ReachOptions): Promise<void> {
    await this.#host.reconnect(options);
  }

  async log(line: string): Promise<void> {
    await this.#host.log(line);
  }

  async close(): Promise<void> {
    await this.#host.close();
  }
}
