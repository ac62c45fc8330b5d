import type { NetworkStack } from '../stack.ts';
import { networkScriptsInForce } from './in_force/in_force.ts';
import { loadNetworkScripts } from './load.ts';
import { findOwnedByNetworkScripts } from './owner.ts';
import { readNetworkScripts } from './reading.ts';
import { networkScriptsUnit } from './unit.ts';

/** The network scripts of RHEL and CentOS, EL7 and EL8: ifcfg files that the service `network` reads. */
export const networkScripts: NetworkStack = {
  name: 'network-scripts',
  title: 'network-scripts',
  unit: networkScriptsUnit.name,
  findOwned: findOwnedByNetworkScripts,
  read: readNetworkScripts,
  inForce: networkScriptsInForce,
  load: loadNetworkScripts,
};
