import type { BridgeState } from './bridge_state.ts';
import type { LiveBridge } from './live.ts';

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
