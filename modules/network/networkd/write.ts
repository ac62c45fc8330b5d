import {
  formatUnitFile,
  parseUnitFile,
  setUnitValue,
  setUnitValues,
  type UnitFile,
  type UnitLine,
  type UnitSection,
  unitLine,
  unitValue,
  valueIn,
} from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { addressesOf, dhcpOf, gatewaysOf, isAddressingKey, isAddressingSection } from './settings.ts';

/** What is known of a bridge's first port when its files are written. */
export interface PortFacts {
  /** The file that configures it now; undefined where there is none. */
  readonly file: UnitFile | undefined;
  readonly mac: string | undefined;
  /** The number by which its DHCP client is known to the server, where it is not the MAC. */
  readonly iaid: string | undefined;
}

/** Writes the file that makes a bridge. */
export function writeNetdev(
  name: string,
  file: UnitFile | undefined,
  wanted: BridgeSettings,
  actual: BridgeSettings,
  portMac: string | undefined,
): UnitFile {
  let result = file ?? parseUnitFile(`[NetDev]\nName=${name}\nKind=bridge\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n`);
  const mac = wanted.mac === portMacWord ? portMac : wanted.mac;
  if (mac !== undefined && wanted.mac !== actual.mac) result = setUnitValue(result, 'NetDev', 'MACAddress', mac);
  if (wanted.mtu !== undefined && wanted.mtu !== actual.mtu) {
    result = setUnitValue(result, 'NetDev', 'MTUBytes', String(wanted.mtu));
  }
  if (wanted.stp !== undefined && (wanted.stp !== actual.stp || file === undefined)) {
    result = setUnitValue(result, 'Bridge', 'STP', wanted.stp ? 'yes' : 'no');
  }
  if (wanted.delay !== undefined && (wanted.delay !== actual.delay || file === undefined)) {
    result = setUnitValue(result, 'Bridge', 'ForwardDelaySec', String(wanted.delay));
  }
  return result;
}

/** Writes the file that addresses a bridge: that which addressed its port, and what the task wants beside or instead. */
export function writeNetwork(
  name: string,
  file: UnitFile | undefined,
  wanted: BridgeSettings,
  actual: BridgeSettings,
  port: PortFacts,
): UnitFile {
  let result = file ?? withIaid(takeAddressing(name, port.file), port.iaid);
  const isNew = file === undefined;
  const differs = (key: keyof BridgeSettings): boolean =>
    wanted[key] !== undefined && (isNew || JSON.stringify(wanted[key]) !== JSON.stringify(actual[key]));
  if (differs('ipv4') && wanted.ipv4 !== undefined) result = setIpv4(result, wanted.ipv4);
  if (differs('ipv6Addresses') && wanted.ipv6Addresses !== undefined) {
    result = setAddresses(result, wanted.ipv6Addresses, isIpv6);
  }
  if (differs('gateway') && wanted.gateway !== undefined) result = setGateway(result, wanted.gateway, isIpv4);
  if (differs('ipv6Gateway') && wanted.ipv6Gateway !== undefined) {
    result = setGateway(result, wanted.ipv6Gateway, isIpv6);
  }
  if (differs('ipv6') && wanted.ipv6 !== undefined) result = setIpv6(result, wanted.ipv6);
  if (differs('dns') && wanted.dns !== undefined) result = setUnitValues(result, 'Network', 'DNS', wanted.dns);
  if (differs('search') && wanted.search !== undefined) {
    const domains = wanted.search.length === 0 ? [] : [wanted.search.join(' ')];
    result = setUnitValues(result, 'Network', 'Domains', domains);
  }
  if (differs('routes') && wanted.routes !== undefined) result = setRoutes(result, wanted.routes);
  return result;
}

/** Writes the file of a port: what addressed the host is gone, and the bridge is named. */
export function writePort(port: string, bridge: string, file: UnitFile | undefined, mtu: number | undefined): UnitFile {
  const before = file ?? parseUnitFile(`[Match]\nName=${port}\n`);
  const sections = before.sections
    .filter(({ name }) => name === undefined || !isAddressingSection(name))
    .map((section) => (section.name === 'Network' ? withoutAddressing(section) : section));
  const plugged = setUnitValue({ ...before, sections: endTrimmed(sections) }, 'Network', 'Bridge', bridge);
  return mtu === undefined ? plugged : setUnitValue(plugged, 'Link', 'MTUBytes', String(mtu));
}

/**
 * Gives a port's old file back, with the addresses that the bridge has now: they are where the host is reached.
 * @param original the port's file before it was a port
 * @param network the bridge's file
 */
export function returnAddressing(original: string, name: string, network: UnitFile | undefined): string {
  const before = parseUnitFile(original);
  if (network === undefined || isSameAddressing(takeAddressing(name, before), network)) return original;
  const [own, moved] = [withoutAll(before), onlyAddressing(network)];
  const lines = moved.filter((section) => section.name === 'Network').flatMap((section) => section.lines);
  const others = moved.filter((section) => section.name !== 'Network');
  const hasNetwork = own.sections.some((section) => section.name === 'Network');
  const sections = own.sections.map((section) =>
    section.name === 'Network' ? { ...section, lines: [...trimmed(section.lines), ...lines] } : section,
  );
  const all = hasNetwork ? sections : [...sections, { name: 'Network', lines }];
  return formatUnitFile({ sections: spaced([...all, ...others]), endsInNewline: true });
}

function isSameAddressing(one: UnitFile, other: UnitFile): boolean {
  const shown = (file: UnitFile): string =>
    JSON.stringify(
      onlyAddressing(file)
        .map(({ name, lines }) => [
          name,
          ...lines.flatMap(({ key, value }) => (key === undefined || key === 'IAID' ? [] : [`${key}=${value}`])),
        ])
        .filter(({ length }) => length > 1),
    );
  return shown(one) === shown(other);
}

/** The file of a new bridge, with what addressed its port. */
function takeAddressing(name: string, port: UnitFile | undefined): UnitFile {
  const match: UnitSection = { name: 'Match', lines: [unitLine('Name', name)] };
  const moved = port === undefined ? [] : onlyAddressing(port);
  const network = moved.filter((section) => section.name === 'Network');
  const others = moved.filter((section) => section.name !== 'Network');
  const first = network.length > 0 ? network : [{ name: 'Network', lines: [] }];
  return { sections: [{ name: undefined, lines: [] }, ...spaced([match, ...first, ...others])], endsInNewline: true };
}

function onlyAddressing({ sections }: UnitFile): readonly UnitSection[] {
  return sections.flatMap((section) => {
    const { name, lines } = section;
    if (name === undefined) return [];
    if (isAddressingSection(name)) return [{ name, lines: trimmed(lines) }];
    if (name !== 'Network') return [];
    return [{ name, lines: lines.filter(({ key }) => key !== undefined && isAddressingKey(key)) }];
  });
}

function withoutAll(file: UnitFile): UnitFile {
  return {
    ...file,
    sections: file.sections
      .filter(({ name }) => name === undefined || !isAddressingSection(name))
      .map((section) => (section.name === 'Network' ? withoutAddressing(section) : section)),
  };
}

function withoutAddressing(section: UnitSection): UnitSection {
  return { ...section, lines: section.lines.filter(({ key }) => key === undefined || !isAddressingKey(key)) };
}

/**
 * A client that goes by its DUID sends a number with it that systemd makes of the link's name, where udev gave it one: the bridge must
 * send that of its port (systemd.network(5), IAID).
 */
function withIaid(file: UnitFile, iaid: string | undefined): UnitFile {
  if (iaid === undefined || !dhcpOf(file).ipv4) return file;
  const [section] = ['DHCPv4', 'DHCP'].filter((name) => file.sections.some((each) => each.name === name));
  if (section !== undefined && unitValue(file, section, 'IAID') !== undefined) return file;
  return setUnitValue(file, section ?? 'DHCPv4', 'IAID', String(Number(iaid)));
}

function setIpv4(file: UnitFile, ipv4: NonNullable<BridgeSettings['ipv4']>): UnitFile {
  const { ipv6 } = dhcpOf(file);
  const dhcp = ipv4 === 'dhcp' ? (ipv6 ? 'yes' : 'ipv4') : ipv6 ? 'ipv6' : 'no';
  const asking = setUnitValue(file, 'Network', 'DHCP', dhcp);
  const addresses = typeof ipv4 === 'string' ? [] : ipv4;
  const addressed = setAddresses(asking, addresses, isIpv4);
  return addresses.length === 0 ? setGateway(addressed, '', isIpv4) : addressed;
}

function setAddresses(file: UnitFile, wanted: readonly string[], isOfFamily: (text: string) => boolean): UnitFile {
  const others = addressesOf(withoutSections(file, 'Address')).filter((address) => !isOfFamily(address));
  const kept = removeSections(file, 'Address', (section) => isOfFamily(valueIn(section, 'Address') ?? ''));
  return setUnitValues(kept, 'Network', 'Address', ipv4First([...wanted, ...others]));
}

function setGateway(file: UnitFile, wanted: string, isOfFamily: (text: string) => boolean): UnitFile {
  const others = gatewaysOf(withoutSections(file, 'Route')).filter((gateway) => !isOfFamily(gateway));
  const kept = removeSections(
    file,
    'Route',
    (section) => valueIn(section, 'Destination') === undefined && isOfFamily(valueIn(section, 'Gateway') ?? ''),
  );
  return setUnitValues(kept, 'Network', 'Gateway', ipv4First([...(wanted === '' ? [] : [wanted]), ...others]));
}

function setIpv6(file: UnitFile, ipv6: NonNullable<BridgeSettings['ipv6']>): UnitFile {
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

function setRoutes(file: UnitFile, routes: NonNullable<BridgeSettings['routes']>): UnitFile {
  const kept = removeSections(file, 'Route', (section) => valueIn(section, 'Destination') !== undefined);
  const added = routes.map(({ to, via, metric, table }): UnitSection => {
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
  });
  return { sections: spaced([...kept.sections, ...added]), endsInNewline: true };
}

function withoutSections(file: UnitFile, name: string): UnitFile {
  return removeSections(file, name, () => true);
}

function removeSections(file: UnitFile, name: string, isRemoved: (section: UnitSection) => boolean): UnitFile {
  return { ...file, sections: file.sections.filter((section) => section.name !== name || !isRemoved(section)) };
}

/** Puts a blank line between sections that have none. */
function spaced(sections: readonly UnitSection[]): readonly UnitSection[] {
  return sections.map((section, index) => {
    const isLast = index === sections.length - 1;
    if (section.name === undefined) return section;
    const lines = trimmed(section.lines);
    return { ...section, lines: isLast ? lines : [...lines, { raw: '' }] };
  });
}

function endTrimmed(sections: readonly UnitSection[]): readonly UnitSection[] {
  return sections.map((section, index) =>
    index === sections.length - 1 ? { ...section, lines: trimmed(section.lines) } : section,
  );
}

function trimmed(lines: readonly UnitLine[]): readonly UnitLine[] {
  return lines.slice(0, lines.findLastIndex(({ raw }) => raw.trim() !== '') + 1);
}

function ipv4First(addresses: readonly string[]): readonly string[] {
  return [...addresses.filter(isIpv4), ...addresses.filter(isIpv6)];
}

function isIpv4(address: string): boolean {
  return address !== '' && !address.includes(':');
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}
