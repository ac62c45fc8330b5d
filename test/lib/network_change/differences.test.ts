import { expect, test } from '@jest/globals';
import { type Differences, settledDifferences } from '../../../lib/network_change/differences.ts';

const none: Differences = { reach: [], other: [], unread: [] };
const noClient: Differences = { ...none, reach: ['the DHCP client dhclient of ens33 does not run'] };
const parameter: Differences = { ...none, other: ['net.ipv4.ip_forward is 1, was 0'] };

test.each<[string, Differences | undefined, Differences | undefined, Differences | undefined]>([
  ['a client that was missing is back', noClient, none, none],
  ['a client is still missing', noClient, noClient, noClient],
  ['the host does not answer', noClient, undefined, noClient],
  ['the host has not compared itself yet', undefined, none, none],
])('%s: the host is compared once more', async (_what, recorded, found, settled) => {
  expect(await settledDifferences(recorded, async () => found)).toEqual(settled);
});

test.each([none, parameter])(
  'what does not matter to reaching the host is not compared once more: %j',
  async (found) => {
    expect(await settledDifferences(found, () => Promise.reject(new Error('compared')))).toBe(found);
  },
);
