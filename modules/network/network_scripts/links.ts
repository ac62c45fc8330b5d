import { prefixOfNetmask } from '../../../lib/formats/ipv4.ts';
import { getValue, type KeyValueFile, parseKeyValue } from '../../../lib/formats/key_value.ts';
import type { ExpectedIpv6, ExpectedLink } from '../../../lib/task/task.ts';
import { portMacWord } from '../arguments.ts';
import { primaryAddress } from './ifcfg/address.ts';
import { gatewayOf, writeBridge } from './ifcfg/bridge_file.ts';
import { isDhcp } from './ifcfg/keys.ts';
import { leaveBridge } from './ifcfg/port_file.ts';
import { type BridgeFiles, firstPort, type WantedBridge } from './state.ts';

/** Returns the links of a bridge and its ports after a restart of the network with the desired files. */
export function bridgeLinks(wanted: WantedBridge, found: BridgeFiles): readonly ExpectedLink[] {
  const { name, ports, bridge } = wanted;
  const first = firstPort(wanted);
  const portFile = found.ports[first];
  if (bridge === 'absent') {
    const file = portFile && leaveBridge(portFile.content, name, first, found.bridge?.content);
    return [
      { link: first, ...addressing(file), ...routes(found), ...mac(found.context.portMac) },
      { link: name, ipv4: 'none', heir: first },
    ];
  }
  const names = { bridge: name, port: first };
  const file = writeBridge(found.bridge?.content, names, bridge, portFile?.content, found.context);
  // The kernel's spanning tree listens for one delay and learns for another; the scripts wait 7 s on top (initscripts, ifup-eth).
  const delay = bridge.STP === 'on' ? 2 * Number(bridge.DELAY ?? 15) + 7 : Number(bridge.DELAY ?? 0);
  return [
    {
      link: name,
      ...(bridge.ONBOOT === 'no' ? { ipv4: 'none', isUpAtBoot: false } : addressing(file)),
      ...routes(found),
      ...mac(bridge.MACADDR === portMacWord ? found.context.portMac : bridge.MACADDR),
      delay,
    },
    ...ports.map((port): ExpectedLink => ({ link: port.name, bridge: name, ipv4: 'none' })),
  ];
}

function addressing(file: KeyValueFile | undefined): Pick<ExpectedLink, 'ipv4' | 'gateway' | 'ipv6'> {
  if (file === undefined) return { ipv4: 'none' };
  const ipv6 = ipv6Of(file);
  if (isDhcp(getValue(file, 'BOOTPROTO'))) return { ipv4: 'dhcp', ipv6 };
  const gateway = gatewayOf(file);
  return { ipv4: primaryAddress(file) ?? 'none', ...(gateway !== undefined && { gateway }), ipv6 };
}

/** As ifup-ipv6 reads it: an address without a prefix has one of 64 bits, and a gateway may name its device. */
function ipv6Of(file: KeyValueFile): ExpectedIpv6 {
  const value = (key: string): string => getValue(file, key) ?? '';
  const says = (key: string, word: string): boolean => value(key).toLowerCase() === word;
  if (says('IPV6INIT', 'no')) return { addresses: [], isAutomatic: false };
  const configured = [value('IPV6ADDR'), ...value('IPV6ADDR_SECONDARIES').split(/\s+/)].filter((text) => text !== '');
  const gateway = value('IPV6_DEFAULTGW').replace(/%.*$/, '');
  return {
    addresses: configured.map((text) => (text.includes('/') ? text : `${text}/64`)),
    isAutomatic: !says('IPV6_AUTOCONF', 'no') || says('DHCPV6C', 'yes'),
    ...(gateway !== '' && { gateway }),
  };
}

function mac(address: string | undefined): Pick<ExpectedLink, 'mac'> {
  return address === undefined ? {} : { mac: address };
}

/** The files of routes stand beside the port's file or the bridge's, and come to stand beside the one that has the address. */
function routes({ companions }: BridgeFiles): Pick<ExpectedLink, 'routes'> {
  const files = Object.entries(companions).filter(([name]) => name.startsWith('route'));
  return { routes: files.flatMap(([, { text }]) => destinationsOf(text)) };
}

/** A file of routes holds arguments of `ip route add`, or ADDRESS0, NETMASK0 and so on. */
function destinationsOf(text: string): readonly string[] {
  const file = parseKeyValue(text);
  const byKeys = file.entries.flatMap(({ key, value }) => {
    const [, number] = /^ADDRESS(\d+)$/.exec(key ?? '') ?? [];
    if (number === undefined || value === undefined) return [];
    const mask = getValue(file, `NETMASK${number}`) ?? '';
    return [`${value}/${prefixOfNetmask(mask) ?? (mask || 32)}`];
  });
  const byArguments = text
    .split('\n')
    .flatMap((line) => /^\s*(default|[\da-fA-F:.]+(?:\/\d+)?)\s/.exec(line)?.[1] ?? []);
  return [...byKeys, ...byArguments];
}
