import {
  addSection,
  formatUnitFile,
  parseKeyfile,
  sectionsOf,
  setUnitValue,
  setUnitValues,
  type UnitFile,
  type UnitLine,
  type UnitSection,
  unitValue,
} from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, Route } from '../bridge_state.ts';
import { type Pin, possiblePins } from './pins.ts';
import {
  addressesOf,
  addressKeys,
  bringsPorts,
  canonical,
  defaultRoutesOf,
  ethernetSection,
  gatewayOf,
  type IpSection,
  isTrue,
  macIn,
  masterOf,
  methodOf,
  movedKeys,
  movedSections,
  mtuIn,
  numbered,
  routeKeys,
  settingsOf,
} from './settings.ts';

/** What is known of a bridge's first port when the profiles are written. */
export interface PortFacts {
  /** Its profile before it is a port; undefined where there is none. */
  readonly file: UnitFile | undefined;
  readonly mac: string | undefined;
  /** Keys that have the bridge say to others what its port says without them, such as its DHCP client's name. */
  readonly pins: readonly Pin[];
}

/** Writes the profile of a bridge: that which addressed its port, and what the task wants beside or instead. */
export function writeBridge(
  name: string,
  uuid: string,
  file: UnitFile | undefined,
  wanted: BridgeSettings,
  actual: BridgeSettings,
  port: PortFacts,
): UnitFile {
  const isNew = file === undefined;
  const differs = (key: keyof BridgeSettings): boolean =>
    wanted[key] !== undefined && (isNew || JSON.stringify(wanted[key]) !== JSON.stringify(actual[key]));
  let result = file ?? newBridge(name, uuid, wanted, port);
  if (!bringsPorts(result)) result = setUnitValue(result, 'connection', 'autoconnect-slaves', '1');
  const mac = wanted.mac === portMacWord ? port.mac : wanted.mac;
  if (mac !== undefined && differs('mac')) {
    result = setUnitValue(result, ethernetSection(result), 'cloned-mac-address', mac.toUpperCase());
    result = setUnitValues(result, 'bridge', 'mac-address', []);
  }
  if (differs('mtu') && wanted.mtu !== undefined) result = setMtu(result, wanted.mtu);
  if (differs('stp')) result = setUnitValue(result, 'bridge', 'stp', String(wanted.stp));
  if (wanted.stp === true && (differs('stp') || differs('delay'))) {
    result = setUnitValue(result, 'bridge', 'forward-delay', String(wanted.delay ?? 15));
  }
  if (differs('zone')) result = setUnitValue(result, 'connection', 'zone', wanted.zone ?? '');
  if (differs('onboot')) result = setAutomatic(result, wanted.onboot !== false);
  return setAddressing(result, wanted, differs);
}

function setAddressing(
  file: UnitFile,
  wanted: BridgeSettings,
  differs: (key: keyof BridgeSettings) => boolean,
): UnitFile {
  let result = file;
  if (differs('ipv4') && wanted.ipv4 !== undefined) result = setIpv4(result, wanted.ipv4);
  if (differs('ipv6') && wanted.ipv6 !== undefined) result = setIpv6(result, wanted.ipv6, wanted.ipv6Addresses);
  if (differs('ipv6Addresses') && wanted.ipv6Addresses !== undefined) {
    result = setIpv6Addresses(result, wanted.ipv6Addresses);
  }
  if (differs('gateway') && wanted.gateway !== undefined) result = setGateway(result, 'ipv4', wanted.gateway);
  if (differs('ipv6Gateway') && wanted.ipv6Gateway !== undefined) {
    result = setGateway(result, 'ipv6', wanted.ipv6Gateway);
  }
  if (differs('dns') && wanted.dns !== undefined) {
    result = setList(
      result,
      'ipv4',
      'dns',
      wanted.dns.filter((server) => !server.includes(':')),
    );
    result = setList(
      result,
      'ipv6',
      'dns',
      wanted.dns.filter((server) => server.includes(':')),
    );
  }
  if (differs('search') && wanted.search !== undefined) result = setSearch(result, wanted.search);
  if (differs('routes') && wanted.routes !== undefined) {
    result = setRoutes(
      result,
      'ipv4',
      wanted.routes.filter(({ to }) => !to.includes(':')),
    );
    result = setRoutes(
      result,
      'ipv6',
      wanted.routes.filter(({ to }) => to.includes(':')),
    );
  }
  return result;
}

/** Writes the profile of a port: what addressed the host is gone, and the bridge is named. */
export function writePort(
  link: string,
  bridge: string,
  file: UnitFile,
  { mtu, onboot }: Pick<BridgeSettings, 'mtu' | 'onboot'>,
): UnitFile {
  let result = setUnitValue(withoutAddressing(file), 'connection', 'interface-name', link);
  if (masterOf(result) !== bridge) {
    for (const key of ['controller', 'port-type', 'master', 'slave-type']) {
      result = setUnitValues(result, 'connection', key, []);
    }
    result = setUnitValue(setUnitValue(result, 'connection', 'master', bridge), 'connection', 'slave-type', 'bridge');
  }
  if (onboot === false) result = setAutomatic(result, false);
  if (mtu !== undefined && mtuIn(result) !== mtu) result = setMtu(result, mtu);
  if (sectionsOf(result, 'bridge-port').length === 0) result = addSection(result, 'bridge-port', []);
  return { ...result, endsInNewline: true };
}

/** Has a profile be activated by itself, or not. */
export function setAutomatic(file: UnitFile, isAutomatic: boolean): UnitFile {
  return setUnitValues(file, 'connection', 'autoconnect', isAutomatic ? [] : ['false']);
}

/** Sets the MTU of a profile. */
export function setMtu(file: UnitFile, mtu: number): UnitFile {
  return setUnitValue(file, ethernetSection(file), 'mtu', String(mtu));
}

/**
 * Gives a port's old profile back: as it was, or with all that addresses the bridge where the host is reached by other addresses now.
 * @param original the port's text before it was a port
 * @param bridge the bridge's profile
 * @param pins the keys that only the bridge needs
 */
export function returnAddressing(original: string, bridge: UnitFile | undefined, pins: readonly Pin[]): string {
  const before = parseKeyfile(original);
  if (bridge === undefined || isSameAddressing(before, bridge)) return original;
  return moveAddressing(before, bridge, pins);
}

/** Writes a port's profile with all that addresses the bridge. @param pins the keys that only the bridge needs */
export function moveAddressing(port: UnitFile, bridge: UnitFile, pins: readonly Pin[]): string {
  const moved = withoutPins(bridge, port, pins);
  let result = withoutAddressing(port);
  for (const key of movedKeys) {
    const value = unitValue(moved, 'connection', key);
    if (value !== undefined) result = setUnitValue(result, 'connection', key, value);
  }
  for (const { name, lines } of onlyMovedSections(moved)) result = addSection(result, name ?? '', trimmed(lines));
  return formatUnitFile({ ...result, endsInNewline: true });
}

/** Makes a profile of a port one of its own again, where its old text is not known: NetworkManager has written it anew. */
export function withoutMaster(file: UnitFile): UnitFile {
  let result = file;
  for (const key of ['controller', 'port-type', 'master', 'slave-type']) {
    result = setUnitValues(result, 'connection', key, []);
  }
  const sections = result.sections.filter(({ name }) => name !== 'bridge-port');
  return { sections, endsInNewline: true };
}

function newBridge(name: string, uuid: string, { stp }: BridgeSettings, { file, pins }: PortFacts): UnitFile {
  const own = parseKeyfile(
    `[connection]\nid=${name}\nuuid=${uuid}\ntype=bridge\ninterface-name=${name}\nautoconnect-slaves=1\n\n[ethernet]\n\n[bridge]\nstp=${stp === true}\n`,
  );
  if (file === undefined) return own;
  let result = own;
  for (const key of movedKeys) {
    const value = unitValue(file, 'connection', key);
    if (value !== undefined) result = setUnitValue(result, 'connection', key, value);
  }
  const mtu = mtuIn(file);
  if (mtu !== undefined) result = setMtu(result, mtu);
  for (const { name: section, lines } of onlyMovedSections(file)) {
    result = addSection(result, section ?? '', trimmed(lines));
  }
  for (const { section, key, value } of pins) result = setUnitValue(withMethod(result, section), section, key, value);
  return result;
}

function onlyMovedSections({ sections }: UnitFile): readonly UnitSection[] {
  return sections.filter(({ name }) => name !== undefined && movedSections.includes(name));
}

function withoutAddressing(file: UnitFile): UnitFile {
  const sections = file.sections
    .filter(({ name }) => name === undefined || !movedSections.includes(name))
    .map((section) => ({ ...section, lines: trimmed(section.lines) }));
  const isFirst = sections.findIndex(({ name }) => name !== undefined);
  // A blank line between the sections, as NetworkManager writes it.
  const spaced = sections.map((section, index) =>
    index < sections.length - 1 && index >= isFirst ? { ...section, lines: [...section.lines, { raw: '' }] } : section,
  );
  let result: UnitFile = { ...file, sections: spaced };
  for (const key of movedKeys) result = setUnitValues(result, 'connection', key, []);
  return result;
}

/**
 * Tells whether the host has the same addresses and gateways by two profiles. Name servers, search domains, routes and the zone may
 * differ: a task that names them says it of the bridge.
 */
export function isSameAddressing(one: UnitFile, other: UnitFile): boolean {
  const shown = (file: UnitFile): string => {
    const { ipv4, gateway, ipv6Addresses, ipv6Gateway } = settingsOf(file, undefined, undefined, []);
    const methods = [methodOf(file, 'ipv4'), methodOf(file, 'ipv6')];
    return JSON.stringify([...methods, ipv4, gateway, ipv6Addresses, ipv6Gateway]);
  };
  return shown(one) === shown(other);
}

/** Takes the keys away that only the bridge needs. */
function withoutPins(bridge: UnitFile, port: UnitFile, pins: readonly Pin[]): UnitFile {
  let result = bridge;
  const keys = [...pins, ...possiblePins];
  for (const { section, key } of keys) {
    if (unitValue(port, section, key) === undefined) result = setUnitValues(result, section, key, []);
  }
  return result;
}

/** A section that is there must name its method. */
function withMethod(file: UnitFile, section: IpSection): UnitFile {
  if (unitValue(file, section, 'method') !== undefined) return file;
  return setUnitValue(file, section, 'method', 'auto');
}

function setIpv4(file: UnitFile, ipv4: NonNullable<BridgeSettings['ipv4']>): UnitFile {
  if (ipv4 === 'none') return onlyMethod(file, 'ipv4', 'disabled');
  if (ipv4 === 'dhcp') {
    const asking = setUnitValue(file, 'ipv4', 'method', 'auto');
    return setGateway(setAddresses(asking, 'ipv4', []), 'ipv4', '');
  }
  return setAddresses(setUnitValue(file, 'ipv4', 'method', 'manual'), 'ipv4', ipv4);
}

function setIpv6(
  file: UnitFile,
  ipv6: NonNullable<BridgeSettings['ipv6']>,
  addresses: readonly string[] = addressesOf(file, 'ipv6'),
): UnitFile {
  if (ipv6 === 'off') return onlyMethod(file, 'ipv6', 'disabled');
  if (ipv6 === 'auto') return setUnitValue(file, 'ipv6', 'method', 'auto');
  if (addresses.length === 0) return onlyMethod(file, 'ipv6', 'link-local');
  return setAddresses(setUnitValue(file, 'ipv6', 'method', 'manual'), 'ipv6', addresses);
}

function setIpv6Addresses(file: UnitFile, addresses: readonly string[]): UnitFile {
  const method = methodOf(file, 'ipv6');
  if (method === 'auto' || method === 'dhcp') return setAddresses(withMethod(file, 'ipv6'), 'ipv6', addresses);
  if (addresses.length === 0) return method === 'manual' ? onlyMethod(file, 'ipv6', 'link-local') : file;
  return setAddresses(setUnitValue(file, 'ipv6', 'method', 'manual'), 'ipv6', addresses);
}

/** Without addresses a family takes none of its other settings but how its link-local address is made. */
function onlyMethod(file: UnitFile, section: IpSection, method: string): UnitFile {
  const mode = unitValue(file, section, 'addr-gen-mode');
  const sections = file.sections.filter(({ name }) => name !== section);
  const kept = mode === undefined ? [] : [{ key: 'addr-gen-mode', value: mode, raw: `addr-gen-mode=${mode}` }];
  return addSection({ ...file, sections }, section, [
    ...kept,
    { key: 'method', value: method, raw: `method=${method}` },
  ]);
}

/** Sets all addresses of a family; a gateway that stands behind an old one is kept. */
function setAddresses(file: UnitFile, section: IpSection, addresses: readonly string[]): UnitFile {
  const gateway = gatewayOf(file, section);
  let result = file;
  for (const { key } of numbered(file, section, addressKeys)) result = setUnitValues(result, section, key, []);
  addresses.forEach((address, index) => {
    result = setUnitValue(result, section, `address${index + 1}`, address);
  });
  const isKept = gateway === undefined || gatewayOf(result, section) === gateway;
  return isKept || addresses.length === 0 ? result : setUnitValue(result, section, 'gateway', gateway);
}

/** Sets the gateway of the main routing table in all places where a profile may name it. Default routes of other tables stay. */
function setGateway(file: UnitFile, section: IpSection, gateway: string): UnitFile {
  if (gateway !== '' && gatewayOf(file, section) === canonical(gateway)) return file;
  let result = file;
  for (const { key, isMain } of defaultRoutesOf(file, section)) {
    if (isMain) result = withoutRoute(result, section, key);
  }
  for (const { key, value } of numbered(file, section, addressKeys)) {
    result = setUnitValue(result, section, key, value.split(/[,;]/)[0]?.trim() ?? '');
  }
  return gateway === ''
    ? setUnitValues(result, section, 'gateway', [])
    : setUnitValue(withMethod(result, section), section, 'gateway', gateway);
}

function setList(file: UnitFile, section: IpSection, key: string, items: readonly string[]): UnitFile {
  if (items.length === 0) return setUnitValues(file, section, key, []);
  return setUnitValue(withMethod(file, section), section, key, `${items.join(';')};`);
}

/** Search domains are the host's; they stand with a family that has addresses. */
function setSearch(file: UnitFile, search: readonly string[]): UnitFile {
  const [own, other]: readonly IpSection[] =
    methodOf(file, 'ipv4') === 'disabled' ? ['ipv6', 'ipv4'] : ['ipv4', 'ipv6'];
  const cleared = setList(file, other ?? 'ipv6', 'dns-search', []);
  return setList(cleared, own ?? 'ipv4', 'dns-search', search);
}

/** Sets the routes beside the default ones, which stay under the numbers that they have. */
function setRoutes(file: UnitFile, section: IpSection, routes: readonly Route[]): UnitFile {
  const kept = defaultRoutesOf(file, section).map(({ key }) => key);
  let result = file;
  for (const { key } of numbered(file, section, routeKeys)) {
    if (!kept.includes(key)) result = withoutRoute(result, section, key);
  }
  const taken = numbered(result, section, routeKeys).map(({ key }) => Number(key.replace(/^routes?/, '')));
  const free = Array.from({ length: routes.length + taken.length }, (_, index) => index + 1).filter(
    (number) => !taken.includes(number),
  );
  const none = section === 'ipv4' ? '0.0.0.0' : '::';
  routes.forEach(({ to, via, metric, table }, index) => {
    const key = `route${free[index]}`;
    const words = [
      to,
      ...(via !== undefined || metric !== undefined ? [via ?? none] : []),
      ...(metric === undefined ? [] : [String(metric)]),
    ];
    result = setUnitValue(withMethod(result, section), section, key, words.join(','));
    if (table !== undefined) result = setUnitValue(result, section, `${key}_options`, `table=${table}`);
  });
  return result;
}

function withoutRoute(file: UnitFile, section: IpSection, key: string): UnitFile {
  return setUnitValues(setUnitValues(file, section, key, []), section, `${key}_options`, []);
}

function trimmed(lines: readonly UnitLine[]): readonly UnitLine[] {
  return lines.slice(0, lines.findLastIndex(({ raw }) => raw.trim() !== '') + 1);
}

/** Tells whether a text holds passwords or keys: its text is then shown nowhere, and is in no backup. */
export function holdsSecrets(text: string): boolean {
  const lines = text.split('\n').map((line) => line.replace(/^# before [^:]*: ?/, ''));
  return parseKeyfile(lines.join('\n')).sections.some(({ lines: rows }) =>
    rows.some(({ key = '' }) => /password|passwd|psk|secret|wep-key|private-key|(?:^|-)pin$|mka-ca?k/i.test(key)),
  );
}

/** Tells whether a profile's MAC is another one each time it is activated. */
export function hasRandomMac(file: UnitFile): boolean {
  return (
    /^random$/i.test(macIn(file) ?? '') || isTrue(unitValue(file, ethernetSection(file), 'mac-address-randomization'))
  );
}
