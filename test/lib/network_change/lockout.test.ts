import { describe, expect, test } from '@jest/globals';
import { addressesToCome, lockoutReasons, timeFor } from '../../../lib/network_change/lockout.ts';
import type { NetworkState } from '../../../lib/network_change/network_state.ts';
import type { ExpectedLink, TaskReading } from '../../../lib/task/task.ts';

const mac = '52:54:00:aa:00:01';
const stateWith = (peer = '192.168.221.1', local = '192.168.221.150'): NetworkState => ({
  connection: { peer, local },
  way: { link: 'ens33', via: undefined },
  addresses: [
    { link: 'lo', address: '127.0.0.1/8' },
    { link: 'lo', address: '10.99.0.1/32' },
    { link: 'ens33', address: '192.168.221.150/24' },
    { link: 'ens34', address: '10.9.0.1/24' },
  ],
  gateways: [{ link: 'ens33', via: '192.168.221.1' }],
  masters: new Map(),
  macs: new Map([['ens33', mac]]),
});
/** Reached over IPv6: at an address made by its MAC, at a static one, and at one that a DHCPv6 server gave. */
const over6 = (local = 'fd00:221::5054:ff:feaa:1', peer = 'fd00:221::1'): NetworkState => ({
  ...stateWith(peer, local),
  addresses: [
    { link: 'ens33', address: '192.168.221.150/24' },
    { link: 'ens33', address: 'fd00:221::5054:ff:feaa:1/64' },
    { link: 'ens33', address: 'fd00:221::150/64' },
    { link: 'ens33', address: 'fd00:221::d/128' },
    { link: 'ens33', address: 'fd00:221::1234:5678:9abc:def0/64' },
    { link: 'ens33', address: 'fe80::5054:ff:feaa:1/64' },
  ],
});

const reading = (links: readonly ExpectedLink[], lockout: readonly string[] = []): TaskReading => ({
  state: {},
  expected: {},
  isAwaited: false,
  isAwaitedAfter: false,
  differences: [],
  missing: [],
  missingToChange: [],
  warnings: [],
  settling: false,
  network: { links, lockout },
  plan: () => [],
});

const port: ExpectedLink = { link: 'ens33', bridge: 'br0', ipv4: 'none' };
const bridge = (ipv4: string, gateway?: string): ExpectedLink => ({
  link: 'br0',
  ipv4,
  ...(gateway !== undefined && { gateway }),
});

/** A bridge with what it has of IPv6. */
const bridge6 = (
  addresses: readonly string[],
  isAutomatic: boolean,
  more: { gateway?: string; mac?: string; routes?: readonly string[] } = { mac },
): ExpectedLink => ({
  ...bridge('dhcp'),
  ...(more.mac !== undefined && { mac: more.mac }),
  ...(more.routes !== undefined && { routes: more.routes }),
  ipv6: { addresses, isAutomatic, ...(more.gateway !== undefined && { gateway: more.gateway }) },
});

describe('lockoutReasons', () => {
  test.each<[string, readonly ExpectedLink[], NetworkState]>([
    ['a bridge with DHCP', [bridge('dhcp'), port], stateWith()],
    ['a static address in the subnet of the controller', [bridge('192.168.221.9/24'), port], stateWith()],
    ['a static address with a gateway', [bridge('10.0.0.5/24', '10.0.0.1'), port], stateWith()],
    ['another link than the one that carries the connection', [{ link: 'ens34', ipv4: 'none' }], stateWith()],
    [
      'an address that no link carries',
      [bridge('none'), port],
      { ...stateWith('192.168.221.1', '203.0.113.9'), way: undefined },
    ],
    [
      'a static address without a gateway, with a route of whatever table that leads to the controller',
      [{ ...bridge('192.168.221.9/24'), routes: ['10.1.0.0/16'] }, port],
      stateWith('10.1.2.3'),
    ],
    [
      'a bridge that goes, whose port takes its address over',
      [
        { ...bridge('dhcp'), link: 'ens33' },
        { link: 'br0', ipv4: 'none', heir: 'ens33' },
      ],
      { ...stateWith(), addresses: [{ link: 'br0', address: '192.168.221.150/24' }] },
    ],
    ['IPv6 of which the task says nothing', [bridge('none'), port], over6()],
    ['IPv6 by router advertisements, with the MAC of the port', [bridge6([], true), port], over6()],
    ['IPv6 by a DHCPv6 server, with another MAC', [bridge6([], true, {}), port], over6('fd00:221::d')],
    ['the same static IPv6 address', [bridge6(['FD00:221:0::150/64'], false), port], over6('fd00:221::150')],
    [
      'a static IPv6 address with a gateway',
      [bridge6(['fd00:9::1/64'], false, { gateway: 'fe80::1' }), port],
      over6('fd00:221::150', 'fd00:5::1'),
    ],
    [
      'a static IPv6 address with a route to the controller',
      [bridge6(['fd00:221::150/64'], false, { routes: ['fd00:5::/32'] }), port],
      over6('fd00:221::150', 'fd00:5::1'),
    ],
    ['a link-local address', [bridge6([], false), port], over6('fe80::5054:ff:feaa:1', 'fe80::1')],
    [
      'a bridge that does not come up at boot, over another link',
      [
        { ...bridge('none'), isUpAtBoot: false },
        { link: 'ens34', bridge: 'br0', ipv4: 'none' },
      ],
      stateWith(),
    ],
    ['this very machine', [bridge('none'), port], { ...stateWith(), connection: undefined }],
  ])('finds nothing against %s', (_what, links, state) => {
    expect(lockoutReasons([reading(links)], state)).toEqual([]);
  });

  test.each<[string, readonly ExpectedLink[], string]>([
    [
      'a bridge without an address',
      [bridge('none'), port],
      'ens33 carries this connection (192.168.221.150), and br0 would end without an address',
    ],
    ['a port without its bridge', [port], 'would be plugged into br0, whose address none of these tasks says'],
    [
      'a bridge that does not come up at boot',
      [{ ...bridge('dhcp'), isUpAtBoot: false }, port],
      'ens33 carries this connection (192.168.221.150), and br0, which takes its place, would not come up at the next boot (onboot: false)',
    ],
    ['the link itself without an address', [{ link: 'ens33', ipv4: 'none' }], 'and ens33 would end without an address'],
    [
      'a static address elsewhere without a gateway',
      [bridge('10.0.0.5/24'), port],
      'br0 would have 10.0.0.5/24 without a gateway, from where 192.168.221.1 (this controller) is out of reach',
    ],
  ])('refuses %s', (_what, links, words) => {
    expect(lockoutReasons([reading(links)], stateWith())).toEqual([expect.stringContaining(words)]);
  });

  test('takes the way out for the carrier of a connection to an address of the loopback', () => {
    expect(lockoutReasons([reading([bridge('none'), port])], stateWith('10.1.0.1', '10.99.0.1'))).toEqual([
      'ens33 carries this connection (10.99.0.1), and br0 would end without an address',
    ]);
  });

  test.each<[string, ExpectedLink, NetworkState, string]>([
    ['no IPv6', bridge6([], false), over6(), 'br0 would end without an IPv6 address'],
    [
      'another static IPv6 address without a gateway',
      bridge6(['fd00:9::1/64'], false),
      over6(),
      'br0 would have fd00:9::1/64 without an IPv6 gateway, from where fd00:221::1 (this controller) is out of reach',
    ],
    [
      'a MAC of its own, where the address is made from it',
      bridge6([], true, {}),
      over6(),
      "another address from router advertisements, which cannot be foreseen; say mac: 'port', or name the new address in reachAt",
    ],
  ])('refuses a bridge with %s to whoever is connected over IPv6', (_what, outlook, state, words) => {
    expect(lockoutReasons([reading([outlook, port])], state)).toEqual([expect.stringContaining(words)]);
    expect(lockoutReasons([reading([outlook, port])], stateWith())).toEqual([]);
  });

  test('leaves an address that cannot be foreseen to whoever names it', () => {
    expect(lockoutReasons([reading([bridge6([], true, {}), port])], over6(), ['fd00:221::7'])).toEqual([]);
  });

  test('tells what the modules have against it', () => {
    expect(lockoutReasons([reading([], ['network is not enabled'])], stateWith())).toEqual(['network is not enabled']);
  });
});

test('a new static address is where the host is looked for', () => {
  expect(addressesToCome([bridge('192.168.221.9/24'), port], stateWith())).toEqual(['192.168.221.9']);
  expect(addressesToCome([bridge('192.168.221.150/24'), port], stateWith())).toEqual([]);
  expect(addressesToCome([bridge('dhcp'), port], stateWith())).toEqual([]);
});

test.each<[string, ExpectedLink, string, readonly string[]]>([
  ['the address that its MAC makes stays', bridge6([], true), 'fd00:221::5054:ff:feaa:1', []],
  [
    'another MAC makes another one',
    bridge6([], true, { mac: '52:54:00:aa:00:02' }),
    'fd00:221::5054:ff:feaa:1',
    ['fd00:221::5054:ff:feaa:2'],
  ],
  [
    'one that was not made by a MAC becomes one that is',
    bridge6([], true),
    'fd00:221::1234:5678:9abc:def0',
    ['fd00:221::5054:ff:feaa:1'],
  ],
  ['one of a DHCPv6 server comes from there again', bridge6([], true), 'fd00:221::d', []],
  ['a static one stays', bridge6(['fd00:221::150/64'], true), 'fd00:221::150', []],
  ['a static one that moves', bridge6(['fd00:221::9/64'], false), 'fd00:221::150', ['fd00:221::9']],
  [
    'a link-local one follows the MAC as well',
    bridge6([], false, { mac: '52:54:00:aa:00:02' }),
    'fe80::5054:ff:feaa:1',
    ['fe80::5054:ff:feaa:2'],
  ],
])('over IPv6: %s', (_what, outlook, local, addresses) => {
  expect(addressesToCome([outlook, port], over6(local))).toEqual(addresses);
});

test('the time is what the links take, DHCP and half a minute, and a minute at least', () => {
  expect(timeFor([])).toBe(60);
  expect(timeFor([bridge('dhcp')])).toBe(60);
  expect(timeFor([{ ...bridge('dhcp'), delay: 37 }, port])).toBe(97);
  expect(timeFor([{ ...bridge('192.168.221.9/24'), delay: 37 }])).toBe(67);
});
