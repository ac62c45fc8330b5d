import * as v from 'valibot';
import { parseArguments } from '../lib/arguments.ts';
import { type Once, once } from '../lib/diff.ts';
import { CommandError } from '../lib/errors.ts';
import type { ReadonlyHost } from '../lib/hosts/readonly_host.ts';
import { defineModule, type Module, type Seen } from '../lib/module.ts';
import { argvSchema, argvSubject, missingCommand, notRun, secondsSchema } from './backends/argv.ts';

/** Arguments of {@link query}. */
export interface QueryArgs {
  /** A command that only looks, and its arguments. No shell splits or expands them. */
  readonly argv: readonly string[];
  /** True where another exit code than 0 is an answer too. Default false: it is a failure. */
  readonly mayFail?: boolean;
  /** Seconds after which it is ended and has failed. Default 30. */
  readonly timeLimit?: number;
}

/** What {@link query} has seen. Nothing of it is wanted, so nothing differs. */
export interface QueryState {
  readonly ask: Once<{ readonly argv: readonly string[]; readonly mayFail: boolean; readonly timeLimit?: number }>;
  readonly exitCode?: number;
  /** What it printed, as it is. */
  readonly stdout?: string;
}

const schema = v.strictObject({
  argv: argvSchema("'argv'"),
  mayFail: v.optional(v.boolean(), false),
  timeLimit: v.optional(secondsSchema),
});

/**
 * Asks a host something with a command that only looks. It never changes anything: what it saw is its state.
 *
 * @example
 * ```ts
 * query({ argv: ['uname', '-r'] });
 * ```
 */
export const query: Module<QueryArgs> = defineModule<QueryArgs, QueryState, undefined>({
  name: 'query',
  desired: (args) => {
    const { argv, mayFail, timeLimit } = parseArguments('query', schema, args);
    return { ask: once({ argv, mayFail, ...(timeLimit !== undefined && { timeLimit }) }) };
  },
  subject: ({ ask }) => argvSubject(ask.value.argv),
  read,
  plan: () => [],
});

async function read(host: ReadonlyHost, { ask }: QueryState): Promise<Seen<QueryState, undefined>> {
  const { argv, mayFail, timeLimit } = ask.value;
  const { exitCode, stdout, stderr } = await host.query(argv, timeLimit === undefined ? {} : { timeLimit });
  const missing = notRun.includes(exitCode) ? await missingCommand(host, argv) : [];
  if (exitCode !== 0 && !mayFail && missing.length === 0) {
    const words = stderr.trim() || stdout.trim();
    throw new CommandError(
      `'${argv.join(' ')}' failed with exit code ${exitCode}${words === '' ? '' : `: ${words}`}\nwhere that is an answer too, say mayFail: true`,
      { argv, exitCode, stderr },
    );
  }
  return { state: { ask, exitCode, stdout }, found: undefined, missing: mayFail ? [] : missing };
}
