import { type InterfacesLine, interfacesLine } from '../../../lib/formats/interfaces.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';
import type { PlacedStanza } from './files.ts';
import { withoutHooks } from './hooks.ts';
import { isBridgeLine, isHook, isInet, isInet6, isLinkLine, optionName, optionOf, type Stanza } from './lines.ts';
import { isSameRoute, managedRoutes, routeIn } from './routes.ts';
import { linesForOthers, setAside, setStanzasAside, takeBack, takeStanzasBack } from './set_aside.ts';
import { ipv6Of, ipv6OffLine, noPort, type PortNames, portsIn, settingsOf } from './settings.ts';

/** A stanza of a bridge as it is to be written. */
export interface NewStanza extends Stanza {
  /** The stanza in whose place it is written; undefined for a new one. */
  readonly origin?: PlacedStanza;
}

/** Makes the stanzas of a new bridge of those of its first port. What belongs to the port itself stays there. */
export function stanzasOfPort(stanzas: readonly PlacedStanza[]): readonly NewStanza[] {
  return stanzas
    .filter(
      ({ method, lines }) => method !== 'manual' || lines.some((line) => line.key !== undefined && !isLinkLine(line)),
    )
    .map(({ family, method, lines }) => ({ family, method, lines: lines.filter((line) => !isLinkLine(line)) }));
}

/** Brings the stanzas of a bridge to what the task wants. What it does not name stays. */
export function wantedStanzas(
  before: readonly NewStanza[],
  wanted: BridgeSettings,
  isNew: boolean,
  ports: readonly string[],
  { port, mac: portMac }: PortNames,
): readonly NewStanza[] {
  const known = broughtBack(before, wanted);
  const there = settingsOf(known, true, wanted, { port, mac: portMac });
  const differs = (key: keyof BridgeSettings): boolean =>
    wanted[key] !== undefined && JSON.stringify(wanted[key]) !== JSON.stringify(there[key]);
  const { ipv4, ipv6, ipv6Addresses, gateway, ipv6Gateway, dns, search, routes, mtu, stp, delay } = wanted;
  let result = withInet(known);
  if (ipv4 !== undefined && differs('ipv4')) result = setIpv4(result, ipv4);
  if (ipv6Addresses !== undefined && differs('ipv6Addresses')) result = setIpv6Addresses(result, ipv6Addresses);
  if (ipv6 !== undefined && differs('ipv6')) result = setIpv6(result, ipv6);
  if (gateway !== undefined && differs('gateway')) result = setGateway(result, isInet, gateway);
  if (ipv6Gateway !== undefined && differs('ipv6Gateway')) result = setGateway(result, isInet6, ipv6Gateway);
  if (dns !== undefined && differs('dns'))
    result = setOption(result, ['dns-nameservers', 'dns-nameserver'], dns.join(' '));
  if (search !== undefined && differs('search'))
    result = setOption(result, ['dns-search', 'dns-domain'], search.join(' '));
  if (routes !== undefined && differs('routes')) result = setRoutes(result, routes);
  if (mtu !== undefined && differs('mtu')) result = setOption(result, ['mtu'], String(mtu));
  const missing = ports.filter((each) => !portsIn(result).includes(each));
  if (missing.length > 0) result = setOption(result, ['bridge-ports'], [...portsIn(result), ...missing].join(' '));
  if (isNew || differs('stp')) result = setOption(result, ['bridge-stp'], stp === true ? 'on' : 'off');
  if (isNew || differs('delay')) result = setOption(result, ['bridge-fd'], String(delay ?? 0));
  const mac = wanted.mac === portMacWord ? (portMac ?? port) : wanted.mac;
  if (mac !== undefined && differs('mac')) result = setOption(result, ['bridge-hw', 'hwaddress'], mac);
  return result;
}

/** Makes the stanzas of a port of those that a bridge has now, because they are where the host is reached. */
export function stanzasForPort(bridge: readonly Stanza[], own: readonly Stanza[]): readonly NewStanza[] {
  const linkLines = own.flatMap(({ lines }) => lines.filter(isLinkLine));
  const moved = bridge.map(({ family, method, lines }) => ({
    family,
    method,
    lines: lines.filter((line) => !isBridgeLine(line)),
  }));
  const [first, ...others] = moved;
  return first === undefined ? [] : [{ ...first, lines: [...first.lines, ...linkLines] }, ...others];
}

/**
 * Tells whether the host has the same addresses and gateways by the stanzas of two links. Name servers, search domains and routes may
 * differ: a task that names them says it of the bridge.
 */
export function isSameAddressing(one: readonly Stanza[], other: readonly Stanza[]): boolean {
  return shownAddressing(one) === shownAddressing(other);
}

function shownAddressing(stanzas: readonly Stanza[]): string {
  const { ipv4, gateway, ipv6, ipv6Addresses, ipv6Gateway } = settingsOf(stanzas, true, undefined, noPort);
  const asksForIpv6 = stanzas.some((stanza) => isInet6(stanza) && stanza.method === 'dhcp');
  const others = stanzas.flatMap(({ family, lines }) =>
    lines.filter((line) => !isToldBySettings(line)).map((line) => `${family} ${optionName(line)} ${line.value ?? ''}`),
  );
  return JSON.stringify([ipv4, gateway, ipv6, ipv6Addresses, ipv6Gateway, asksForIpv6, others.sort()]);
}

const toldOptions: readonly string[] = [
  ...['address', 'netmask', 'network', 'broadcast', 'gateway'],
  ...['autoconf', 'accept-ra', 'mtu'],
];

/** Tells whether a line is a comment, about the link, or one whose meaning the settings hold. */
function isToldBySettings(line: InterfacesLine): boolean {
  const name = optionName(line);
  if (name === undefined || toldOptions.includes(name) || name.startsWith('dns-')) return true;
  return routeIn(line) !== undefined || isBridgeLine(line) || isLinkLine(line);
}

/** The first stanza makes the bridge. One for IPv4 is always there. */
function withInet(stanzas: readonly NewStanza[]): readonly NewStanza[] {
  return stanzas.some(isInet) ? stanzas : [{ family: 'inet', method: 'manual', lines: [] }, ...stanzas];
}

/** Brings back what was set aside for what the task wants now. */
function broughtBack(stanzas: readonly NewStanza[], { ipv4, ipv6 }: BridgeSettings): readonly NewStanza[] {
  const occasion = ipv4 === undefined ? undefined : occasionOf(ipv4);
  const { stanzas: left, lines } = occasion === undefined ? { stanzas, lines: [] } : takeBack(stanzas, occasion);
  const target = left.find(isInet);
  const options = left.map((stanza) =>
    stanza === target ? { ...stanza, lines: [...lines, ...stanza.lines] } : stanza,
  );
  return ipv6 === 'auto' ? takeStanzasBack(options) : options;
}

function occasionOf(ipv4: NonNullable<BridgeSettings['ipv4']>): 'DHCP' | 'a static address' | undefined {
  if (ipv4 === 'dhcp') return 'DHCP';
  return ipv4.length > 0 && ipv4 !== 'none' ? 'a static address' : undefined;
}

function setIpv4(stanzas: readonly NewStanza[], ipv4: NonNullable<BridgeSettings['ipv4']>): readonly NewStanza[] {
  const [address, ...others] = typeof ipv4 === 'string' ? [] : ipv4;
  const inet = stanzas.filter(isInet);
  const [main] = inet;
  const gateway = optionOf(inet, 'gateway');
  const method = ipv4 === 'dhcp' ? 'dhcp' : address === undefined ? 'manual' : 'static';
  // What is no address stays, also of stanzas that were there for further addresses.
  const kept = inet.flatMap(({ lines }) => withoutOptions(lines, ipv4AddressOptions));
  const aside = linesForOthers(kept, occasionOf(ipv4));
  const unused = [...aside.values()].flat();
  const first: NewStanza = {
    ...main,
    family: 'inet',
    method,
    lines: [
      ...(address === undefined ? [] : [option(stanzas, 'address', address)]),
      ...(address === undefined || gateway === undefined ? [] : [option(stanzas, 'gateway', gateway)]),
      ...kept.filter((line) => !unused.includes(line)),
    ],
  };
  const result = stanzas.flatMap((stanza) => {
    if (stanza === main) return [first, ...others.map((each) => staticStanza(stanzas, 'inet', each))];
    return isInet(stanza) ? [] : [stanza];
  });
  return [...aside].reduce<readonly NewStanza[]>(
    (all, [occasion, lines]) => (lines.length === 0 ? all : setAside(all, occasion, lines)),
    result,
  );
}

const ipv4AddressOptions: readonly string[] = ['address', 'netmask', 'broadcast', 'network', 'gateway'];

function setIpv6Addresses(stanzas: readonly NewStanza[], addresses: readonly string[]): readonly NewStanza[] {
  const old = stanzas.filter((stanza) => isInet6(stanza) && stanza.method === 'static');
  const gateway = optionOf(old, 'gateway');
  const kept = old.flatMap(({ lines }) => withoutOptions(lines, ['address', 'netmask', 'gateway', 'autoconf']));
  // ifupdown switches off the kernel's own addresses wherever it sets one.
  const automatic = ipv6Of(stanzas) === 'auto' ? [option(stanzas, 'autoconf', '1')] : [];
  const added = addresses.map((address, index) => {
    const stanza = staticStanza(stanzas, 'inet6', address);
    if (index > 0) return { ...stanza, lines: [...stanza.lines, ...automatic] };
    const lines = gateway === undefined ? [] : [option(stanzas, 'gateway', gateway)];
    return { ...stanza, lines: [...stanza.lines, ...lines, ...kept, ...automatic] };
  });
  return [...stanzas.filter((stanza) => !old.includes(stanza)), ...added];
}

function setIpv6(stanzas: readonly NewStanza[], ipv6: NonNullable<BridgeSettings['ipv6']>): readonly NewStanza[] {
  const without = stanzas.map((stanza) => ({
    ...stanza,
    lines: stanza.lines.filter((line) => !/\/disable_ipv6$/.test(line.value ?? '')),
  }));
  const isAutomatic = ({ family, method }: Stanza): boolean =>
    family === 'inet6' && ['auto', 'dhcp', 'manual'].includes(method);
  if (ipv6 === 'auto') {
    const open = without.map((stanza) => {
      if (!isInet6(stanza)) return stanza;
      const lines = stanza.lines.filter((line) => !isSwitchedOff(line));
      const isAsking = stanza.method !== 'static' || optionOf([{ ...stanza, lines }], 'autoconf') !== undefined;
      return { ...stanza, lines: isAsking ? lines : [...lines, option(stanzas, 'autoconf', '1')] };
    });
    const hasAutomatic = open.some((stanza) => isAutomatic(stanza) && stanza.method !== 'manual');
    return hasAutomatic ? open : [...open, { family: 'inet6', method: 'auto', lines: [] }];
  }
  if (ipv6 === 'off') return addLine(setStanzasAside(without, isInet6), optionLine(stanzas, ipv6OffLine));
  const closed = setStanzasAside(without, isAutomatic);
  const hasStatic = closed.some(isInet6);
  if (!hasStatic) return addLine(closed, optionLine(stanzas, 'up echo 0 > /proc/sys/net/ipv6/conf/$IFACE/accept_ra'));
  return closed.map((stanza) =>
    isInet6(stanza)
      ? {
          ...stanza,
          lines: [...withoutOptions(stanza.lines, ['accept-ra', 'autoconf']), option(stanzas, 'accept_ra', '0')],
        }
      : stanza,
  );
}

function isSwitchedOff(line: InterfacesLine): boolean {
  return ['accept-ra', 'autoconf'].includes(optionName(line) ?? '') && line.value === '0';
}

function setGateway(
  stanzas: readonly NewStanza[],
  isOfFamily: (stanza: Stanza) => boolean,
  gateway: string,
): readonly NewStanza[] {
  const without = stanzas.map((stanza) =>
    isOfFamily(stanza) ? { ...stanza, lines: withoutOptions(stanza.lines, ['gateway']) } : stanza,
  );
  const target = without.findIndex((stanza) => isOfFamily(stanza) && stanza.method === 'static');
  if (gateway === '' || target === -1) return without;
  return without.map((stanza, index) => {
    if (index !== target) return stanza;
    const at = stanza.lines.findIndex((line) => optionName(line) === 'address') + 1;
    const line = option(stanzas, 'gateway', gateway);
    return { ...stanza, lines: [...stanza.lines.slice(0, at), line, ...stanza.lines.slice(at)] };
  });
}

/** Lines that add a route of the list stay as they are. */
function setRoutes(stanzas: readonly NewStanza[], routes: readonly Route[]): readonly NewStanza[] {
  const isManaged = managedRoutes(stanzas, routes);
  const there: Route[] = [];
  const isUnwanted = new Map<InterfacesLine, boolean>();
  for (const line of stanzas.flatMap(({ lines }) => lines)) {
    const route = routeIn(line);
    if (route === undefined || !isManaged(route)) continue;
    const isKept = routes.some((each) => isSameRoute(each, route)) && !there.some((each) => isSameRoute(each, route));
    if (isKept) there.push(route);
    isUnwanted.set(line, !isKept);
  }
  const added = routes.filter((route) => !there.some((each) => isSameRoute(each, route)));
  return added.reduce<readonly NewStanza[]>(
    (result, route) => {
      const isIpv6 = route.to.includes(':');
      return addLine(result, optionLine(stanzas, routeHook(route, isIpv6)), isIpv6 ? isInet6 : isInet);
    },
    withoutHooks(stanzas, (line) => isUnwanted.get(line) ?? false),
  );
}

function routeHook({ to, via, metric, table }: Route, isIpv6: boolean): string {
  return [
    ...['up', 'ip', isIpv6 ? '-6' : '-4', 'route', 'replace', to],
    ...(via === undefined ? [] : ['via', via]),
    ...['dev', '$IFACE'],
    ...(metric === undefined ? [] : ['metric', String(metric)]),
    ...(table === undefined ? [] : ['table', String(table)]),
  ].join(' ');
}

/** Sets an option that stands in one stanza: in the place of its first line, or at the end of the first stanza. */
function setOption(stanzas: readonly NewStanza[], names: readonly string[], value: string): readonly NewStanza[] {
  const [name = ''] = names;
  const line = option(stanzas, name.startsWith('bridge-') ? name.replace('-', '_') : name, value);
  let isPlaced = value === '';
  const replaced = stanzas.map((stanza) => ({
    ...stanza,
    lines: stanza.lines.flatMap((each) => {
      if (!names.includes(optionName(each) ?? '')) return [each];
      if (isPlaced) return [];
      isPlaced = true;
      return [line];
    }),
  }));
  return isPlaced ? replaced : addLine(replaced, line);
}

function addLine(
  stanzas: readonly NewStanza[],
  line: InterfacesLine,
  isWanted: (stanza: Stanza) => boolean = () => true,
): readonly NewStanza[] {
  const found = stanzas.findIndex((stanza) => isWanted(stanza));
  const target = Math.max(found, 0);
  return stanzas.map((stanza, index) => (index === target ? { ...stanza, lines: [...stanza.lines, line] } : stanza));
}

function staticStanza(stanzas: readonly NewStanza[], family: 'inet' | 'inet6', address: string): NewStanza {
  return { family, method: 'static', lines: [option(stanzas, 'address', address)] };
}

function withoutOptions(lines: readonly InterfacesLine[], names: readonly string[]): readonly InterfacesLine[] {
  return lines.filter((line) => isHook(line) || !names.includes(optionName(line) ?? ''));
}

function option(stanzas: readonly Stanza[], name: string, value: string): InterfacesLine {
  return optionLine(stanzas, `${name} ${value}`);
}

/** A line that is indented as its neighbours are. */
function optionLine(stanzas: readonly Stanza[], text: string): InterfacesLine {
  const neighbour = stanzas.flatMap(({ lines }) => lines).find(({ key }) => key !== undefined);
  const indent = /^[ \t]*/.exec(neighbour?.raw ?? '    ')?.[0] ?? '    ';
  return interfacesLine(`${indent}${text}`);
}
