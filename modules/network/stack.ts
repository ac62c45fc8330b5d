import type { Difference } from '../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { CommandStep, Step } from '../../lib/task/step.ts';
import type { ExpectedLink, Missing } from '../../lib/task/task.ts';
import type { BridgeSettings, BridgeState, PortSettings, StackName } from './bridge_state.ts';
import type { LiveBridge } from './live.ts';

/**
 * A network stack: the programs that bring the links of a host up, and the files that they read. A module never names one; it asks
 * which stack owns the links (`findStack`), and then that stack.
 *
 * All functions only look, but for `load` and `StackReading.steps`, which return steps.
 *
 * What a module for another network stack needs:
 * - a folder `modules/network/STACK/` with a `NetworkStack`, and a line in `stacks.ts`; its name in `stackNames` (bridge_state.ts);
 * - its unit in `linkUnits` (link_units.ts), so that `service` knows that it cuts links, how a rollback stops it, and that it waits at
 *   boot for a rollback;
 * - what a rollback has to do for it, in the `undo` of the steps of `load`: with the new files, with the old ones, at boot, and which
 *   units read the files at boot. `lib/network_change` restores files, links, addresses, routes and units, and runs those commands. It
 *   asks one daemon by itself: NetworkManager, which takes an address that is put back for somebody else's, and must be told to run the
 *   link again (on_host/network_restore.sh);
 * - a kind of throwaway host (lib/lab), a lab test, and a section in docs/network_stacks.md;
 * - where conditions of sites should tell it apart, a line in `lib/run/read_facts.ts` (`facts.networkBackend`).
 */
export interface NetworkStack {
  readonly name: StackName;
  /** Its name for people, e.g. `systemd-networkd`. */
  readonly title: string;
  /**
   * The systemd unit that brings the links up at boot, without `.service`. A rollback at boot comes before it, and a host on which it
   * is not enabled is refused.
   */
  readonly unit: string;
  /** Says which of some links the stack owns now: not what is installed, but what gave the link its configuration. */
  findOwned(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks>;
  /** Reads what the stack's files say of a bridge and its ports. */
  read(host: ReadonlyHost, desired: BridgeState, owned: OwnedLinks, live: LiveBridge): Promise<StackReading>;
  /**
   * Says what the stack's own words add to what every bridge has in force, e.g. that the daemon runs the bridge with the file that
   * was written.
   */
  inForce(host: ReadonlyHost, desired: BridgeState, owned: OwnedLinks, live: LiveBridge): Promise<StackInForce>;
  /**
   * Makes the steps that load what was written of some bridges, whether or not it has been written yet. Each of them cuts the link, has
   * the way to undo it, and says what must be done at boot. Loading a second time cuts nothing, and keeps guests plugged in.
   */
  load(host: ReadonlyHost, bridges: readonly LoadedBridge[]): Promise<readonly CommandStep[]>;
}

/** A systemd unit that brings links up: started, stopped or restarted, it cuts them. */
export interface LinkUnit {
  /** Its name without `.service`. */
  readonly name: string;
  /** True where it leaves links and addresses in place when it stops. */
  readonly keepsLinks?: boolean;
  /** Commands that take down what it has brought up, by the files as they are, where `systemctl stop` does not do it. */
  readonly takeDown?: readonly (readonly string[])[];
}

/** A bridge that is loaded, and its links as they are now. */
export interface LoadedBridge {
  readonly desired: BridgeState;
  readonly live: LiveBridge;
}

/** The links that a stack owns. */
export interface OwnedLinks {
  readonly links: readonly OwnedLink[];
  /** What was seen, as a sentence for a person who must know why the stack owns the links or not: `systemd-networkd does not run`. */
  readonly seen: string;
}

/** A link that a stack owns. */
export interface OwnedLink {
  readonly link: string;
  /** The file from which it was configured, where the stack says so. */
  readonly file?: string;
  /** The identity of its connection, where the stack has such things. */
  readonly id?: string;
}

/** What a stack's files say of a bridge. */
export interface StackReading {
  /** The bridge's settings in the terms of the desired state; undefined when no file describes the bridge. */
  readonly bridge: BridgeSettings | undefined;
  /** By the ports' names. */
  readonly ports: Readonly<Record<string, PortSettings>>;
  /** Sentences that say what makes a change go wrong, and what to do. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  readonly missing: readonly Missing[];
  /** The links once the desired files are loaded. */
  readonly links: readonly ExpectedLink[];
  /** The steps that write the desired files, in an order that leaves a host with a network wherever it is broken off. Pure. */
  steps(): readonly Step[];
}

/** What a stack says of a bridge in force. */
export interface StackInForce {
  readonly loaded: readonly Difference[];
  /** How the bridge, or once it is absent its first port, is to be addressed by the stack's files. */
  readonly addressing: Addressing;
  /** Commands to run immediately before loading. */
  readonly clearing?: readonly CommandStep[];
  /** What loading removes and no file holds, one sentence each. */
  readonly lost?: readonly string[];
}

/** How a link is to be addressed. */
export interface Addressing {
  /** True where a DHCP server is asked for its IPv4 address. */
  readonly isDhcp: boolean;
  /** Its static addresses of both families, with their prefixes. */
  readonly addresses: readonly string[];
  /** Its default gateways, of both families. */
  readonly gateways: readonly string[];
}
