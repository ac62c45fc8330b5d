import type { Difference } from '../../lib/task/diff.ts';
import type { InForce } from '../../lib/task/task.ts';
import { portMacWord } from './arguments.ts';
import type { BridgeSettings, BridgeState } from './bridge_state.ts';
import { addressesOn, isRouteVia, isUp, type LiveBridge } from './live.ts';
import type { Addressing } from './stack.ts';

/** Says which parts of a bridge do not hold on the live system, by what every network stack has in common. */
export function liveDifferences(
  { name, bridge, portNames }: BridgeState,
  addressing: Addressing,
  live: LiveBridge,
): Pick<InForce, 'loaded' | 'settled'> {
  const ports = portNames.value;
  return bridge === 'absent'
    ? absentDifferences(name, ports, addressing, live)
    : presentDifferences(name, ports, bridge, addressing, live);
}

function presentDifferences(
  name: string,
  ports: readonly string[],
  wanted: BridgeSettings,
  addressing: Addressing,
  live: LiveBridge,
): Pick<InForce, 'loaded' | 'settled'> {
  return {
    loaded: [
      ...linkDifferences(name, ports, wanted, live),
      ...ports.flatMap((port) => listed(`live.${port}.addresses`, 'none', addressesOn(live, port))),
      ...addressDifferences(name, addressing, live),
    ],
    settled: [...leaseDifferences(name, addressing, live), ...routeDifferences(name, addressing, live)],
  };
}

/** That the bridge is gone is for loading; that its port has its address again is not a reason to load once more. */
function absentDifferences(
  name: string,
  ports: readonly string[],
  addressing: Addressing,
  live: LiveBridge,
): Pick<InForce, 'loaded' | 'settled'> {
  const first = ports[0] ?? '';
  const isEmpty = live.isBridge && live.plugged.every((link) => ports.includes(link));
  return {
    loaded: [
      ...ports.flatMap((port) => differ(`live.${port}.master`, 'none', live.plugged.includes(port) ? name : undefined)),
      ...differ(`live.${name}`, 'absent', isEmpty ? 'present' : undefined),
      // A bridge that guests are plugged into stays, without an address.
      ...listed(`live.${name}.addresses`, 'none', live.isBridge && !isEmpty ? addressesOn(live, name) : []),
    ],
    settled: [
      ...addressDifferences(first, addressing, live),
      ...leaseDifferences(first, addressing, live),
      ...routeDifferences(first, addressing, live),
    ],
  };
}

function linkDifferences(
  name: string,
  ports: readonly string[],
  wanted: BridgeSettings,
  live: LiveBridge,
): readonly Difference[] {
  if (!live.isBridge) return [{ path: `live.${name}`, wanted: 'a bridge', actual: undefined }];
  const mac = wanted.mac === portMacWord ? live.macs[ports[0] ?? ''] : wanted.mac;
  const stp = wanted.stp === undefined ? undefined : wanted.stp ? '1' : '0';
  const delay = wanted.stp === true && wanted.delay !== undefined ? String(wanted.delay * 100) : undefined;
  const mtu = wanted.mtu === undefined ? undefined : String(wanted.mtu);
  return [
    ...ports.flatMap((port) => differ(`live.${port}.master`, name, live.plugged.includes(port) ? undefined : 'none')),
    ...[name, ...ports].flatMap((link) => differ(`live.${link}`, 'up', isUp(live, link) ? undefined : 'down')),
    ...compare(`live.${name}.mac`, mac, live.macs[name]),
    ...compare(`live.${name}.mtu`, mtu, live.sys[`${name}/mtu`]),
    ...compare(`live.${name}.stp_state`, stp, live.sys[`${name}/bridge/stp_state`]),
    ...compare(`live.${name}.forward_delay`, delay, live.sys[`${name}/bridge/forward_delay`]),
  ];
}

function addressDifferences(link: string, { addresses }: Addressing, live: LiveBridge): readonly Difference[] {
  const found = [...live.addresses, ...live.ipv6Addresses].filter((each) => each.link === link);
  const missing = addresses.filter((wanted) => !found.some(({ address }) => address === wanted));
  if (missing.length === 0) return [];
  return [
    {
      path: `live.${link}.addresses`,
      wanted: missing.join(', '),
      actual: found.map(({ address }) => address).join(', ') || 'none',
    },
  ];
}

function leaseDifferences(link: string, { isDhcp }: Addressing, live: LiveBridge): readonly Difference[] {
  const hasLease = addressesOn(live, link).some((address) => !address.startsWith('169.254.'));
  return differ('live.lease', 'an address from the DHCP server', isDhcp && !hasLease ? 'none' : undefined);
}

function routeDifferences(link: string, { gateways }: Addressing, live: LiveBridge): readonly Difference[] {
  const routes = [...live.defaultRoutes, ...live.ipv6DefaultRoutes];
  return gateways
    .filter((gateway) => !routes.some((route) => isRouteVia(route, gateway, link)))
    .flatMap((gateway) => differ('live.defaultRoute', `via ${gateway} dev ${link}`, routes.join(', ') || 'none'));
}

function listed(path: string, wanted: string, found: readonly string[]): readonly Difference[] {
  return differ(path, wanted, found.length === 0 ? undefined : found.join(', '));
}

function differ(path: string, wanted: unknown, actual: string | undefined): readonly Difference[] {
  return actual === undefined ? [] : [{ path, wanted, actual }];
}

function compare(path: string, wanted: string | undefined, actual: string | undefined): readonly Difference[] {
  return wanted === undefined || wanted === actual ? [] : [{ path, wanted, actual }];
}
