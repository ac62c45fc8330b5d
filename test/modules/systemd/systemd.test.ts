import { describe, expect, test } from '@jest/globals';
import { disruptionBy, fullUnitName, isLinkUnit } from '../../../modules/systemd/systemd.ts';

describe('what an action disturbs', () => {
  test.each([
    ['restart', 'network', 'link'],
    ['start', 'NetworkManager', 'link'],
    ['restart', 'NetworkManager', 'link'],
    ['stop', 'NetworkManager', undefined],
    ['stop', 'systemd-networkd', 'link'],
    ['restart', 'libvirtd', undefined],
    ['stop', 'libvirt-guests', 'guest'],
    ['start', 'libvirt-guests', undefined],
    ['restart', 'virtlockd', 'guest'],
    ['restart', 'firewalld', undefined],
  ] as const)('%s %s: %s', (action, name, disrupts) => {
    expect(disruptionBy(action, name)).toBe(disrupts);
  });
});

test('a name is completed as systemctl does it', () => {
  expect(['libvirtd', 'libvirtd.socket', 'getty@tty1', 'a.b'].map(fullUnitName)).toEqual([
    'libvirtd.service',
    'libvirtd.socket',
    'getty@tty1.service',
    'a.b.service',
  ]);
});

test('units that configure links are known', () => {
  expect(['network', 'NetworkManager', 'libvirtd'].map(isLinkUnit)).toEqual([true, true, false]);
});
