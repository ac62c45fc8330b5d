import type { MergeRule } from '../../lib/task/merge_rule.ts';

const separator = 'kvm-play-next';

/** Merges `virsh -c URI COMMAND`: virsh takes many commands, separated by semicolons, and `echo` is one of them. */
export const virshRule: MergeRule = {
  least: 2,
  group: ([tool, option, uri, ...command]) =>
    tool === 'virsh' && option === '-c' && command.length > 0 && command.every((word) => /^[\w./:@%+,=-]+$/.test(word))
      ? `virsh ${uri}`
      : undefined,
  merge: (argvs) => [
    ...(argvs[0] ?? []).slice(0, 3),
    argvs.map((argv) => `${argv.slice(3).join(' ')}; echo ${separator}`).join('; '),
  ],
  split: (stdout, argvs, exitCode) => {
    const parts = stdout.split(`${separator}\n`);
    if (exitCode !== 0 || parts.length !== argvs.length + 1) return undefined;
    return parts.slice(0, -1).map((part) => ({ exitCode: 0, stdout: part.replace(/^\n(?=.)/, '') }));
  },
};
