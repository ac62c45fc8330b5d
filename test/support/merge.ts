import { expect } from '@jest/globals';
import type { MergeRule } from '../../lib/task/merge_rule.ts';

/** Merges questions of one group by their rule: the one command, and what each question is told of its output. */
export function merge(
  rule: MergeRule,
  argvs: readonly (readonly string[])[],
  stdout: string,
  exitCode = 0,
): { readonly argv: readonly string[]; readonly answers: readonly string[] | undefined } {
  const [first = []] = argvs;
  expect(rule.group(first)).toBeDefined();
  expect(new Set(argvs.map((argv) => rule.group(argv)))).toEqual(new Set([rule.group(first)]));
  return { argv: rule.merge(argvs), answers: rule.split(stdout, argvs, exitCode)?.map((answer) => answer.stdout) };
}
