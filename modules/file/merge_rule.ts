import type { MergeRule } from '../../lib/task/merge_rule.ts';

/** Merges `stat OPTIONS -- PATH` where the format names no path: it prints a line for each path, and complains of one that is not there. */
export const statRule: MergeRule = {
  least: 2,
  group: (argv) =>
    argv[0] === 'stat' && argv.at(-2) === '--' && !argv.some((word) => /%n|%N|\n/.test(word))
      ? argv.slice(0, -1).join(' ')
      : undefined,
  merge: (argvs) => [...(argvs[0] ?? []).slice(0, -1), ...argvs.map((argv) => argv.at(-1) ?? '')],
  split: (stdout, argvs, exitCode) => {
    const lines = stdout.trimEnd().split('\n');
    if (exitCode !== 0 || lines.length !== argvs.length) return undefined;
    return lines.map((line) => ({ exitCode: 0, stdout: `${line}\n` }));
  },
};
