/** Sets what addresses the host in a .network file. What a setting does not say stays: other keys of a section, other tables' routes. */

import { isDeepStrictEqual } from 'node:util';
import { canonicalIpv6 } from '../../../lib/formats/ipv6.ts';
import {
  setUnitValue,
  setUnitValues,
  type UnitFile,
  type UnitSection,
  unitLine,
  valueIn,
} from '../../../lib/formats/unit_file.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';
import { spaced } from './sections.ts';
import { dhcpOf, domainsOf, gatewayIn, isRoutingDomain, routeIn, shortValues } from './settings.ts';

type IsOfFamily = (address: string) => boolean;

/** Tells whether an address is one of IPv4. */
export const isIpv4: IsOfFamily = (address) => /^[\d.]+(?:\/\d+)?$/.test(address);

/** Tells whether an address is one of IPv6. */
export const isIpv6: IsOfFamily = (address) => address.includes(':');

/** Sets where IPv4 addresses come from. Without a static address there is no static gateway either. */
export function setIpv4(file: UnitFile, ipv4: NonNullable<BridgeSettings['ipv4']>): UnitFile {
  const { ipv6 } = dhcpOf(file);
  const dhcp = ipv4 === 'dhcp' ? (ipv6 ? 'yes' : 'ipv4') : ipv6 ? 'ipv6' : 'no';
  const asking = setUnitValue(file, 'Network', 'DHCP', dhcp);
  const addresses = typeof ipv4 === 'string' ? [] : ipv4;
  const addressed = setAddresses(asking, addresses, isIpv4);
  return addresses.length === 0 ? setGateway(addressed, '', isIpv4) : addressed;
}

/**
 * Sets the static addresses of one family. An address that stays keeps its [Address] section with what else that says; the addresses
 * behind it get sections too, because those of [Network] come first.
 */
export function setAddresses(file: UnitFile, wanted: readonly string[], isOfFamily: IsOfFamily): UnitFile {
  const isOurs = (section: UnitSection): boolean =>
    section.name === 'Address' && isOfFamily(valueIn(section, 'Address') ?? '');
  const sectionOf = (address: string): UnitSection | undefined =>
    file.sections.find((each) => isOurs(each) && canonicalIpv6(valueIn(each, 'Address') ?? '') === address);
  const firstLong = wanted.findIndex((address) => sectionOf(address) !== undefined);
  const [short, long] = firstLong < 0 ? [wanted, []] : [wanted.slice(0, firstLong), wanted.slice(firstLong)];
  const others = shortValues(file, 'Address').filter((address) => !isOfFamily(address));
  const sections = long.map(
    (address): UnitSection => sectionOf(address) ?? { name: 'Address', lines: [unitLine('Address', address)] },
  );
  const replaced = replaceSections(file, isOurs, sections);
  return setUnitValues(replaced, 'Network', 'Address', ipv4First([...short, ...others]));
}

/**
 * Sets the default gateway of one family in the main table. A default route that has a section keeps what else the section says, such
 * as its metric. @param wanted empty where there is to be none
 */
export function setGateway(file: UnitFile, wanted: string, isOfFamily: IsOfFamily): UnitFile {
  const isOurs = (section: UnitSection): boolean => section.name === 'Route' && isOfFamily(gatewayIn(section) ?? '');
  const values = shortValues(file, 'Gateway');
  const isShort = wanted !== '' && (values.some(isOfFamily) || !file.sections.some(isOurs));
  const [first] = isShort || wanted === '' ? [] : file.sections.filter(isOurs);
  const sections = file.sections.flatMap((section) => {
    if (!isOurs(section)) return [section];
    return section === first ? [withValue(section, 'Gateway', wanted)] : [];
  });
  const others = values.filter((gateway) => !isOfFamily(gateway));
  return setUnitValues(
    { ...file, sections },
    'Network',
    'Gateway',
    ipv4First([...(isShort ? [wanted] : []), ...others]),
  );
}

/** Sets whether routers are listened to, and whether there is IPv6 at all. */
export function setIpv6(file: UnitFile, ipv6: NonNullable<BridgeSettings['ipv6']>): UnitFile {
  if (ipv6 === 'auto') {
    const accepting = setUnitValue(file, 'Network', 'IPv6AcceptRA', 'yes');
    return setUnitValues(accepting, 'Network', 'LinkLocalAddressing', []);
  }
  const refusing = setUnitValue(file, 'Network', 'IPv6AcceptRA', 'no');
  if (ipv6 === 'static') return setUnitValues(refusing, 'Network', 'LinkLocalAddressing', []);
  const silent = setUnitValue(refusing, 'Network', 'LinkLocalAddressing', 'no');
  const addressless = setGateway(setAddresses(silent, [], isIpv6), '', isIpv6);
  const { ipv4 } = dhcpOf(addressless);
  return setUnitValue(addressless, 'Network', 'DHCP', ipv4 ? 'ipv4' : 'no');
}

/** Sets the search domains; routing domains (`~.`) stay. */
export function setSearch(file: UnitFile, search: readonly string[]): UnitFile {
  const domains = [...search, ...domainsOf(file).filter(isRoutingDomain)];
  return setUnitValues(file, 'Network', 'Domains', domains.length === 0 ? [] : [domains.join(' ')]);
}

/** Sets the routes beside the default ones. A route that stays keeps its section, with what else that says. */
export function setRoutes(file: UnitFile, routes: readonly Route[]): UnitFile {
  const isOurs = (section: UnitSection): boolean => section.name === 'Route' && routeIn(section) !== undefined;
  const before = file.sections.filter(isOurs);
  const sections = routes.map(
    (route) => before.find((section) => isDeepStrictEqual(routeIn(section), route)) ?? routeSection(route),
  );
  return replaceSections(file, isOurs, sections);
}

function routeSection({ to, via, metric, table }: Route): UnitSection {
  const lines: readonly (readonly [string, string | number | undefined])[] = [
    ['Destination', to],
    ['Gateway', via],
    ['Metric', metric],
    ['Table', table],
  ];
  return {
    name: 'Route',
    lines: lines.flatMap(([key, value]) => (value === undefined ? [] : [unitLine(key, String(value))])),
  };
}

/** Puts other sections in the place of some, at the end of the file. */
function replaceSections(
  file: UnitFile,
  isReplaced: (section: UnitSection) => boolean,
  sections: readonly UnitSection[],
): UnitFile {
  const kept = file.sections.filter((section) => !isReplaced(section));
  if (sections.length === 0) return { ...file, sections: kept };
  return { sections: spaced([...kept, ...sections]), endsInNewline: true };
}

function withValue(section: UnitSection, key: string, value: string): UnitSection {
  return { ...section, lines: section.lines.map((line) => (line.key === key ? unitLine(key, value) : line)) };
}

function ipv4First(addresses: readonly string[]): readonly string[] {
  return [...addresses.filter((address) => !isIpv6(address)), ...addresses.filter(isIpv6)];
}
