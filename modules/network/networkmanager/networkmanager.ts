import type { NetworkStack } from '../stack.ts';
import { networkManagerInForce } from './in_force.ts';
import { loadNetworkManager } from './load.ts';
import { findOwnedByNetworkManager } from './owner.ts';
import { readNetworkManager } from './read.ts';

/**
 * NetworkManager with keyfiles in /etc/NetworkManager/system-connections. Hosts on which netplan writes its profiles belong to netplan,
 * and files of network-scripts to those.
 */
export const networkManager: NetworkStack = {
  name: 'networkmanager',
  title: 'NetworkManager',
  unit: 'NetworkManager',
  findOwned: findOwnedByNetworkManager,
  read: readNetworkManager,
  inForce: networkManagerInForce,
  load: loadNetworkManager,
};
