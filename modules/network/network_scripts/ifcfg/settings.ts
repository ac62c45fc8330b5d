import { canonicalIpv6 } from '../../../../lib/formats/ipv6.ts';
import { getValue, type KeyValueFile } from '../../../../lib/formats/key_value.ts';
import type { BridgeSettings, Route } from '../../bridge_state.ts';
import type { Addressing } from '../../stack.ts';
import { addressesOf } from './address.ts';
import { type BridgeContext, bridgeValues } from './bridge_file.ts';
import { isDhcp, isOff } from './keys.ts';

/**
 * Says what a bridge's file holds, in the terms of the desired state.
 * @param routes those of the files beside it
 * @param parameters the kernel parameters that are set when it is made
 */
export function settingsOf(
  file: KeyValueFile,
  routes: readonly Route[],
  parameters: readonly string[],
  wanted: BridgeSettings | undefined,
  context: BridgeContext,
): BridgeSettings {
  const value = (key: string): string => getValue(file, key) ?? '';
  const shown = bridgeValues(file, { STP: 'off', DELAY: '', MACADDR: wanted?.mac ?? '' }, context);
  const addresses = addressesOf(file);
  const { DELAY: delay = '', MACADDR: mac = '' } = shown;
  const [mtu, zone] = ['MTU', 'ZONE'].map(value);
  const [gateway, ipv6Gateway] = [value('GATEWAY'), ipv6GatewayOf(file)];
  return {
    ipv4: isDhcp(getValue(file, 'BOOTPROTO')) ? 'dhcp' : addresses.length > 0 ? addresses : 'none',
    ...(gateway !== '' && { gateway }),
    ipv6: ipv6Of(file, parameters),
    ipv6Addresses: isOff(value('IPV6INIT')) ? [] : ipv6AddressesOf(file),
    ...(ipv6Gateway !== undefined && { ipv6Gateway }),
    dns: nameServersOf(file),
    search: words(value('DOMAIN')),
    routes,
    stp: shown.STP === 'on',
    delay: delay === '' ? 15 : Number(delay),
    ...(mtu !== '' && { mtu: Number(mtu) }),
    ...(mac !== '' && { mac }),
    ...(zone !== undefined && zone !== '' && { zone }),
    onboot: !isOff(value('ONBOOT')),
  };
}

/** Says how a link is to be addressed by its file. */
export function addressingBy(file: KeyValueFile | undefined): Addressing {
  if (file === undefined || isOff(getValue(file, 'ONBOOT'))) return { isDhcp: false, addresses: [], gateways: [] };
  const asks = isDhcp(getValue(file, 'BOOTPROTO'));
  const hasIpv6 = !isOff(getValue(file, 'IPV6INIT'));
  const gateway = getValue(file, 'GATEWAY') ?? '';
  const isDefault = !isOff(getValue(file, 'DEFROUTE'));
  const ipv6Gateway = ipv6GatewayOf(file);
  return {
    isDhcp: asks,
    addresses: [...(asks ? [] : addressesOf(file)), ...(hasIpv6 ? ipv6AddressesOf(file) : [])],
    gateways: [
      ...(asks || gateway === '' || !isDefault ? [] : [gateway]),
      ...(hasIpv6 && ipv6Gateway !== undefined ? [ipv6Gateway] : []),
    ],
  };
}

/** Names the keys of name servers: DNS1, DNS2 and so on, as far as a file goes, and three at least. */
export function nameServerKeys(file: KeyValueFile | undefined): readonly string[] {
  const numbers = (file?.entries ?? []).flatMap(({ key }) => Number(/^DNS(\d+)$/.exec(key ?? '')?.[1] ?? 0));
  return Array.from({ length: Math.max(3, ...numbers) }, (_, index) => `DNS${index + 1}`);
}

function nameServersOf(file: KeyValueFile): readonly string[] {
  return nameServerKeys(file).flatMap((key) => getValue(file, key) || []);
}

/**
 * The scripts leave a bridge with IPV6INIT=no as the kernel made it, and one with IPV6_AUTOCONF=no until it is up (initscripts,
 * ifup-ipv6): only with the kernel parameters it is what it says.
 */
function ipv6Of(file: KeyValueFile, parameters: readonly string[]): NonNullable<BridgeSettings['ipv6']> {
  const has = (parameter: string): boolean => parameters.some((line) => line.includes(`.${parameter} `));
  if (isOff(getValue(file, 'IPV6INIT'))) return has('disable_ipv6') ? 'off' : 'auto';
  return isOff(getValue(file, 'IPV6_AUTOCONF')) && has('accept_ra') ? 'static' : 'auto';
}

/** As ifup-ipv6 reads it: an address without a prefix has one of 64 bits. */
function ipv6AddressesOf(file: KeyValueFile): readonly string[] {
  return ['IPV6ADDR', 'IPV6ADDR_SECONDARIES']
    .flatMap((key) => words(getValue(file, key) ?? ''))
    .map((text) => canonicalIpv6(text.includes('/') ? text : `${text}/64`));
}

/** A gateway may name its device: `fe80::1%br0`. */
function ipv6GatewayOf(file: KeyValueFile): string | undefined {
  const gateway = (getValue(file, 'IPV6_DEFAULTGW') ?? '').replace(/%.*$/, '');
  return gateway === '' ? undefined : canonicalIpv6(gateway);
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
