import { expect, test } from '@jest/globals';
import { cutsLinks, isLinkUnit, linkUnits, undoOfLinkUnit } from '../../../modules/network/link_units.ts';
import { stacks } from '../../../modules/network/stacks.ts';

test('the units that bring links up are known, those of every stack among them', () => {
  expect(['network', 'NetworkManager', 'libvirtd'].map(isLinkUnit)).toEqual([true, true, false]);
  const names = linkUnits.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(stacks.map(({ unit }) => unit)));
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  ['restart', 'network', true],
  ['start', 'NetworkManager', true],
  ['restart', 'NetworkManager', true],
  ['stop', 'NetworkManager', false],
  ['stop', 'systemd-networkd', true],
  ['restart', 'libvirtd', false],
  ['stop', 'libvirt-guests', false],
] as const)('%s %s cuts links: %s', (action, name, cuts) => {
  expect(cutsLinks(action, name)).toBe(cuts);
});

test('a rollback stops the unit with the new files, and is over at boot before the unit starts', () => {
  expect(undoOfLinkUnit('systemd-networkd')).toEqual({
    withNewFiles: [['systemctl', 'stop', 'systemd-networkd']],
    before: ['systemd-networkd.service'],
  });
  expect(undoOfLinkUnit('network')?.withNewFiles?.map(([first]) => first)).toEqual(['systemctl', 'env', 'pkill']);
  expect(undoOfLinkUnit('libvirtd')).toBeUndefined();
});
