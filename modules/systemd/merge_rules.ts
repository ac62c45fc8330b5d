import type { MergeRule } from '../../lib/task/merge_rule.ts';

/** Merges `systemctl show -p PROPERTIES UNIT... PATTERN...`: it prints a block for each unit in the order asked for, then those that match a pattern. */
export const showRule: MergeRule = {
  least: 2,
  group: (argv) => {
    const [tool, verb, option, properties = ''] = argv;
    const isShow = tool === 'systemctl' && verb === 'show' && option === '-p' && properties.split(',').includes('Id');
    return isShow && argv.length > 4 && unitsOf(argv).every(isPlainUnit) ? `systemctl show ${properties}` : undefined;
  },
  merge: (argvs) => [...(argvs[0] ?? []).slice(0, 4), ...namesOf(argvs), ...patternsOf(argvs)],
  split: (stdout, argvs, exitCode) => {
    const names = namesOf(argvs);
    const blocks = stdout.split(/\n{2,}/).flatMap((block) => (block.trim() === '' ? [] : [block.trimEnd()]));
    if (exitCode !== 0 || blocks.length < names.length) return undefined;
    const matched = blocks.slice(names.length).map((block) => ({ block, id: /^Id=(.*)$/m.exec(block)?.[1] ?? '' }));
    return argvs.map((argv) => {
      const own = unitsOf(argv);
      const shown = [
        ...own.filter((unit) => !isPattern(unit)).map((unit) => blocks[names.indexOf(unit)] ?? ''),
        ...matched
          .filter(({ id }) => own.some((unit) => isPattern(unit) && matches(id, unit)))
          .map(({ block }) => block),
      ];
      return { exitCode: 0, stdout: `${shown.join('\n\n')}\n` };
    });
  },
};

/** Words of `systemctl is-enabled` for which it exits with 0, and others that it knows (systemctl(1)). */
const enabledWords: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['enabled', 'enabled-runtime', 'static', 'alias', 'indirect', 'generated'].map((word) => [word, 0]),
  ),
  ...Object.fromEntries(
    ['disabled', 'masked', 'masked-runtime', 'linked', 'linked-runtime', 'transient', 'bad'].map((word) => [word, 1]),
  ),
};

/**
 * Merges `systemctl is-enabled UNIT`: it prints a word for each unit. For a SysV script and for an unknown unit it complains, and then all
 * are asked one by one: merging pays only for many.
 */
export const isEnabledRule: MergeRule = {
  least: 6,
  group: ([tool, verb, unit, ...more]) =>
    tool === 'systemctl' && verb === 'is-enabled' && unit !== undefined && more.length === 0 && isPlainUnit(unit)
      ? 'systemctl is-enabled'
      : undefined,
  merge: (argvs) => ['systemctl', 'is-enabled', ...argvs.map((argv) => argv[2] ?? '')],
  split: (stdout, argvs) => {
    const words = stdout.trimEnd().split('\n');
    if (words.length !== argvs.length) return undefined;
    const answers = words.flatMap((word) => {
      const exitCode = enabledWords[word];
      return exitCode === undefined ? [] : [{ exitCode, stdout: `${word}\n` }];
    });
    return answers.length === argvs.length ? answers : undefined;
  },
};

function unitsOf(argv: readonly string[]): readonly string[] {
  return argv.slice(4);
}

function namesOf(argvs: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(argvs.flatMap(unitsOf).filter((unit) => !isPattern(unit)))];
}

function patternsOf(argvs: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(argvs.flatMap(unitsOf).filter(isPattern))];
}

function isPlainUnit(unit: string): boolean {
  return /^[\w:.\\@*][\w:.\\@*-]*$/.test(unit);
}

function isPattern(unit: string): boolean {
  return unit.includes('*');
}

function matches(id: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(id);
}
