/** A way to ask a tool many questions with one command. */
export interface MergeRule {
  /** Fewest commands for which it is worth it. */
  readonly least: number;
  /** Names the commands that can be asked with this one as one; undefined for a command that cannot be merged. */
  group(argv: readonly string[]): string | undefined;
  /** The one command for all. */
  merge(argvs: readonly (readonly string[])[]): readonly string[];
  /**
   * Says what each command would have printed, had it been asked alone, and its exit status; the one command had nothing to
   * complain of. undefined where that cannot be told.
   */
  split(stdout: string, argvs: readonly (readonly string[])[], exitCode: number): readonly Answer[] | undefined;
}

/** What a command would have answered alone. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
}

/** `systemctl show -p PROPERTIES UNIT... PATTERN...`: a block for each unit in the order asked for, then those that match a pattern. */
const systemctlShow: MergeRule = {
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

/** `systemctl is-enabled UNIT...`: one word a unit. Where one of them is a SysV script or unknown it complains, so few are not worth the try. */
const systemctlIsEnabled: MergeRule = {
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

const virshMark = 'kvm-play-next';

/** `virsh -c URI COMMAND`: virsh takes many, separated by semicolons, and `echo` is one of them. */
const virsh: MergeRule = {
  least: 2,
  group: ([tool, option, uri, ...command]) =>
    tool === 'virsh' && option === '-c' && command.length > 0 && command.every((word) => /^[\w./:@%+,=-]+$/.test(word))
      ? `virsh ${uri}`
      : undefined,
  merge: (argvs) => [
    ...(argvs[0] ?? []).slice(0, 3),
    argvs.map((argv) => `${argv.slice(3).join(' ')}; echo ${virshMark}`).join('; '),
  ],
  split: (stdout, argvs, exitCode) => {
    const parts = stdout.split(`${virshMark}\n`);
    if (exitCode !== 0 || parts.length !== argvs.length + 1) return undefined;
    return parts.slice(0, -1).map((part) => ({ exitCode: 0, stdout: part.replace(/^\n(?=.)/, '') }));
  },
};

/** `stat OPTIONS -- PATH`: one line a path, where the format names no path; it complains of one that is not there. */
const stat: MergeRule = {
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

/** All tools that can be asked many things at once. */
export const mergeRules: readonly MergeRule[] = [systemctlShow, systemctlIsEnabled, virsh, stat];

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
