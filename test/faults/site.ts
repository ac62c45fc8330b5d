import { networkChange, type Play, type Probe, play } from '../../lib/index.ts';
import {
  type BridgeArgs,
  bridge,
  type IfcfgBridgeArgs,
  ifcfgBridge,
  network,
  service,
  sysctl,
} from '../../modules/index.ts';
import { script } from './script_module.ts';

/** Seconds in which a change has to be confirmed. */
export const defaultLimit = 20;

/** What is to be different from the post's own procedure. */
export interface SiteOptions {
  /** Seconds; default {@link defaultLimit}. */
  readonly confirmWithin?: number;
  readonly bridge?: Partial<IfcfgBridgeArgs>;
  readonly prove?: readonly Probe[];
  readonly reachAt?: readonly string[];
  /** For a host without systemd: the network is restarted through its script. Default false. */
  readonly withoutSystemd?: boolean;
  /** For a host of today: its bridge is made by the modules `bridge` and `network`. Default false: by the post's own tasks. */
  readonly isToday?: boolean;
  /** What is to be different on a host of today. */
  readonly today?: Partial<BridgeArgs>;
}

/** The same on a host of today, whatever network stack it has. */
function todaySite({ confirmWithin = defaultLimit, prove, reachAt, today }: SiteOptions): Play {
  const made = bridge('bridge', { name: 'br0', port: 'ens33', ...today });
  const loaded = network('network', { reflects: [made], disrupts: ['link'] });
  const change = { confirmWithin, ...(prove && { prove }), ...(reachAt && { reachAt }) };
  return play({ name: 'Bridge the network', tasks: [networkChange(change, [made, loaded])] });
}

/** The network's part of the procedure: a bridge, forwarding, NetworkManager stopped, the network restarted. */
export function faultSite(options: SiteOptions): Play {
  if (options.isToday === true) return todaySite(options);
  const bridge = ifcfgBridge('bridge', { name: 'br0', port: 'ens33', bootproto: 'dhcp', delay: 0, ...options.bridge });
  const forwarding = sysctl('forwarding', { file: '/etc/sysctl.conf', values: { 'net.ipv4.ip_forward': 1 } });
  const manager = service('manager', { name: 'NetworkManager', state: 'stopped', enabled: false });
  const network = service('network', {
    name: 'network',
    state: 'started',
    enabled: true,
    reflects: [bridge],
    disrupts: ['link'],
  });
  const restart = script('network', { path: '/etc/init.d/network', reflects: [bridge], disrupts: ['link'] });
  const { confirmWithin = defaultLimit, prove, reachAt } = options;
  const change = { confirmWithin, ...(prove && { prove }), ...(reachAt && { reachAt }) };
  const tasks =
    options.withoutSystemd === true ? [bridge, forwarding, restart] : [bridge, forwarding, manager, network];
  return play({ name: 'Bridge the network', tasks: [networkChange(change, tasks)] });
}
