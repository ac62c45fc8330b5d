import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { linkOf, linksScript, readNetworkState, wayScript } from '../../../lib/network_change/network_state.ts';
import { FakeHost } from '../../../lib/testing/index.ts';

/** As a host printed it with a bridge, a guest's tap and a VLAN. */
const host = (connection: string, way = ''): FakeHost =>
  new FakeHost({
    commands: {
      'sh -c printf %s "$SSH_CONNECTION"': { stdout: connection },
      [`sh -c ${wayScript()}`]: { stdout: way },
      'ip -o address show': {
        stdout:
          '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n' +
          '4: br0    inet 192.168.221.150/24 brd 192.168.221.255 scope global dynamic br0\\       valid_lft 43195sec\n' +
          '4: br0    inet6 fd00:221::5054:ff:feaa:1/64 scope global dynamic mngtmpaddr \\       valid_lft 86395sec\n' +
          '4: br0    inet6 fd00:221::bad/64 scope global tentative dadfailed \\       valid_lft forever\n' +
          '5: ens34.5@ens34    inet 10.5.0.1/24 scope global ens34.5\\       valid_lft forever\n',
      },
      'ip -4 route show default': {
        stdout:
          'default via 192.168.221.1 dev br0 \ndefault dev tun0 scope link \n' +
          'default proto static metric 300 \n\tnexthop via 10.5.0.2 dev ens34.5 weight 1 \n\tnexthop via 10.5.0.3 dev ens34.5 weight 1 \n',
      },
      'ip -6 route show default': {
        stdout: 'default via fe80::1 dev br0 proto ra metric 1024 expires 1790sec hoplimit 64 pref medium\n',
      },
      [`sh -c ${linksScript()}`]: {
        stdout:
          'br0 52:54:00:aa:00:01 \nens33 52:54:00:aa:00:01 ../br0\nlo 00:00:00:00:00:00 \n' +
          'tun0  \nvnet0 fe:54:00:12:34:56 ../../../virtual/net/br0\n',
      },
    },
  });

test('a host’s network is read as a change must find it again', async () => {
  const way = '10.1.0.1 from 192.168.221.150 via 192.168.221.1 dev br0 table 100 uid 0 \n    cache \n';
  const seen = await readNetworkState(host('10.1.0.1 52800 192.168.221.150 22', way).reader);
  expect(seen).toEqual({
    connection: { peer: '10.1.0.1', local: '192.168.221.150' },
    way: { link: 'br0', via: '192.168.221.1' },
    addresses: [
      { link: 'lo', address: '127.0.0.1/8' },
      { link: 'br0', address: '192.168.221.150/24' },
      { link: 'br0', address: 'fd00:221::5054:ff:feaa:1/64' },
      { link: 'ens34.5', address: '10.5.0.1/24' },
    ],
    gateways: [
      { link: 'br0', via: '192.168.221.1' },
      { link: 'ens34.5', via: '10.5.0.2' },
      { link: 'ens34.5', via: '10.5.0.3' },
      { link: 'br0', via: 'fe80::1' },
    ],
    masters: new Map([
      ['br0', ''],
      ['ens33', 'br0'],
      ['lo', ''],
      ['tun0', ''],
      ['vnet0', 'br0'],
    ]),
    macs: new Map([
      ['br0', '52:54:00:aa:00:01'],
      ['ens33', '52:54:00:aa:00:01'],
      ['lo', '00:00:00:00:00:00'],
      ['tun0', ''],
      ['vnet0', 'fe:54:00:12:34:56'],
    ]),
  });
  expect(linkOf(seen, '192.168.221.150')).toBe('br0');
  expect(linkOf(seen, '192.168.221.15')).toBeUndefined();
});

test.each([
  ['an IPv4 address that sshd shows as one of IPv6', '::ffff:10.0.0.1 5 ::ffff:10.0.0.2 22', '10.0.0.1', '10.0.0.2'],
  ['an IPv6 address', 'fd00::1 5 fd00::2 22', 'fd00::1', 'fd00::2'],
  ['a link-local address, with its zone', 'fe80::1%br0 5 fe80::2%br0 22', 'fe80::1', 'fe80::2'],
])('%s is read as what it is', async (_what, connection, peer, local) => {
  expect((await readNetworkState(host(connection).reader)).connection).toEqual({ peer, local });
});

test('this machine has no connection', async () => {
  expect(await readNetworkState(host('').reader)).toMatchObject({ connection: undefined, way: undefined });
});

test.each([
  ['10.0.0.1 5 10.0.0.2 22', 'route get 10.0.0.1 from 10.0.0.2'],
  ['::ffff:10.0.0.1 5 ::ffff:10.0.0.2 22', 'route get 10.0.0.1 from 10.0.0.2'],
  ['fd00::1 5 fd00::2 22', 'route get fd00::1 from fd00::2'],
  ['fe80::1%br0 5 fe80::2%br0 22', 'route get fe80::1 from fe80::2 oif br0'],
  ['', ''],
])('the kernel is asked for the way of %j', (connection, asked) => {
  const script = `ip() { echo "$*"; }\n${wayScript()}`;
  const env = { ...process.env, SSH_CONNECTION: connection };
  expect(execFileSync('sh', ['-c', script], { env }).toString().trim()).toBe(asked);
});

test('every link of this machine is told with its MAC', () => {
  expect(execFileSync('sh', ['-c', linksScript()]).toString()).toMatch(/^lo 00:00:00:00:00:00 $/m);
});
