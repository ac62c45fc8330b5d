/**
 * Says how many questions to one tool are asked with one command. A module hands the rule over with each question
 * (`host.query(argv, { mergeRule })`); the host then merges the questions of one turn of the event loop that came with the same rule
 * (the same object). Merging saves processes on the host, not round trips, and never changes an answer: where the one command
 * complains (writes to standard error), or {@link MergeRule.split} cannot tell the answers apart, each question is asked by itself.
 *
 * @example
 * ```ts
 * // `stat` takes many paths, and prints a line for each.
 * const statSizes: MergeRule = {
 *   least: 2,
 *   group: (argv) => (argv.length === 5 && argv.slice(0, 4).join(' ') === 'stat -c %s --' ? 'stat -c %s' : undefined),
 *   merge: (argvs) => ['stat', '-c', '%s', '--', ...argvs.map((argv) => argv[4] ?? '')],
 *   split: (stdout, argvs, exitCode) => {
 *     const lines = stdout.trimEnd().split('\n');
 *     if (exitCode !== 0 || lines.length !== argvs.length) return undefined;
 *     return lines.map((line) => ({ exitCode: 0, stdout: `${line}\n` }));
 *   },
 * };
 * const { stdout } = await host.query(['stat', '-c', '%s', '--', path], { mergeRule: statSizes });
 * ```
 */
export interface MergeRule {
  /** The fewest questions that are merged. 2 where merging always pays; more where the one command often complains. */
  readonly least: number;
  /** Names the group of commands that this one can be merged with; undefined for a command that cannot be merged. */
  group(argv: readonly string[]): string | undefined;
  /** Builds the one command from the commands of a group. */
  merge(argvs: readonly (readonly string[])[]): readonly string[];
  /**
   * Splits what the one command printed into the answers of the commands, in their order.
   * @returns what each command would have printed and its exit status, had it been asked alone; undefined where that cannot be told
   */
  split(stdout: string, argvs: readonly (readonly string[])[], exitCode: number): readonly MergedAnswer[] | undefined;
}

/** What a command would have answered alone. Its standard error is empty: what complains is not merged. */
export interface MergedAnswer {
  readonly exitCode: number;
  readonly stdout: string;
}
