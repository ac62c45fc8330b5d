import { ConnectionError } from '../../errors.ts';
import type { RawOutput, RunScript } from '../shell/transport.ts';
import { Session, type SessionStart } from './session.ts';

/** Keeps one session of a machine open. The first script opens it, and so does the next script after the session was lost. */
export class OpenSession {
  readonly #start: () => Promise<SessionStart>;
  #session: Session | undefined;
  #isStarting = false;
  #isClosed = false;

  /** @param start says how a session is started; asked each time that one is */
  constructor(start: () => Promise<SessionStart>) {
    this.#start = start;
  }

  /** True while a script runs: a second script needs another connection. */
  get isBusy(): boolean {
    return this.#isStarting || (this.#session !== undefined && !this.#session.isEnded && !this.#session.isIdle);
  }

  /** Runs a script in the session. @throws ConnectionError, OutputLimitError, InterruptedError */
  async run(script: string, options: RunScript): Promise<RawOutput> {
    if (this.#isClosed) throw new ConnectionError('the connection has been closed');
    return (await this.#open()).run(script, options);
  }

  async #open(): Promise<Session> {
    if (this.#session !== undefined && !this.#session.isEnded) return this.#session;
    this.#isStarting = true;
    try {
      this.#session = new Session(await this.#start());
      return this.#session;
    } finally {
      this.#isStarting = false;
    }
  }

  /** Sends a last script, and ends the session without waiting for its answer. @returns false where no session could take it */
  leave(script: string): boolean {
    return this.#session?.leave(script) ?? false;
  }

  /** True while a session is open that can take a script at once. */
  get isOpen(): boolean {
    return this.#session?.isIdle === true;
  }

  /** Ends the session. @param next the session that replaces it; without it the next script opens another */
  drop(next?: Session): void {
    this.#session?.close();
    this.#session = next;
    if (this.#isClosed) next?.close();
  }

  /** Ends the session for good. */
  close(): void {
    this.#isClosed = true;
    this.drop();
  }
}
