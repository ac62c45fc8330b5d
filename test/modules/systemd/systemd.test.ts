import { expect, test } from '@jest/globals';
import { disturbsGuests, fullUnitName } from '../../../modules/systemd/systemd.ts';

test.each([
  ['restart', 'libvirtd', false],
  ['stop', 'libvirt-guests', true],
  ['start', 'libvirt-guests', false],
  ['restart', 'virtlockd', true],
  ['restart', 'firewalld', false],
  ['restart', 'network', false],
] as const)('%s %s disturbs guests: %s', (action, name, disturbs) => {
  expect(disturbsGuests(action, name)).toBe(disturbs);
});

test('a name is completed as systemctl does it', () => {
  expect(['libvirtd', 'libvirtd.socket', 'getty@tty1', 'a.b'].map(fullUnitName)).toEqual([
    'libvirtd.service',
    'libvirtd.socket',
    'getty@tty1.service',
    'a.b.service',
  ]);
});
