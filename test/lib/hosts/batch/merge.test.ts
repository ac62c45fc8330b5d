import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { groupQuestions } from '../../../../lib/hosts/batch/question_group.ts';
import { LocalTransport } from '../../../../lib/hosts/local.ts';
import { prologue } from '../../../../lib/hosts/shell/script.ts';
import type { MergeRule } from '../../../../lib/task/merge_rule.ts';
import { shells } from '../../../support/shells.ts';

/** `systemctl is-enabled UNIT...` prints a word for each unit. */
const isEnabledRule: MergeRule = {
  least: 6,
  group: ([tool, verb]) => (tool === 'systemctl' && verb === 'is-enabled' ? 'is-enabled' : undefined),
  merge: (argvs) => ['systemctl', 'is-enabled', ...argvs.map((argv) => argv[2] ?? '')],
  split: (stdout, argvs) => {
    const words = stdout.trimEnd().split('\n');
    return words.length === argvs.length ? words.map((word) => ({ exitCode: 0, stdout: `${word}\n` })) : undefined;
  },
};
const isEnabled = (unit: string): string[] => ['systemctl', 'is-enabled', unit];
const ask = (unit: string, mergeRule?: MergeRule) =>
  ({ kind: 'argv', argv: isEnabled(unit), timeLimit: 10, mergeRule }) as const;

test('only what came with the same rule is merged, and no fewer than the rule says', () => {
  const units = ['a', 'b', 'c', 'd', 'e', 'f'];
  const sizes = (ruleOf: (unit: string) => MergeRule | undefined): readonly number[] =>
    groupQuestions(
      units.map((unit) => ask(unit, ruleOf(unit))),
      'f00df00d',
    ).map(({ questions }) => questions.length);
  expect(sizes(() => isEnabledRule)).toEqual([6]);
  expect(sizes(() => undefined)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(sizes((unit) => (unit === 'f' ? undefined : isEnabledRule))).toEqual([1, 1, 1, 1, 1, 1]);
  const [pairs, others] = [
    { ...isEnabledRule, least: 2 },
    { ...isEnabledRule, least: 2 },
  ];
  expect(sizes((unit) => (unit < 'c' ? pairs : others))).toEqual([2, 4]);
});

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('a merged question with %s', (_name, shell) => {
  let directory: string;
  const log = (): string => readFileSync(join(directory, 'log'), 'utf8');
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-merge-'));
    // A systemctl that knows only units whose names begin with `known`, and complains of the others.
    const tool = `#!/bin/sh
shift
echo "$#" >> ${directory}/log
status=1
for unit in "$@"; do case $unit in known*) echo enabled; status=0 ;; *) echo "no $unit" >&2 ;; esac; done
exit $status
`;
    writeFileSync(join(directory, 'systemctl'), tool);
    chmodSync(join(directory, 'systemctl'), 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function asked(units: readonly string[]): Promise<readonly string[]> {
    writeFileSync(join(directory, 'log'), '');
    const questions = units.map((unit) => ask(unit, isEnabledRule));
    const [group] = groupQuestions(questions, 'f00df00d');
    const local = new LocalTransport('localhost', { become: false, shell });
    const output = await local.run(`${prologue()}\nPATH=${directory}:$PATH\n${group?.script ?? ''}`, { timeLimit: 20 });
    await local.close();
    return (group?.answers(output) ?? []).map((answer) =>
      answer === undefined ? 'none' : `${answer.exitCode} ${answer.stdout}${answer.stderr}`.trim(),
    );
  }

  const known = ['a', 'b', 'c', 'd', 'e'].map((letter) => `known-${letter}`);

  test('is asked with one call where nothing is complained of', async () => {
    expect(await asked([...known, 'known-f'])).toEqual(Array.from({ length: 6 }, () => '0 enabled'));
    expect(log()).toBe('6\n');
  });

  test('is asked one by one in the same request where something is, and each complaint is told to whom it belongs', async () => {
    expect(await asked([...known, 'unknown'])).toEqual([...known.map(() => '0 enabled'), '1 no unknown']);
    expect(log()).toBe('6\n1\n1\n1\n1\n1\n1\n');
  });
});
