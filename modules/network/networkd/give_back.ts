import { isDeepStrictEqual } from 'node:util';
import { canonicalIpv6 } from '../../../lib/formats/ipv6.ts';
import {
  formatUnitFile,
  parseUnitFile,
  type UnitFile,
  type UnitSection,
  valueIn,
} from '../../../lib/formats/unit_file.ts';
import { removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { BridgeState } from '../bridge_state.ts';
import { readOriginal } from '../original.ts';
import { isPortOf, type NetworkdFiles, pathBefore } from './files.ts';
import { spaced, trimmed } from './sections.ts';
import { addressesOf, dhcpOf, gatewaysOf, ipv6Of, routeIn } from './settings.ts';
import { matchOf, onlyAddressing, ownFileOf, withoutAddressing } from './write.ts';

/** What becomes of a port's file once the bridge is gone. */
export interface GivenBack {
  readonly steps: readonly Step[];
  /** What configures the port then; undefined where no file does. */
  readonly content: UnitFile | undefined;
}

/**
 * Gives a port its file back: as it was where the bridge has the addresses that its first port had, byte for byte. Otherwise that port
 * gets what the bridge has now, because it is where the host is reached.
 */
export function givePortBack({ name, portNames }: BridgeState, files: NetworkdFiles, port: string): GivenBack {
  const file = files.ports[port];
  if (file === undefined || !isPortOf(file, name)) return { steps: [], content: file?.content };
  const network = port === portNames.value[0] ? files.network?.content : undefined;
  const kept = readOriginal(name, file.text.text);
  if (kept === undefined || kept.original !== undefined) {
    const text = returnAddressing(kept?.original ?? formatUnitFile(matchOf(port)), network);
    return { steps: [writeFile(file.path, text, { before: file.text })], content: parseUnitFile(text) };
  }
  const shared = files.shared[port]?.content;
  const gone = removeFile(file.path, { before: file.text });
  if (network === undefined || (shared !== undefined && isSameAddressing(shared, network))) {
    return { steps: [gone], content: shared };
  }
  const own = shared === undefined ? matchOf(port) : ownFileOf(port, shared);
  const text = `# Made by kvm-play: ${port}, with what ${name} had.\n${returnAddressing(formatUnitFile(own), network)}`;
  const others = files.all.filter(({ path }) => path !== file.path);
  const path = pathBefore([`00-kvm-play-${port}.network`, `0-kvm-play-${port}.network`], others, port, undefined);
  return { steps: [writeFile(path, text), gone], content: parseUnitFile(text) };
}

/** @param original the port's file before it was a port @param network the bridge's file */
function returnAddressing(original: string, network: UnitFile | undefined): string {
  const before = parseUnitFile(original);
  if (network === undefined || isSameAddressing(before, network)) return original;
  const [own, moved] = [withoutAddressing(before), onlyAddressing(network)];
  const lines = moved.filter((section) => section.name === 'Network').flatMap((section) => section.lines);
  const others = moved.filter((section) => section.name !== 'Network');
  const hasNetwork = own.sections.some((section) => section.name === 'Network');
  const sections = own.sections.map((section) =>
    section.name === 'Network' ? { ...section, lines: [...trimmed(section.lines), ...lines] } : section,
  );
  const all = hasNetwork ? sections : [...sections, { name: 'Network', lines }];
  return formatUnitFile({ sections: spaced([...all, ...others]), endsInNewline: true });
}

/**
 * Tells whether two files give a link the same addresses and gateways, however they are written. Name servers, search domains and routes
 * beside the default one do not count: they go back to a port along with another address only.
 */
function isSameAddressing(one: UnitFile, other: UnitFile): boolean {
  return isDeepStrictEqual(addressing(one), addressing(other));
}

function addressing(file: UnitFile): unknown {
  return {
    dhcp: dhcpOf(file),
    ipv6: ipv6Of(file),
    addresses: addressesOf(file).map(canonicalIpv6),
    gateways: gatewaysOf(file).map(canonicalIpv6),
    others: onlyAddressing(file).flatMap(otherSettings).sort(),
  };
}

const toldKeys: Readonly<Record<string, readonly string[]>> = {
  Network: ['DHCP', 'Address', 'Gateway', 'IPv6AcceptRA', 'LinkLocalAddressing', 'DNS', 'Domains'],
  Address: ['Address'],
  // It is the port's number, whether or not the port's file says so.
  DHCPv4: ['IAID'],
  DHCP: ['IAID'],
};

/** What a section says beside what {@link addressing} compares by its meaning. */
function otherSettings(section: UnitSection): readonly string[] {
  if (section.name === 'Route' && routeIn(section) !== undefined) return [];
  const told = toldKeys[section.name ?? ''] ?? [];
  const subject = section.name === 'Address' ? `${valueIn(section, 'Address')} ` : '';
  return section.lines.flatMap(({ key, value }) =>
    key === undefined || told.includes(key) ? [] : [`[${section.name}] ${subject}${key}=${value}`],
  );
}
