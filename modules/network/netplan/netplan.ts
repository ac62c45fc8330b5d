import type { NetworkStack } from '../stack.ts';
import { netplanInForce } from './in_force.ts';
import { loadByManager, loadByNetworkd } from './load.ts';
import { findOwnedByManager, findOwnedByNetworkd } from './owner.ts';
import { readNetplan } from './read.ts';

/** netplan, which writes the files of systemd-networkd at every boot. */
export const netplanOnNetworkd: NetworkStack = {
  name: 'netplan',
  title: 'netplan with systemd-networkd',
  unit: 'systemd-networkd',
  findOwned: findOwnedByNetworkd,
  read: (host, desired, owned, live) => readNetplan(host, desired, owned, live, 'networkd'),
  inForce: (host, desired, owned, live) => netplanInForce(host, desired, owned, live, 'networkd'),
  load: loadByNetworkd,
};

/** netplan, which writes the connections of NetworkManager at every boot. */
export const netplanOnManager: NetworkStack = {
  name: 'netplan',
  title: 'netplan with NetworkManager',
  unit: 'NetworkManager',
  findOwned: findOwnedByManager,
  read: (host, desired, owned, live) => readNetplan(host, desired, owned, live, 'NetworkManager'),
  inForce: (host, desired, owned, live) => netplanInForce(host, desired, owned, live, 'NetworkManager'),
  load: loadByManager,
};
