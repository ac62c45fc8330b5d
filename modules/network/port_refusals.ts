import type { LinkDetails, LiveBridge } from './live.ts';

/** Why a wireless link cannot be a port. */
export const wirelessReason =
  'an access point takes packets of the MAC alone that has registered, so no guest would be heard';

/** Why a link of such a kind cannot be a port that carries guests. */
const kindReasons: Readonly<Record<string, string>> = {
  macvlan: 'is a macvlan, which takes packets for its own MAC alone; make the link that it lies on the port',
  macvtap: 'is a macvtap, which belongs to a guest',
  ipvlan: 'is an ipvlan, which shares the MAC of the link that it lies on; make that link the port',
  ipvtap: 'is an ipvtap, which belongs to a guest',
};

/**
 * Says why a link as it is now cannot become the port of a bridge: joining would fail, or bring no packets.
 * @param own the bridge that it may be plugged into already besides the wanted one, because the files say so
 */
export function linkRefusals(
  bridge: string,
  port: string,
  { details, bridges, masters, wireless }: LiveBridge,
  own?: string,
): readonly string[] {
  const link = details.find(({ name }) => name === port);
  const master = masters[port];
  return [
    ...(bridges.includes(port) ? [`${port} is a bridge itself, and a bridge cannot be a port`] : []),
    ...(master !== undefined && master !== bridge && master !== own
      ? [`${port} is plugged into ${master} already, and joining ${bridge} would fail; take it out there first`]
      : []),
    ...(wireless.includes(port) ? [`${port} is wireless: ${wirelessReason}`] : []),
    ...(link === undefined ? [] : kindRefusals(link)),
    ...(link?.kind === 'vlan' && link.lower === bridge ? [`${port} is a VLAN of ${bridge} itself`] : []),
    ...riderRefusals(bridge, port, details),
  ];
}

function kindRefusals({ name, addresses, kind }: LinkDetails): readonly string[] {
  return [
    ...(addresses !== '' && addresses !== 'ether'
      ? [`${name} has no Ethernet addresses (link/${addresses}), and cannot be bridged`]
      : []),
    ...(kind in kindReasons ? [`${name} ${kindReasons[kind]}`] : []),
    ...(kind === 'tun' && addresses === 'ether'
      ? [`${name} is a tap, the end of a guest or of a program, and no way to the LAN`]
      : []),
  ];
}

function riderRefusals(bridge: string, port: string, details: readonly LinkDetails[]): readonly string[] {
  const riders = details.filter(({ lower, kind }) => lower === port && /^(?:mac|ip)v(?:lan|tap)$/.test(kind));
  if (riders.length === 0) return [];
  return [
    `${riders.map(({ name, kind }) => `${name} (${kind})`).join(', ')} lies on ${port}, and joining ${bridge} would fail while it does; take it away first`,
  ];
}
