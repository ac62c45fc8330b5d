import type { NetworkStack } from '../stack.ts';
import { ifupdownInForce } from './in_force.ts';
import { loadIfupdown } from './load.ts';
import { findOwnedByIfupdown } from './owner.ts';
import { readIfupdown } from './read.ts';

/** ifupdown, Debian's own: /etc/network/interfaces and the files that it names. ifupdown2 is another program. */
export const ifupdown: NetworkStack = {
  name: 'ifupdown',
  title: 'ifupdown',
  unit: 'networking',
  findOwned: findOwnedByIfupdown,
  read: readIfupdown,
  inForce: ifupdownInForce,
  load: loadIfupdown,
};
