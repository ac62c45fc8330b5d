import { describe, expect, test } from '@jest/globals';
import type { LinkOutlook, Reading } from '../../../lib/module.ts';
import { addressesToCome, strandingReasons, timeFor } from '../../../lib/network_change/stranding.ts';
import type { Surroundings } from '../../../lib/network_change/surroundings.ts';

const around = (peer = '192.168.221.1', local = '192.168.221.150'): Surroundings => ({
  connection: { peer, local },
  addresses: [
    { link: 'lo', address: '127.0.0.1/8' },
    { link: 'ens33', address: '192.168.221.150/24' },
    { link: 'ens34', address: '10.9.0.1/24' },
  ],
  gateways: ['192.168.221.1'],
  masters: new Map(),
});

const reading = (links: readonly LinkOutlook[], strands: readonly string[] = []): Reading => ({
  state: {},
  expected: {},
  isAwaited: false,
  differences: [],
  missing: [],
  warnings: [],
  settling: false,
  links,
  strands,
  plan: () => [],
});

const port: LinkOutlook = { link: 'ens33', bridge: 'br0', ipv4: 'none' };
const bridge = (ipv4: string, gateway?: string): LinkOutlook => ({
  link: 'br0',
  ipv4,
  ...(gateway !== undefined && { gateway }),
});

describe('strandingReasons', () => {
  test.each<[string, readonly LinkOutlook[], Surroundings]>([
    ['a bridge with DHCP', [bridge('dhcp'), port], around()],
    ['a static address in the subnet of the controller', [bridge('192.168.221.9/24'), port], around()],
    ['a static address with a gateway', [bridge('10.0.0.5/24', '10.0.0.1'), port], around()],
    ['another link than the one that carries the connection', [{ link: 'ens34', ipv4: 'none' }], around()],
    ['an address that no link carries', [bridge('none'), port], around('192.168.221.1', '203.0.113.9')],
    ['a connection over IPv6', [bridge('none'), port], around('fe80::1', 'fe80::2')],
    ['this very machine', [bridge('none'), port], { ...around(), connection: undefined }],
  ])('finds nothing against %s', (_what, links, surroundings) => {
    expect(strandingReasons([reading(links)], surroundings)).toEqual([]);
  });

  test.each<[string, readonly LinkOutlook[], string]>([
    [
      'a bridge without an address',
      [bridge('none'), port],
      'ens33 carries this connection (192.168.221.150), and br0 would end without an address',
    ],
    ['a port without its bridge', [port], 'would be plugged into br0, whose address none of these tasks says'],
    ['the link itself without an address', [{ link: 'ens33', ipv4: 'none' }], 'and ens33 would end without an address'],
    [
      'a static address elsewhere without a gateway',
      [bridge('10.0.0.5/24'), port],
      'br0 would have 10.0.0.5/24 without a gateway, from where 192.168.221.1 (this controller) is out of reach',
    ],
  ])('refuses %s', (_what, links, words) => {
    expect(strandingReasons([reading(links)], around())).toEqual([expect.stringContaining(words)]);
  });

  test('tells what the modules have against it', () => {
    expect(strandingReasons([reading([], ['network is not enabled'])], around())).toEqual(['network is not enabled']);
  });
});

test('a new static address is where the host is looked for', () => {
  expect(addressesToCome([bridge('192.168.221.9/24'), port], around())).toEqual(['192.168.221.9']);
  expect(addressesToCome([bridge('192.168.221.150/24'), port], around())).toEqual([]);
  expect(addressesToCome([bridge('dhcp'), port], around())).toEqual([]);
});

test('the time is what the links take, DHCP and half a minute, and a minute at least', () => {
  expect(timeFor([])).toBe(60);
  expect(timeFor([bridge('dhcp')])).toBe(60);
  expect(timeFor([{ ...bridge('dhcp'), delay: 37 }, port])).toBe(97);
  expect(timeFor([{ ...bridge('192.168.221.9/24'), delay: 37 }])).toBe(67);
});
