import type { ExpectedLink } from '../../lib/task/task.ts';
import { portMacWord } from './arguments.ts';
import type { BridgeSettings } from './bridge_state.ts';
import type { Addressing } from './stack.ts';

/** Says where a link's addresses will come from. @param settings undefined where no file configures it */
export function expectedAddressing(
  settings: BridgeSettings | undefined,
): Pick<ExpectedLink, 'ipv4' | 'gateway' | 'ipv6'> {
  if (settings === undefined) return { ipv4: 'none' };
  const { ipv4 = 'none', gateway, ipv6, ipv6Addresses = [], ipv6Gateway } = settings;
  return {
    ipv4: typeof ipv4 === 'string' ? ipv4 : (ipv4[0] ?? 'none'),
    ...(gateway !== undefined && { gateway }),
    ipv6: {
      addresses: ipv6Addresses,
      isAutomatic: ipv6 === 'auto',
      ...(ipv6Gateway !== undefined && { gateway: ipv6Gateway }),
    },
  };
}

/**
 * Says what a bridge and its ports will be like.
 * @param settings what the bridge's files will say
 * @param mac the bridge's MAC; undefined where it cannot be foreseen
 */
export function expectedBridge(
  name: string,
  ports: readonly string[],
  settings: BridgeSettings,
  mac: string | undefined,
): readonly [ExpectedLink, ...ExpectedLink[]] {
  return [
    {
      link: name,
      ...expectedAddressing(settings),
      routes: (settings.routes ?? []).map(({ to }) => to),
      ...(mac !== undefined && { mac }),
      // Spanning tree listens for one delay, and learns for another.
      delay: settings.stp === true ? 2 * (settings.delay ?? 15) : 0,
      ...(settings.onboot === false && { isUpAtBoot: false }),
    },
    ...ports.map((port): ExpectedLink => ({ link: port, bridge: name, ipv4: 'none' })),
  ];
}

/** Says which MAC a bridge will have. @param wanted the setting @param portMac its first port's */
export function expectedMac(wanted: string | undefined, portMac: string | undefined): string | undefined {
  return wanted === portMacWord ? portMac : wanted;
}

/** Says how a link is to be addressed now. @param settings undefined where no file configures it */
export function addressingOf(settings: BridgeSettings | undefined): Addressing {
  if (settings === undefined) return { isDhcp: false, addresses: [], gateways: [] };
  const { ipv4, ipv6Addresses = [], gateway, ipv6Gateway } = settings;
  return {
    isDhcp: ipv4 === 'dhcp',
    addresses: [...(Array.isArray(ipv4) ? ipv4 : []), ...ipv6Addresses],
    gateways: [gateway, ipv6Gateway].filter((each) => each !== undefined),
  };
}
