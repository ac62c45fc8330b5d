import type { Difference } from '../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks, StackInForce } from '../stack.ts';
import type { Profile } from './keyfiles.ts';
import { isRun, type Manager } from './nmcli.ts';
import { addressingBy, readFound } from './read.ts';

/** Says what NetworkManager itself says of a bridge: whether it has the files loaded, and runs the links by them. */
export async function networkManagerInForce(
  host: ReadonlyHost,
  desired: BridgeState,
  _owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackInForce> {
  const found = await readFound(host, desired);
  if (typeof found === 'string') return { loaded: [], addressing: addressingBy(undefined) };
  const { manager, profiles } = found;
  const { bridge, ports } = profiles;
  if (desired.bridge === 'absent') {
    const isKnown = manager.connections.some(({ uuid, file }) => uuid === bridge.uuid || file === bridge.path);
    return {
      loaded: [
        ...(isKnown ? [{ path: `networkmanager.${desired.name}`, wanted: 'unknown', actual: 'loaded' }] : []),
        ...ports.flatMap((port) => (port.file === undefined ? [] : runDifferences(port, manager))),
      ],
      addressing: addressingBy(ports[0]?.file),
    };
  }
  return {
    // What is not there yet is told by the links themselves.
    loaded: live.isBridge ? [bridge, ...ports].flatMap((profile) => runDifferences(profile, manager)) : [],
    addressing: addressingBy(bridge.file),
  };
}

function runDifferences({ link, path, uuid }: Profile, { devices, connections }: Manager): readonly Difference[] {
  const wanted = `connected by ${path}`;
  const device = devices.find((each) => each.link === link);
  if (device === undefined) return [{ path: `networkmanager.${link}`, wanted, actual: 'unknown' }];
  const file = connections.find((each) => each.uuid === device.uuid)?.file;
  if (isRun(device) && device.uuid === uuid && file === path) return [];
  const by = file === undefined || file === '' ? '' : ` by ${file}`;
  return [{ path: `networkmanager.${link}`, wanted, actual: `${device.state}${by}` }];
}
