import { describe, expect, test } from '@jest/globals';
import { isEnabledRule, showRule } from '../../../modules/systemd/merge_rules.ts';
import { merge } from '../../support/merge.ts';

const show = (...units: string[]): string[] => ['systemctl', 'show', '-p', 'Id,ActiveState', ...units];
const isEnabled = (unit: string): string[] => ['systemctl', 'is-enabled', unit];
const block = (id: string, state: string): string => `Id=${id}\nActiveState=${state}\n`;

describe('systemctl show', () => {
  const argvs = [show('a.service', 'a*.socket'), show('b.service', 'b*.socket'), show('a.service')];

  test('names come first and once, patterns after them, as systemctl prints what matches them last', () => {
    const stdout = [
      block('a.service', 'active'),
      block('b.service', 'inactive'),
      block('b.socket', 'active'),
      block('a-ro.socket', 'active'),
    ].join('\n');
    expect(merge(showRule, argvs, stdout)).toEqual({
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
    expect(merge(showRule, [show('alias.service'), show('b.service')], stdout).answers).toEqual([
      block('real.service', 'active'),
      block('b.service', 'active'),
    ]);
  });

  test('what fails, or misses a unit, is asked one by one', () => {
    expect(merge(showRule, argvs, block('a.service', 'active')).answers).toBeUndefined();
    expect(merge(showRule, argvs, `${block('a.service', '')}\n${block('b.service', '')}`, 1).answers).toBeUndefined();
  });

  test('other properties are another question', () => {
    const groups = [show('a'), ['systemctl', 'show', '-p', 'Id', 'a']].map((argv) => showRule.group(argv));
    expect(new Set(groups).size).toBe(2);
    expect(showRule.group(['systemctl', 'show', '-p', 'ActiveState', 'a'])).toBeUndefined();
    expect(showRule.group(show('a', '--all'))).toBeUndefined();
  });
});

describe('systemctl is-enabled', () => {
  test('a word a unit, and the exit code that each word has', () => {
    const argvs = ['a', 'b', 'c'].map(isEnabled);
    expect(isEnabledRule.merge(argvs)).toEqual(['systemctl', 'is-enabled', 'a', 'b', 'c']);
    expect(isEnabledRule.split('enabled\nmasked\nstatic\n', argvs, 0)).toEqual([
      { exitCode: 0, stdout: 'enabled\n' },
      { exitCode: 1, stdout: 'masked\n' },
      { exitCode: 0, stdout: 'static\n' },
    ]);
  });

  test('an unknown word, or one too few, is asked one by one', () => {
    const argvs = ['a', 'b'].map(isEnabled);
    expect(isEnabledRule.split('enabled\nhalf-enabled\n', argvs, 0)).toBeUndefined();
    expect(isEnabledRule.split('enabled\n', argvs, 0)).toBeUndefined();
  });
});
