import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { CommandError } from '../lib/errors.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import { argvSchema, argvSubject, missingCommand, notRun } from './common/argv.ts';

/** Arguments of {@link query}. */
export interface QueryArgs {
  /** A command that only looks, and its arguments. No shell splits or expands them. */
  readonly argv: readonly string[];
  /** True where another exit code than 0 is an answer too. Default false: it is a failure. */
  readonly anyExitCode?: boolean;
}

/** The answer of {@link query}. Nothing of it is compared, so nothing differs. */
export interface QueryState {
  readonly ask: Once<{ readonly argv: readonly string[]; readonly anyExitCode: boolean; readonly timeLimit?: number }>;
  readonly exitCode?: number;
  /** What it printed, as it is. */
  readonly stdout?: string;
}

const args = v.strictObject({
  argv: argvSchema("'argv'"),
  anyExitCode: v.optional(v.boolean(), false),
} satisfies SchemaEntries<QueryArgs>);

/**
 * Asks a host something with a command that only looks. It never changes anything: what it saw is its state.
 *
 * @example
 * ```ts
 * query({ argv: ['uname', '-r'] });
 * ```
 */
export const query: Module<QueryArgs, QueryState> = defineModule({
  name: 'query',
  args,
  desired: (parsed, { timeLimit }) => ({ ask: once({ ...parsed, ...(timeLimit !== undefined && { timeLimit }) }) }),
  subject: ({ ask }) => argvSubject(ask.value.argv),
  read,
  plan: () => [],
});

async function read(host: ReadonlyHost, { ask }: QueryState): Promise<ModuleReading<QueryState, undefined>> {
  const { argv, anyExitCode, timeLimit } = ask.value;
  const { exitCode, stdout, stderr } = await host.query(argv, timeLimit === undefined ? {} : { timeLimit });
  const missing = notRun.includes(exitCode) ? await missingCommand(host, argv) : [];
  if (exitCode !== 0 && !anyExitCode && missing.length === 0) {
    const words = stderr.trim() || stdout.trim();
    throw new CommandError(
      `'${argv.join(' ')}' failed with exit code ${exitCode}${words === '' ? '' : `: ${words}`}\nwhere that is an answer too, say anyExitCode: true`,
      { argv, exitCode, stderr },
    );
  }
  const lacks = anyExitCode ? [] : missing;
  const answer = lacks.length === 0 ? { answer: { exitCode, stdout } } : {};
  return { state: { ask, exitCode, stdout }, found: undefined, missing: lacks, ...answer };
}
