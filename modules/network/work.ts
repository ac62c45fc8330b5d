/** What bridges and their loading do on a host: all network stacks belong to it. */
export { readNetwork } from './loading.ts';
export { bridgeInForce as ifcfgBridgeInForce } from './network_scripts/in_force/in_force.ts';
export { readBridge as readIfcfgBridge } from './network_scripts/read.ts';
export { bridgeInForce, readBridge } from './reading.ts';
