import type { Once } from '../../lib/task/diff.ts';

/** The network stacks with which a bridge can be made. */
export const stackNames = ['network-scripts', 'networkmanager', 'networkd', 'netplan', 'ifupdown'] as const;

/** The name of a network stack. */
export type StackName = (typeof stackNames)[number];

/** A route of a bridge. */
export interface Route {
  /** Its destination: `10.0.0.0/8`, `fd00:1::/64`, `default`. */
  readonly to: string;
  /** The gateway; left out where the destination is on the link. */
  readonly via?: string;
  readonly metric?: number;
  /** The number of its routing table; left out for the main one. */
  readonly table?: number;
}

/** The configuration of a bridge, in the terms of every stack. A setting that is left out is not managed. */
export interface BridgeSettings {
  /** Where IPv4 addresses come from: a DHCP server, nowhere, or these, with their prefixes. */
  readonly ipv4?: 'dhcp' | 'none' | readonly string[];
  /** The IPv4 default gateway; empty where there is to be none. */
  readonly gateway?: string;
  /** IPv6: addresses by router advertisements besides those given, given addresses only, or no IPv6 at all. */
  readonly ipv6?: 'auto' | 'static' | 'off';
  /** Static IPv6 addresses with their prefixes. */
  readonly ipv6Addresses?: readonly string[];
  readonly ipv6Gateway?: string;
  readonly dns?: readonly string[];
  readonly search?: readonly string[];
  readonly routes?: readonly Route[];
  readonly stp?: boolean;
  /** Forward delay in seconds. It has no effect without spanning tree, and is compared only with it. */
  readonly delay?: number;
  readonly mtu?: number;
  /** `port` where it is its first port's own; otherwise the address in lower case. */
  readonly mac?: string;
  readonly zone?: string;
  /** Whether it comes up at boot. */
  readonly onboot?: boolean;
}

/** The configuration of one port. */
export interface PortSettings {
  /** The bridge that its files plug it into; empty where that is none. */
  readonly bridge: string;
  /** Settings in its files that address the host, and so belong to the bridge. */
  readonly addressing?: readonly string[];
  /** Settings that its files keep from before it was a port. */
  readonly remembered?: readonly string[];
}

/** The state that the module `bridge` compares. */
export interface BridgeState {
  readonly name: string;
  readonly bridge: BridgeSettings | 'absent';
  /** By the ports' names. */
  readonly ports: Readonly<Record<string, PortSettings>>;
  /** The ports' names, in the task's order; addresses and the MAC come from the first one. */
  readonly portNames: Once<readonly string[]>;
  /** The stack that the task names. */
  readonly backend: Once<StackName | undefined>;
  /** True when guests may lose their way to the LAN with the bridge: `disrupts: ['guest']`. */
  readonly mayCutGuests: Once<boolean>;
}
