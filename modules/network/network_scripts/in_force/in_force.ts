import { getValue, type KeyValueFile, parseKeyValue } from '../../../../lib/formats/key_value.ts';
import type { Difference } from '../../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../../lib/task/readonly_host.ts';
import type { InForce } from '../../../../lib/task/task.ts';
import { portMacWord } from '../../arguments.ts';
import type { BridgeState } from '../../bridge_state.ts';
import { addressesOn, isRouteVia, isUp, type LiveBridge } from '../../live.ts';
import type { OwnedLinks, StackInForce } from '../../stack.ts';
import { type NetworkFiles, readNetworkFiles } from '../files.ts';
import { primaryAddress } from '../ifcfg/address.ts';
import { type BridgeValues, gatewayOf } from '../ifcfg/bridge_file.ts';
import { isDhcp, isOff, isOn } from '../ifcfg/keys.ts';
import { addressingBy } from '../ifcfg/settings.ts';
import { readWanted } from '../reading.ts';
import { type IfcfgBridgeState, type WantedBridge, wantedByIfcfgBridge } from '../state.ts';
import { clearingSteps, staleRules } from './clearing.ts';
import { type Live, readLive } from './live.ts';
import { readLost, readScene } from './lost.ts';

/**
 * Says what of a bridge is in force, what has to be taken away before it is loaded, and what is lost by that. With `onboot: false`
 * nothing has to be in force: the scripts pass over the bridge when the network starts.
 */
export async function bridgeInForce(host: ReadonlyHost, desired: IfcfgBridgeState): Promise<InForce> {
  const { name, port, bridge } = desired;
  const wanted = wantedByIfcfgBridge(desired);
  if (bridge !== 'absent' && bridge.ONBOOT === 'no') return { loaded: [], settled: [] };
  const [live, files, lost] = await Promise.all([
    readLive(host, name, [port.name]),
    readNetworkFiles(host, name, [port.name]),
    readLost(host, wanted),
  ]);
  const clearing = clearingSteps(wanted, live, files);
  const differences =
    bridge === 'absent' ? absentDifferences(desired, live, files) : presentDifferences(desired, bridge, live, files);
  return { ...differences, clearing, lost };
}

/** Says what only the network scripts have a part in of a bridge of any module that uses them. */
export async function networkScriptsInForce(
  host: ReadonlyHost,
  desired: BridgeState,
  _owned: OwnedLinks,
  known: LiveBridge,
): Promise<StackInForce> {
  const { name, portNames } = desired;
  const [first = ''] = portNames.value;
  const [live, { scripts, wanted }, lostBy] = await Promise.all([
    readLive(host, name, portNames.value, known),
    readWanted(host, desired, known),
    readScene(host, name),
  ]);
  const { files } = scripts;
  const isAbsent = wanted.bridge === 'absent';
  const addressing = addressingBy(isAbsent ? files.ports[first]?.content : files.bridge?.content);
  const hasClient = live.dhcpClients.includes(name);
  const client =
    hasClient === (!isAbsent && addressing.isDhcp)
      ? []
      : [
          {
            path: `live.${name}.dhcp`,
            wanted: isAbsent || !addressing.isDhcp ? 'none' : 'a DHCP client',
            actual: hasClient ? 'a DHCP client' : 'none',
          },
        ];
  const has = (parameter: string): boolean => wanted.parameters.some((line) => line.includes(`.${parameter} `));
  const ipv6 = has('disable_ipv6')
    ? { IPV6INIT: 'no', IPV6_AUTOCONF: 'no' }
    : has('accept_ra')
      ? { IPV6INIT: 'yes', IPV6_AUTOCONF: 'no' }
      : {};
  return {
    loaded: [
      ...client,
      ...ipv6Differences(live, name, ipv6, files.bridge?.content ?? parseKeyValue('')),
      ...ruleDifferences(wanted, live, files),
    ],
    addressing,
    clearing: clearingSteps(wanted, live, files),
    lost: lostBy(wanted),
  };
}

function presentDifferences(
  desired: IfcfgBridgeState,
  wanted: BridgeValues,
  live: Live,
  files: NetworkFiles,
): Pick<InForce, 'loaded' | 'settled'> {
  const { name, port } = desired;
  const content = files.bridge?.content ?? parseKeyValue('');
  const addressing: Addressing = {
    dhcp: isDhcp(wanted.BOOTPROTO),
    address: wanted.address ?? primaryAddress(content),
    gateway: wanted.GATEWAY ?? gatewayOf(content),
  };
  const onPort = addressesOn(live, port.name);
  return {
    loaded: [
      ...linkDifferences(live, name, port.name, wanted),
      ...differ(`live.${port.name}.addresses`, 'none', onPort.length === 0 ? undefined : onPort.join(', ')),
      ...addressDifferences(live, name, addressing),
      ...ipv6Differences(live, name, wanted, content),
      ...ruleDifferences(wantedByIfcfgBridge(desired), live, files),
    ],
    settled: [...leaseDifferences(live, name, addressing), ...routeDifferences(live, name, addressing)],
  };
}

/** That the bridge is gone is for loading; that its port has its address again is not a reason to load once more. */
function absentDifferences(
  desired: IfcfgBridgeState,
  live: Live,
  files: NetworkFiles,
): Pick<InForce, 'loaded' | 'settled'> {
  const { name, port } = desired;
  const loaded = [...whatIsLeft(live, name, port.name), ...ruleDifferences(wantedByIfcfgBridge(desired), live, files)];
  const file = files.ports[port.name]?.content;
  if (file === undefined || isOff(getValue(file, 'ONBOOT'))) return { loaded, settled: [] };
  const addressing: Addressing = {
    dhcp: isDhcp(getValue(file, 'BOOTPROTO')),
    address: primaryAddress(file),
    gateway: gatewayOf(file),
  };
  const address = addressing.dhcp ? [] : addressDifferences(live, port.name, addressing);
  return {
    loaded,
    settled: [
      ...address,
      ...leaseDifferences(live, port.name, addressing),
      ...routeDifferences(live, port.name, addressing),
    ],
  };
}

/** How a link is to have its IPv4 address. */
interface Addressing {
  readonly dhcp: boolean;
  readonly address: string | undefined;
  readonly gateway: string | undefined;
}

function linkDifferences(live: Live, name: string, port: string, wanted: BridgeValues): readonly Difference[] {
  if (!live.isBridge) return [{ path: `live.${name}`, wanted: 'a bridge', actual: undefined }];
  const mac = wanted.MACADDR === portMacWord ? live.sys[`${port}/address`] : wanted.MACADDR;
  const delay = wanted.DELAY === undefined ? undefined : String(Number(wanted.DELAY) * 100);
  const stp = wanted.STP === undefined ? undefined : wanted.STP === 'on' ? '1' : '0';
  return [
    ...differ(`live.${port}.master`, name, live.plugged.includes(port) ? undefined : 'none'),
    ...[name, port].flatMap((link) => differ(`live.${link}`, 'up', isUp(live, link) ? undefined : 'down')),
    ...compare(`live.${name}.mac`, mac, live.sys[`${name}/address`]),
    ...compare(`live.${name}.mtu`, wanted.MTU, live.sys[`${name}/mtu`]),
    ...compare(`live.${name}.stp_state`, stp, live.sys[`${name}/bridge/stp_state`]),
    ...compare(`live.${name}.forward_delay`, delay, live.sys[`${name}/bridge/forward_delay`]),
  ];
}

function addressDifferences(live: Live, link: string, { dhcp, address }: Addressing): readonly Difference[] {
  if (dhcp) return differ(`live.${link}.dhcp`, 'a DHCP client', live.dhcpClients.includes(link) ? undefined : 'none');
  const found = addressesOn(live, link);
  const isThere = address === undefined || found.includes(address);
  return differ(`live.${link}.addresses`, address, isThere ? undefined : found.join(', ') || 'none');
}

function leaseDifferences(live: Live, link: string, { dhcp }: Addressing): readonly Difference[] {
  const hasLease = addressesOn(live, link).some((address) => !address.startsWith('169.254.'));
  return differ('live.lease', 'an address from the DHCP server', dhcp && !hasLease ? 'none' : undefined);
}

function routeDifferences(live: Live, link: string, { dhcp, gateway }: Addressing): readonly Difference[] {
  if (dhcp || gateway === undefined || live.defaultRoutes.some((route) => isRouteVia(route, gateway, link))) return [];
  return differ('live.defaultRoute', `via ${gateway} dev ${link}`, live.defaultRoutes.join(', ') || 'none');
}

/**
 * The scripts leave a bridge with IPV6INIT=no as the kernel made it, and a router's advertisements are taken (initscripts,
 * ifup-ipv6); with IPV6_AUTOCONF=no they refuse advertisements only once the bridge is up. So both are looked at.
 */
export function ipv6Differences(
  live: Live,
  name: string,
  wanted: BridgeValues,
  file: KeyValueFile,
): readonly Difference[] {
  const disabled = live.ipv6[`${name}/disable_ipv6`];
  if (disabled === undefined || wanted.IPV6_AUTOCONF !== 'no') return [];
  if (wanted.IPV6INIT === 'no') return compare(`live.${name}.disable_ipv6`, '1', disabled);
  if (isOn(getValue(file, 'IPV6_FORCE_ACCEPT_RA')) || isOff(getValue(file, 'IPV6_SET_SYSCTLS'))) return [];
  const given = isOn(getValue(file, 'DHCPV6C')) ? [] : live.givenIpv6.filter(({ link }) => link === name);
  const routes = live.advertisedRoutes.filter((route) => route.includes(` dev ${name} `));
  const found = [...given.map(({ address }) => address), ...routes];
  return [
    ...compare(`live.${name}.accept_ra`, '0', live.ipv6[`${name}/accept_ra`]),
    ...differ(`live.${name}.advertised`, 'nothing', found.length === 0 ? undefined : found.join(', ')),
  ];
}

export function ruleDifferences(desired: WantedBridge, live: Live, files: NetworkFiles): readonly Difference[] {
  const stale = staleRules(desired, live, files).map(({ words }) => words.join(' '));
  return differ('live.rules', 'none of the former device', stale.length === 0 ? undefined : stale.join(', '));
}

/** A bridge that guests are plugged into stays: to take it away would be to take their network away. */
function whatIsLeft(live: Live, name: string, port: string): readonly Difference[] {
  const isPlugged = live.plugged.includes(port);
  const isEmpty = live.isBridge && live.plugged.every((link) => link === port);
  const addresses = live.isBridge && !isEmpty ? addressesOn(live, name) : [];
  return [
    ...differ(`live.${port}.master`, 'none', isPlugged ? name : undefined),
    ...differ(`live.${name}`, 'absent', isEmpty ? 'present' : undefined),
    ...differ(`live.${name}.addresses`, 'none', addresses.length === 0 ? undefined : addresses.join(', ')),
    ...differ(`live.${name}.dhcp`, 'none', live.dhcpClients.includes(name) ? 'a DHCP client' : undefined),
  ];
}

function differ(path: string, wanted: unknown, actual: string | undefined): readonly Difference[] {
  return actual === undefined ? [] : [{ path, wanted, actual }];
}

function compare(path: string, wanted: string | undefined, actual: string | undefined): readonly Difference[] {
  return wanted === undefined || wanted === actual ? [] : [{ path, wanted, actual }];
}
