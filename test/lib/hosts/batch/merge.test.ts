import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mergeRules } from '../../../../lib/hosts/batch/merge.ts';
import { groupQuestions } from '../../../../lib/hosts/batch/question_group.ts';
import { LocalTransport } from '../../../../lib/hosts/local.ts';
import { prologue } from '../../../../lib/hosts/shell/script.ts';
import { shells } from '../../../support/shells.ts';

const show = (...units: string[]): string[] => ['systemctl', 'show', '-p', 'Id,ActiveState', ...units];
const isEnabled = (unit: string): string[] => ['systemctl', 'is-enabled', unit];
const virsh = (...args: string[]): string[] => ['virsh', '-c', 'qemu:///system', ...args];
const block = (id: string, state: string): string => `Id=${id}\nActiveState=${state}\n`;

/** The rule for a command, and how it splits what the merged one prints. */
function merge(argvs: readonly (readonly string[])[], stdout: string, exitCode = 0) {
  const [first = []] = argvs;
  const rule = mergeRules.find((each) => each.group(first) !== undefined);
  expect(new Set(argvs.map((argv) => rule?.group(argv)))).toEqual(new Set([rule?.group(first)]));
  return { argv: rule?.merge(argvs), answers: rule?.split(stdout, argvs, exitCode)?.map((answer) => answer.stdout) };
}

describe('systemctl show', () => {
  const argvs = [show('a.service', 'a*.socket'), show('b.service', 'b*.socket'), show('a.service')];

  test('names come first and once, patterns after them, as systemctl prints what matches them last', () => {
    const stdout = [
      block('a.service', 'active'),
      block('b.service', 'inactive'),
      block('b.socket', 'active'),
      block('a-ro.socket', 'active'),
    ].join('\n');
    expect(merge(argvs, stdout)).toEqual({
      argv: show('a.service', 'b.service', 'a*.socket', 'b*.socket'),
      answers: [
        `${block('a.service', 'active')}\n${block('a-ro.socket', 'active')}`,
        `${block('b.service', 'inactive')}\n${block('b.socket', 'active')}`,
        block('a.service', 'active'),
      ],
    });
  });

  test('an alias is known by its place, not by its name', () => {
    const stdout = `${block('real.service', 'active')}\n${block('b.service', 'active')}`;
    expect(merge([show('alias.service'), show('b.service')], stdout).answers).toEqual([
      block('real.service', 'active'),
      block('b.service', 'active'),
    ]);
  });

  test('what fails, or misses a unit, is asked one by one', () => {
    expect(merge(argvs, block('a.service', 'active')).answers).toBeUndefined();
    expect(merge(argvs, `${block('a.service', '')}\n${block('b.service', '')}`, 1).answers).toBeUndefined();
  });

  test('other properties are another question', () => {
    const groups = [show('a'), ['systemctl', 'show', '-p', 'Id', 'a']].map((argv) => mergeRules[0]?.group(argv));
    expect(new Set(groups).size).toBe(2);
    expect(mergeRules[0]?.group(['systemctl', 'show', '-p', 'ActiveState', 'a'])).toBeUndefined();
    expect(mergeRules[0]?.group(show('a', '--all'))).toBeUndefined();
  });
});

describe('systemctl is-enabled', () => {
  test('a word a unit, and the exit code that each word has', () => {
    const argvs = ['a', 'b', 'c'].map(isEnabled);
    expect(mergeRules[1]?.merge(argvs)).toEqual(['systemctl', 'is-enabled', 'a', 'b', 'c']);
    expect(mergeRules[1]?.split('enabled\nmasked\nstatic\n', argvs, 0)).toEqual([
      { exitCode: 0, stdout: 'enabled\n' },
      { exitCode: 1, stdout: 'masked\n' },
      { exitCode: 0, stdout: 'static\n' },
    ]);
  });

  test('an unknown word, or one too few, is asked one by one', () => {
    const argvs = ['a', 'b'].map(isEnabled);
    expect(mergeRules[1]?.split('enabled\nhalf-enabled\n', argvs, 0)).toBeUndefined();
    expect(mergeRules[1]?.split('enabled\n', argvs, 0)).toBeUndefined();
  });
});

describe('virsh', () => {
  test('one call for many commands, and each gets what it prints alone', () => {
    const argvs = [virsh('pool-info', 'default'), virsh('dumpxml', '--inactive', 'gibbon')];
    expect(merge(argvs, 'Name: default\n\nkvm-play-next\n<domain>\n</domain>\n\nkvm-play-next\n\n')).toEqual({
      argv: virsh('pool-info default; echo kvm-play-next; dumpxml --inactive gibbon; echo kvm-play-next'),
      answers: ['Name: default\n\n', '<domain>\n</domain>\n\n'],
    });
  });

  test('a word that virsh itself would read otherwise is not merged', () => {
    for (const word of ['a b', "it's", 'a;b', '"', '\\', '#x'])
      expect(mergeRules[2]?.group(virsh('dumpxml', word))).toBeUndefined();
  });
});

describe('stat', () => {
  const of = (path: string, format = '%a:%U'): string[] => ['stat', '-L', '-c', format, '--', path];

  test('one call for many paths, and a line for each', () => {
    expect(merge([of('/a'), of('/b c')], '644:root\n600:qemu\n')).toEqual({
      argv: [...of('/a'), '/b c'],
      answers: ['644:root\n', '600:qemu\n'],
    });
  });

  test('a path that is not there is asked for by itself, and so is what names paths or looks at links', () => {
    expect(merge([of('/a'), of('/b')], '644:root\n', 1).answers).toBeUndefined();
    const groups = [of('/a'), of('/a', '%n'), ['stat', '-c', '%a:%U', '--', '/a']].map((argv) =>
      mergeRules[3]?.group(argv),
    );
    expect(new Set(groups).size).toBe(3);
    expect(groups[1]).toBeUndefined();
  });
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
    const questions = units.map((unit) => ({ kind: 'argv', argv: isEnabled(unit), timeLimit: 10 }) as const);
    const [group] = groupQuestions(questions, 'f00df00d');
    const local = new LocalTransport('localhost', { become: false, shell });
    const output = await local.run(`${prologue}\nPATH=${directory}:$PATH\n${group?.script ?? ''}`, { timeLimit: 20 });
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
