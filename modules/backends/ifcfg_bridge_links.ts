import { getValue, type KeyValueFile } from '../../lib/formats/key_value.ts';
import type { LinkOutlook } from '../../lib/module.ts';
import type { IfcfgBridgeState } from '../ifcfg_bridge.ts';
import { primaryAddress } from './ifcfg_address.ts';
import { gatewayOf, writeBridge } from './ifcfg_bridge_file.ts';
import type { IfcfgBridgeFound } from './ifcfg_bridge_read.ts';
import { leaveBridge } from './ifcfg_port.ts';
import { isDhcp } from './network_scripts.ts';

/** Says what a bridge and its port come to once the network has been restarted with the files as the task wants them. */
export function bridgeLinks(desired: IfcfgBridgeState, found: IfcfgBridgeFound): readonly LinkOutlook[] {
  const { name, port, bridge } = desired;
  if (bridge === 'absent') {
    const file = found.port && leaveBridge(found.port.content, name, port.name, found.bridge?.content);
    return [
      { link: port.name, ...addressing(file) },
      { link: name, ipv4: 'none' },
    ];
  }
  const names = { bridge: name, port: port.name };
  const file = writeBridge(found.bridge?.content, names, bridge, found.port?.content, found.context);
  // The kernel's spanning tree listens for one delay and learns for another; the scripts wait 7 s on top (initscripts, ifup-eth).
  const delay = bridge.STP === 'on' ? 2 * Number(bridge.DELAY ?? 15) + 7 : Number(bridge.DELAY ?? 0);
  return [
    { link: name, ...(bridge.ONBOOT === 'no' ? { ipv4: 'none' } : addressing(file)), delay },
    { link: port.name, bridge: name, ipv4: 'none' },
  ];
}

function addressing(file: KeyValueFile | undefined): Pick<LinkOutlook, 'ipv4' | 'gateway'> {
  if (file === undefined) return { ipv4: 'none' };
  if (isDhcp(getValue(file, 'BOOTPROTO'))) return { ipv4: 'dhcp' };
  const gateway = gatewayOf(file);
  return { ipv4: primaryAddress(file) ?? 'none', ...(gateway !== undefined && { gateway }) };
}
