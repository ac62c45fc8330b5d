import type { BridgeSettings, BridgeState } from './bridge_state.ts';
import { type LiveBridge, mtuOf } from './live.ts';

/** Says which addresses a host loses with a bridge, whatever network stack makes it: those of its further ports. */
export function portWarnings({ name, portNames }: BridgeState, live: LiveBridge): readonly string[] {
  const [first, ...others] = portNames.value;
  const all = [...live.addresses, ...live.ipv6Addresses];
  return others.flatMap((port) => {
    const addresses = all.filter(({ link }) => link === port).map(({ address }) => address);
    return addresses.length === 0
      ? []
      : [
          `${port} has ${addresses.join(', ')}: ${name} takes over the addresses of ${first} only, and those of ${port} are gone; name in 'addresses' what ${name} is to keep`,
        ];
  });
}

/** The MTU that Ethernet has where nothing names another one. */
const ethernetMtu = 1500;

/**
 * Says which ports keep the MTU of a bridge that is to go, on stacks that set the MTU of a link only where a file names one.
 * @param settings what the files say of the bridge
 */
export function keptMtuWarnings(
  { bridge, portNames }: BridgeState,
  settings: BridgeSettings | undefined,
  live: LiveBridge,
): readonly string[] {
  const mtu = settings?.mtu;
  if (bridge !== 'absent' || mtu === undefined || mtu === ethernetMtu) return [];
  return portNames.value
    .filter((port) => mtuOf(live, port) === mtu)
    .map(
      (port) =>
        `${port} keeps its MTU of ${mtu} bytes until the next boot, unless its own files name another one: nothing else sets it then (ip link set dev ${port} mtu ${ethernetMtu})`,
    );
}
