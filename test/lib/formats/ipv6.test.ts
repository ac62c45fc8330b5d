import { expect, test } from '@jest/globals';
import {
  addressByMac,
  formatIpv6,
  inIpv6Subnet,
  isLinkLocal,
  parseIpv6,
  parseIpv6Network,
} from '../../../lib/formats/ipv6.ts';

test.each([
  ['::', '::', 0n],
  ['::1', '::1', 1n],
  ['FD00:0:0::0150', 'fd00::150', (0xfd00n << 112n) | 0x150n],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8', 0x00010002000300040005000600070008n],
  ['::ffff:192.0.2.1', '::ffff:c000:201', 0xffffc0000201n],
  ['fe80::5054:ff:feaa:1', 'fe80::5054:ff:feaa:1', 0xfe80000000000000505400fffeaa0001n],
])('%s is read, and written as %s', (text, written, value) => {
  expect(parseIpv6(text)).toBe(value);
  expect(formatIpv6(value)).toBe(written);
});

test.each(['', 'br0', '192.0.2.1', 'fd00::1%br0', 'fd00:::1', '1:2:3:4:5:6:7:8:9', ':1', 'fd00::1/64', '[::1]'])(
  '%j is no address',
  (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  },
);

test('a network is an address with the length of its prefix', () => {
  expect(parseIpv6Network('::1/128')).toEqual({ address: 1n, prefix: 128 });
  expect([parseIpv6Network('::1'), parseIpv6Network('::1/129'), parseIpv6Network('10.0.0.1/8')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  const network = { address: 0xfd00n << 112n, prefix: 64 };
  expect(inIpv6Subnet(network.address | 5n, network)).toBe(true);
  expect(inIpv6Subnet(network.address | (1n << 64n), network)).toBe(false);
  expect([isLinkLocal(0xfe80n << 112n), isLinkLocal(0xfebfn << 112n), isLinkLocal(0xfec0n << 112n)]).toEqual([
    true,
    true,
    false,
  ]);
});

test('a link makes its address from its MAC, with one bit turned', () => {
  const address = addressByMac((0xfd00n << 112n) | 0x99n, '52:54:00:aa:00:01') ?? 0n;
  expect(formatIpv6(address)).toBe('fd00::5054:ff:feaa:1');
  expect([addressByMac(0n, ''), addressByMac(0n, '00:00:00:00:00:00:00:01')]).toEqual([undefined, undefined]);
});
