import type { NetworkStack } from '../stack.ts';
import { networkdInForce } from './in_force.ts';
import { loadNetworkd } from './load.ts';
import { findOwnedByNetworkd } from './owner.ts';
import { readNetworkd } from './read.ts';

/** systemd-networkd with its own files in /etc/systemd/network. Hosts on which netplan writes those files belong to netplan. */
export const networkd: NetworkStack = {
  name: 'networkd',
  title: 'systemd-networkd',
  unit: 'systemd-networkd',
  findOwned: findOwnedByNetworkd,
  read: readNetworkd,
  inForce: networkdInForce,
  load: loadNetworkd,
};
