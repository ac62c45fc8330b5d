import { describe, expect, test } from '@jest/globals';
import type { Neighbour } from '../../../lib/network_change/neighbours.ts';
import {
  gatewaysToAsk,
  lostGateways,
  neighbourComplaints,
  networkComplaints,
  networkInWords,
} from '../../../lib/network_change/network_promises.ts';
import type { NetworkState } from '../../../lib/network_change/network_state.ts';
import type { ExpectedLink } from '../../../lib/task/task.ts';

const before: NetworkState = {
  connection: { peer: '10.1.0.1', local: '192.168.221.150' },
  way: { link: 'ens33', via: '192.168.221.1' },
  addresses: [{ link: 'ens33', address: '192.168.221.150/24' }],
  gateways: [{ link: 'ens33', via: '192.168.221.1' }],
  masters: new Map([['ens33', '']]),
  macs: new Map(),
};
const after: NetworkState = {
  ...before,
  way: { link: 'br0', via: '192.168.221.1' },
  addresses: [{ link: 'br0', address: '192.168.221.150/24' }],
  gateways: [{ link: 'br0', via: '192.168.221.1' }],
  masters: new Map([
    ['ens33', 'br0'],
    ['br0', ''],
  ]),
};
const port: ExpectedLink = { link: 'ens33', bridge: 'br0', ipv4: 'none' };
const bridge: ExpectedLink = { link: 'br0', ipv4: 'dhcp', ipv6: { addresses: [], isAutomatic: true } };
const promises = { before, neighbours: undefined, links: [bridge, port], addresses: ['192.168.221.150'] };
const second = { link: 'ens33', via: '192.168.221.2' };
const ipv6 = { link: 'ens33', via: 'fe80::1' };

test('what was promised is said in words', () => {
  expect(networkInWords({ ...promises, before: { ...before, gateways: [...before.gateways, second, ipv6] } })).toEqual([
    'it has the address 192.168.221.150',
    'the default route goes via 192.168.221.1 or 192.168.221.2',
    'the default route goes via fe80::1',
    'this controller (10.1.0.1) is reached via 192.168.221.1',
  ]);
});

describe('a default route', () => {
  test('is demanded where it was the only one', () => {
    expect(networkComplaints(after, promises)).toEqual([]);
    expect(networkComplaints({ ...after, gateways: [] }, promises)).toEqual([
      'the default route via 192.168.221.1 is gone; there is none',
    ]);
  });

  test('that nobody promised is missed, and no reason to go back', () => {
    const had = { ...promises, before: { ...before, gateways: [second, ...before.gateways] } };
    expect(networkComplaints(after, had)).toEqual([]);
    expect(lostGateways(after, had)).toEqual([
      'the default route via 192.168.221.2 (ens33) is gone: nothing has set it again',
    ]);
  });

  test('that a task names is demanded, and the one of before is not missed', () => {
    const named = { ...promises, links: [{ ...bridge, gateway: '192.168.221.9' }, port] };
    expect(networkComplaints(after, named)).toEqual([
      'the default route via 192.168.221.9 is gone; there is 192.168.221.1',
    ]);
    const now = { ...after, gateways: [{ link: 'br0', via: '192.168.221.9' }] };
    expect([networkComplaints(now, named), lostGateways(now, named)]).toEqual([[], []]);
  });

  test('of IPv6 is demanded of a link that listens to router advertisements', () => {
    const had = { ...promises, before: { ...before, gateways: [...before.gateways, ipv6] } };
    expect(networkComplaints(after, had)).toEqual(['the default route via fe80::1 is gone; there is 192.168.221.1']);
    const deaf = { ...bridge, ipv6: { addresses: [], isAutomatic: false } };
    expect(networkComplaints(after, { ...had, links: [deaf, port] })).toEqual([]);
    expect(networkComplaints(after, { ...had, links: [] })).toEqual([
      'the default route via fe80::1 is gone; there is 192.168.221.1',
    ]);
  });

  test('on a link that has just become a port is none: nobody renews it there', () => {
    const had = { ...promises, before: { ...before, gateways: [...before.gateways, ipv6] } };
    const now = { ...after, gateways: [...after.gateways, ipv6] };
    expect(networkComplaints(now, had)).toEqual(['the default route via fe80::1 is gone; there is 192.168.221.1']);
    expect(lostGateways(now, { ...had, links: [] })).toEqual([
      'the default route via fe80::1 (ens33) is gone: nothing has set it again',
    ]);
    const wasPort = { ...had, before: { ...had.before, masters: after.masters } };
    expect(networkComplaints(now, wasPort)).toEqual([]);
  });
});

test('an address on a link that has just become a port does not count', () => {
  const now = { ...after, addresses: [{ link: 'ens33', address: '192.168.221.150/24' }] };
  expect(networkComplaints(now, promises)).toEqual(['the host has no longer the address 192.168.221.150, but none']);
});

describe('a gateway', () => {
  const was = (answer: Neighbour['answer'], via = '192.168.221.1'): Neighbour => ({ link: 'ens33', via, answer });
  const is = (answer: Neighbour['answer'], via = '192.168.221.1'): Neighbour => ({ link: 'br0', via, answer });
  const answered = { ...promises, neighbours: [was('answers')] };
  const renamed = { ...answered, links: [{ ...bridge, gateway: '192.168.221.254' }, port] };
  const nowRenamed = { ...after, gateways: [{ link: 'br0', via: '192.168.221.254' }] };
  const silent = (via: string, link = 'br0') =>
    `the gateway ${via} does not answer on ${link}: no link-layer address was found for it`;

  test('that the change names anew must answer, and the words say what it was', () => {
    expect(networkInWords(renamed).slice(1, 3)).toEqual([
      'the default route goes via 192.168.221.254 (was 192.168.221.1)',
      'the gateway 192.168.221.254 answers on br0',
    ]);
    expect(gatewaysToAsk(renamed)).toEqual(['192.168.221.254']);
    expect(neighbourComplaints(nowRenamed, [is('silent', '192.168.221.254')], renamed)).toEqual([
      silent('192.168.221.254'),
    ]);
    expect(neighbourComplaints(nowRenamed, [is('answers', '192.168.221.254')], renamed)).toEqual([]);
  });

  test('that answered before must still answer; one that did not does not count', () => {
    expect(networkInWords(answered)[2]).toBe('the gateway 192.168.221.1 answers on br0');
    expect(neighbourComplaints(after, [is('silent')], answered)).toEqual([silent('192.168.221.1')]);
    expect(neighbourComplaints(after, [is('answers')], answered)).toEqual([]);
    for (const answer of ['silent', 'unasked'] as const) {
      const before = { ...promises, neighbours: [was(answer)] };
      expect([gatewaysToAsk(before), neighbourComplaints(after, [], before)]).toEqual([[], []]);
    }
  });

  test('of several, one of those that answered before must answer', () => {
    const two = {
      ...promises,
      before: { ...before, gateways: [...before.gateways, second] },
      neighbours: [was('answers'), was('silent', second.via)],
    };
    expect(gatewaysToAsk(two)).toEqual(['192.168.221.1']);
    const onlyDead = { ...after, gateways: [{ link: 'br0', via: second.via }] };
    expect(networkComplaints(onlyDead, two)).toEqual([]);
    expect(neighbourComplaints(onlyDead, [], two)).toEqual([silent('192.168.221.1')]);
    const both = { ...two, neighbours: [was('answers'), was('answers', second.via)] };
    expect(neighbourComplaints(onlyDead, [is('answers', second.via)], both)).toEqual([]);
  });

  test('of IPv6 is looked for on the link on which it is announced', () => {
    const had = {
      ...promises,
      before: { ...before, gateways: [...before.gateways, ipv6] },
      neighbours: [was('silent'), was('answers', 'fe80::1')],
    };
    const now = { ...after, gateways: [...after.gateways, { link: 'br0', via: 'fe80::1' }] };
    expect(networkInWords(had)[3]).toBe('the gateway fe80::1 answers on br0');
    expect(neighbourComplaints(now, [is('answers', 'fe80::1')], had)).toEqual([]);
    // What the port has learned in the moment before it was plugged in does not count.
    expect(neighbourComplaints(now, [{ link: 'ens33', via: 'fe80::1', answer: 'answers' }], had)).toEqual([
      silent('fe80::1'),
    ]);
  });

  test('is not asked on a link that has no link-layer addresses', () => {
    const point = { ...renamed, links: [{ link: 'wg0', ipv4: '10.9.0.2/32', gateway: '10.9.0.1' }] };
    const now = { ...after, gateways: [{ link: 'wg0', via: '10.9.0.1' }] };
    expect(neighbourComplaints(now, [{ link: 'wg0', via: '10.9.0.1', answer: 'unasked' }], point)).toEqual([]);
  });

  test('whose default route is gone is complained of once', () => {
    expect(networkComplaints(after, renamed)).toEqual([
      'the default route via 192.168.221.254 is gone; there is 192.168.221.1',
    ]);
    expect(neighbourComplaints(after, [], renamed)).toEqual([]);
  });

  test('is promised by no host that cannot ask', () => {
    const deaf = { ...renamed, neighbours: undefined };
    expect([gatewaysToAsk(deaf), neighbourComplaints(nowRenamed, [], deaf)]).toEqual([[], []]);
  });
});

describe('the route to the controller', () => {
  test('is demanded by whatever table it went, though the default route is there', () => {
    const policy = { ...promises, before: { ...before, way: { link: 'ens33', via: '192.168.221.254' } } };
    expect(networkComplaints(after, policy)).toEqual([
      'the route to this controller (10.1.0.1) via 192.168.221.254 is gone; it goes via 192.168.221.1',
    ]);
    expect(networkComplaints({ ...after, way: { link: 'br0', via: '192.168.221.254' } }, policy)).toEqual([]);
    expect(networkComplaints({ ...after, way: undefined }, policy)).toEqual([
      'the route to this controller (10.1.0.1) via 192.168.221.254 is gone; there is no route',
    ]);
  });

  test('is another one from another address', () => {
    const moved = {
      ...after,
      connection: { peer: '10.1.0.1', local: '192.168.221.9' },
      way: { link: 'br0', via: '10.0.0.1' },
    };
    expect(networkComplaints(moved, { ...promises, addresses: [] })).toEqual([]);
  });
});

test('an address of either family is proved', () => {
  const over6 = { ...promises, addresses: ['fd00:221::150'] };
  expect(networkComplaints(after, over6)).toEqual([
    'the host has no longer the address fd00:221::150, but br0 192.168.221.150/24',
  ]);
  const now = { ...after, addresses: [{ link: 'br0', address: 'fd00:221::150/64' }] };
  expect(networkComplaints(now, over6)).toEqual([]);
});

test('a guest stays plugged in, unless it is gone', () => {
  const guests = {
    ...promises,
    before: {
      ...before,
      masters: new Map([
        ['vnet0', 'br1'],
        ['vnet1', 'br1'],
      ]),
    },
  };
  expect(networkComplaints({ ...after, masters: new Map([['vnet0', '']]) }, guests)).toEqual([
    'vnet0 is no longer plugged into br1',
  ]);
});
