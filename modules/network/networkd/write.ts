import {
  parseUnitFile,
  setUnitValue,
  setUnitValues,
  type UnitFile,
  type UnitSection,
  unitValue,
} from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings } from '../bridge_state.ts';
import { isFileOfLink } from './files.ts';
import { endTrimmed, spaced, trimmed } from './sections.ts';
import { isIpv4, isIpv6, setAddresses, setGateway, setIpv4, setIpv6, setRoutes, setSearch } from './set.ts';
import { dhcpOf, isAddressingKey, isAddressingSection } from './settings.ts';

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
  if (differs('search') && wanted.search !== undefined) result = setSearch(result, wanted.search);
  if (differs('routes') && wanted.routes !== undefined) result = setRoutes(result, wanted.routes);
  return result;
}

/**
 * Writes the file of a port: what addressed the host is gone, and the bridge is named. The file names the port: one that goes by the MAC
 * alone would take the bridge too, which has its port's MAC.
 */
export function writePort(port: string, bridge: string, file: UnitFile | undefined, mtu: number | undefined): UnitFile {
  const before = file ?? matchOf(port);
  const bare = withoutAddressing(before);
  const own = isFileOfLink(before, port) ? bare : setUnitValue(bare, 'Match', 'Name', port);
  const plugged = setUnitValue({ ...own, sections: endTrimmed(own.sections) }, 'Network', 'Bridge', bridge);
  return mtu === undefined ? plugged : setUnitValue(plugged, 'Link', 'MTUBytes', String(mtu));
}

/** The file of one link that says what a file for several links says. */
export function ownFileOf(link: string, shared: UnitFile): UnitFile {
  const others = shared.sections.filter(({ name }) => name !== undefined && name !== 'Match');
  return { sections: spaced([...matchOf(link).sections, ...others]), endsInNewline: true };
}

/** The beginning of a file that is one link's. */
export function matchOf(link: string): UnitFile {
  return parseUnitFile(`[Match]\nName=${link}\n`);
}

/** Makes the file of a link, with what addressed another one. */
export function takeAddressing(name: string, port: UnitFile | undefined): UnitFile {
  const moved = port === undefined ? [] : onlyAddressing(port);
  const network = moved.filter((section) => section.name === 'Network');
  const others = moved.filter((section) => section.name !== 'Network');
  const first = network.length > 0 ? network : [{ name: 'Network', lines: [] }];
  const sections = [...matchOf(name).sections, ...first, ...others];
  return { sections: spaced(sections), endsInNewline: true };
}

/** What of a file addresses the host. */
export function onlyAddressing({ sections }: UnitFile): readonly UnitSection[] {
  return sections.flatMap((section) => {
    const { name, lines } = section;
    if (name === undefined) return [];
    if (isAddressingSection(name)) return [{ name, lines: trimmed(lines) }];
    if (name !== 'Network') return [];
    return [{ name, lines: lines.filter(({ key }) => key !== undefined && isAddressingKey(key)) }];
  });
}

/** A file without what addresses the host. */
export function withoutAddressing(file: UnitFile): UnitFile {
  return {
    ...file,
    sections: file.sections
      .filter(({ name }) => name === undefined || !isAddressingSection(name))
      .map((section) => (section.name === 'Network' ? withoutAddressingKeys(section) : section)),
  };
}

function withoutAddressingKeys(section: UnitSection): UnitSection {
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
