import { describe, expect, test } from '@jest/globals';
import { virshRule } from '../../../modules/libvirt/merge_rule.ts';
import { merge } from '../../support/merge.ts';

const virsh = (...args: string[]): string[] => ['virsh', '-c', 'qemu:///system', ...args];

describe('virsh', () => {
  test('one call for many commands, and each gets what it prints alone', () => {
    const argvs = [virsh('pool-info', 'default'), virsh('dumpxml', '--inactive', 'gibbon')];
    expect(merge(virshRule, argvs, 'Name: default\n\nkvm-play-next\n<domain>\n</domain>\n\nkvm-play-next\n\n')).toEqual(
      {
        argv: virsh('pool-info default; echo kvm-play-next; dumpxml --inactive gibbon; echo kvm-play-next'),
        answers: ['Name: default\n\n', '<domain>\n</domain>\n\n'],
      },
    );
  });

  test('a word that virsh itself would read otherwise is not merged', () => {
    for (const word of ['a b', "it's", 'a;b', '"', '\\', '#x'])
      expect(virshRule.group(virsh('dumpxml', word))).toBeUndefined();
  });
});
