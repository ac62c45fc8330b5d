import { ConnectionError } from '../errors.ts';
import { runProcess } from './process.ts';
import { bootstrap, type RawOutput, type RunScript, type Transport } from './transport.ts';

/** Options of {@link LocalTransport}. */
export interface LocalOptions {
  /** Run scripts by `sudo -n` where the user is not root. */
  readonly become: boolean;
}

/** Runs scripts on this machine, without SSH. */
export class LocalTransport implements Transport {
  readonly name: string;
  readonly isLocal = true;
  readonly #become: boolean;

  constructor(name: string, { become }: LocalOptions) {
    this.name = name;
    this.#become = become;
  }

  async run(script: string, { stdin, timeLimit }: RunScript): Promise<RawOutput> {
    const bytes = Buffer.from(script);
    const input = Buffer.concat([bytes, stdin ?? Buffer.alloc(0)]);
    const result = await runProcess('sh', ['-c', bootstrap(bytes.length, this.#become)], { input, timeLimit });
    if (result.timedOut) throw new ConnectionError(`no answer within ${timeLimit} s`);
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined) throw new ConnectionError(`sh could not be run: ${result.trouble}`);
    return { exitCode, stdout, stderr };
  }

  async runFresh(script: string, options: RunScript): Promise<RawOutput> {
    return this.run(script, options);
  }

  async reconnect(): Promise<void> {}

  async close(): Promise<void> {}
}
