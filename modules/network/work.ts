/** What bridges and their loading do on a host: all network stacks belong to it. */
export { readNetwork } from './loading.ts';
export { bridgeInForce, readBridge } from './reading.ts';
