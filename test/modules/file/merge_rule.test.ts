import { describe, expect, test } from '@jest/globals';
import { statRule } from '../../../modules/file/merge_rule.ts';
import { merge } from '../../support/merge.ts';

describe('stat', () => {
  const of = (path: string, format = '%a:%U'): string[] => ['stat', '-L', '-c', format, '--', path];

  test('one call for many paths, and a line for each', () => {
    expect(merge(statRule, [of('/a'), of('/b c')], '644:root\n600:qemu\n')).toEqual({
      argv: [...of('/a'), '/b c'],
      answers: ['644:root\n', '600:qemu\n'],
    });
  });

  test('a path that is not there is asked for by itself, and so is what names paths or looks at links', () => {
    expect(merge(statRule, [of('/a'), of('/b')], '644:root\n', 1).answers).toBeUndefined();
    const groups = [of('/a'), of('/a', '%n'), ['stat', '-c', '%a:%U', '--', '/a']].map((argv) => statRule.group(argv));
    expect(new Set(groups).size).toBe(3);
    expect(groups[1]).toBeUndefined();
  });
});
