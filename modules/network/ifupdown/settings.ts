import { classPrefix, parseIpv4, prefixOfNetmask } from '../../../lib/formats/ipv4.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { canonical, isInet, isInet6, optionName, optionOf, optionsOf, type Stanza } from './lines.ts';
import { routesOf } from './routes.ts';

/** What is known of the link whose MAC and name a bridge may have. */
export interface PortNames {
  readonly port: string;
  readonly mac: string | undefined;
}

/** Where it does not matter whose a MAC is. */
export const noPort: PortNames = { port: '', mac: undefined };

/** Options of a stanza that give the link its addresses, by their normal names. */
export const addressOptions: readonly string[] = [
  ...['address', 'netmask', 'broadcast', 'network', 'gateway', 'pointopoint', 'scope', 'metric', 'media'],
  ...['hostname', 'leasehours', 'leasetime', 'vendor', 'client'],
  ...['accept-ra', 'autoconf', 'privext', 'dhcp', 'request-prefix', 'll-attempts', 'll-interval'],
  ...['preferred-lifetime', 'dad-attempts', 'dad-interval'],
];

/** The line that switches IPv6 off: no option of ifupdown does. */
export const ipv6OffLine = 'up echo 1 > /proc/sys/net/ipv6/conf/$IFACE/disable_ipv6';

/** Returns the ports that a bridge's stanzas name. */
export function portsIn(stanzas: readonly Stanza[]): readonly string[] {
  return optionsOf(stanzas, 'bridge-ports')
    .flatMap((value) => words(value))
    .filter((word) => word !== 'none');
}

/** Says what the stanzas of a bridge hold, in the terms of the desired state. */
export function settingsOf(
  stanzas: readonly Stanza[],
  isAuto: boolean,
  wanted: BridgeSettings | undefined,
  { port, mac: portMac }: PortNames,
): BridgeSettings {
  const [inet, inet6] = [stanzas.filter(isInet), stanzas.filter(isInet6)];
  const addresses = inet.flatMap(addressIn);
  const gateway = optionOf(inet, 'gateway');
  const ipv6Gateway = optionOf(inet6, 'gateway');
  const mtu = optionOf(stanzas, 'mtu');
  const delay = optionOf(stanzas, 'bridge-fd');
  const mac = macIn(stanzas);
  const isPortMac = mac !== undefined && (mac === portMac || mac === port);
  return {
    ipv4: inet.some(({ method }) => method === 'dhcp') ? 'dhcp' : addresses.length > 0 ? addresses : 'none',
    ...(gateway !== undefined && { gateway }),
    ipv6: ipv6Of(stanzas),
    ipv6Addresses: inet6.flatMap(addressIn),
    ...(ipv6Gateway !== undefined && { ipv6Gateway: canonical(ipv6Gateway) }),
    dns: [...optionsOf(stanzas, 'dns-nameservers'), ...optionsOf(stanzas, 'dns-nameserver')].flatMap(words),
    search: [...optionsOf(stanzas, 'dns-search'), ...optionsOf(stanzas, 'dns-domain')].flatMap(words),
    routes: routesOf(stanzas, wanted?.routes),
    stp: /^(?:on|yes|1)$/i.test(optionOf(stanzas, 'bridge-stp') ?? 'off'),
    delay: Number.parseFloat(delay ?? '15'),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(mac !== undefined && { mac: isPortMac && wanted?.mac === portMacWord ? portMacWord : mac }),
    onboot: isAuto,
  };
}

/** Returns what addresses a link: its methods and its options, for comparison and for messages. */
export function addressingOf(stanzas: readonly Stanza[]): readonly string[] {
  return stanzas.flatMap(({ family, method, lines }) => [
    ...(method === 'manual' || method === '' ? [] : [`${family} ${method}`]),
    ...lines.flatMap((line) => {
      const name = optionName(line);
      const isAddressing = name !== undefined && (addressOptions.includes(name) || name.startsWith('dns-'));
      return isAddressing ? [name] : [];
    }),
  ]);
}

/** Says where IPv6 addresses come from. Without a stanza for IPv6 the kernel takes what routers advertise. */
export function ipv6Of(stanzas: readonly Stanza[]): NonNullable<BridgeSettings['ipv6']> {
  const isOff = stanzas.some(({ lines }) =>
    lines.some(({ value }) => /\/disable_ipv6$/.test(value ?? '') && /\b1\b/.test(value ?? '')),
  );
  if (isOff) return 'off';
  const inet6 = stanzas.filter(isInet6);
  if (inet6.some(({ method }) => method === 'auto' || method === 'dhcp')) return 'auto';
  const isStatic = inet6.some(({ method }) => method === 'static');
  return isStatic && !/^[1-9]/.test(optionOf(inet6, 'autoconf') ?? '0') ? 'static' : 'auto';
}

/** The address of a stanza with its prefix, which may stand in a line of its own. */
function addressIn(stanza: Stanza): readonly string[] {
  const address = optionOf([stanza], 'address');
  if (address === undefined || stanza.method !== 'static') return [];
  if (address.includes('/')) return [canonical(address)];
  const netmask = optionOf([stanza], 'netmask');
  const isNumber = netmask !== undefined && /^\d+$/.test(netmask);
  const prefix = netmask === undefined ? undefined : isNumber ? Number(netmask) : prefixOfNetmask(netmask);
  return [canonical(`${address}/${prefix ?? (isInet6(stanza) ? 64 : classPrefix(parseIpv4(address) ?? 0))}`)];
}

function macIn(stanzas: readonly Stanza[]): string | undefined {
  const hardware = optionOf(stanzas, 'hwaddress')?.replace(/^ether\s+/, '');
  return (optionOf(stanzas, 'bridge-hw') ?? hardware)?.toLowerCase();
}

function words(value: string): readonly string[] {
  return value.split(/\s+/).filter((word) => word !== '');
}
