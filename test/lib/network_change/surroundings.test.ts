import { expect, test } from '@jest/globals';
import { linkOf, readSurroundings } from '../../../lib/network_change/surroundings.ts';
import { FakeHost } from '../../support/fake_host.ts';

/** As a host printed it with a bridge, a guest's tap and a VLAN. */
const host = (connection: string): FakeHost =>
  new FakeHost({
    commands: {
      'sh -c printf %s "$SSH_CONNECTION"': { stdout: connection },
      'ip -o -4 address show': {
        stdout:
          '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n' +
          '4: br0    inet 192.168.221.150/24 brd 192.168.221.255 scope global dynamic br0\\       valid_lft 43195sec\n' +
          '5: ens34.5@ens34    inet 10.5.0.1/24 scope global ens34.5\\       valid_lft forever\n',
      },
      'ip -4 route show default': { stdout: 'default via 192.168.221.1 dev br0 \ndefault dev tun0 scope link \n' },
      'sh -c cd /sys/class/net && for l in *; do echo "$l $(readlink "$l/master")"; done': {
        stdout: 'br0 \nens33 ../br0\nlo \nvnet0 ../../../virtual/net/br0\n',
      },
    },
  });

test('a host’s network is read as a change must find it again', async () => {
  const seen = await readSurroundings(host('192.168.221.1 52800 192.168.221.150 22').reader);
  expect(seen).toEqual({
    connection: { peer: '192.168.221.1', local: '192.168.221.150' },
    addresses: [
      { link: 'lo', address: '127.0.0.1/8' },
      { link: 'br0', address: '192.168.221.150/24' },
      { link: 'ens34.5', address: '10.5.0.1/24' },
    ],
    gateways: ['192.168.221.1'],
    masters: new Map([
      ['br0', ''],
      ['ens33', 'br0'],
      ['lo', ''],
      ['vnet0', 'br0'],
    ]),
  });
  expect(linkOf(seen, '192.168.221.150')).toBe('br0');
  expect(linkOf(seen, '192.168.221.15')).toBeUndefined();
});

test('an IPv4 address that sshd shows as an IPv6 one is read as what it is, and this machine has no connection', async () => {
  expect((await readSurroundings(host('::ffff:10.0.0.1 5 ::ffff:10.0.0.2 22').reader)).connection).toEqual({
    peer: '10.0.0.1',
    local: '10.0.0.2',
  });
  expect((await readSurroundings(host('').reader)).connection).toBeUndefined();
});
