import { formatUnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { removeFile, type Step, type WriteFileStep, writeFile } from '../../../lib/task/step.ts';
import type { ExpectedLink } from '../../../lib/task/task.ts';
import type { BridgeSettings, BridgeState, PortSettings } from '../bridge_state.ts';
import { expectedAddressing, expectedBridge, expectedMac } from '../expected.ts';
import { type LiveBridge, metricsToKeep, mtuOf } from '../live.ts';
import { keepOriginal } from '../original.ts';
import type { Addressing, OwnedLinks, StackReading } from '../stack.ts';
import { type Keyfile, originalOf, type PortProfile, type Profile, type Profiles, readProfiles } from './keyfiles.ts';
import { notedMtu, noteMtu } from './mtu_note.ts';
import { type Manager, readManager } from './nmcli.ts';
import { ownProfile } from './own_profile.ts';
import { pinsOf } from './pins.ts';
import { refusals, warnings } from './refusals.ts';
import {
  addressesOf,
  addressingOf,
  gatewayOf,
  isAutomatic,
  masterOf,
  methodOf,
  mtuIn,
  settingsOf,
} from './settings.ts';
import {
  holdsSecrets,
  isSameAddressing,
  moveAddressing,
  type PortFacts,
  returnAddressing,
  setAutomatic,
  setMtu,
  withoutMaster,
  writeBridge,
  writePort,
} from './write.ts';

/** What NetworkManager says, and the profiles of a bridge and its ports. */
export interface Found {
  readonly manager: Manager;
  readonly profiles: Profiles;
}

/** Reads what there is of a bridge. @returns a sentence where NetworkManager cannot be asked */
export async function readFound(host: ReadonlyHost, desired: BridgeState): Promise<Found | string> {
  const manager = await readManager(host, [...desired.portNames.value, desired.name]);
  if (typeof manager === 'string') return manager;
  return { manager, profiles: await readProfiles(host, desired, manager) };
}

/** Reads the profiles of a bridge and its ports. */
export async function readNetworkManager(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackReading> {
  const found = await readFound(host, desired);
  if (typeof found === 'string') return nothing(found);
  const { manager, profiles } = found;
  const wanted = desired.bridge === 'absent' ? undefined : desired.bridge;
  const [first] = profiles.ports;
  const contents = profiles.ports.flatMap(({ file }) => file?.content ?? []);
  const mac = live.macs[first?.link ?? ''];
  const settings = profiles.bridge.file && settingsOf(profiles.bridge.file.content, wanted, mac, contents);
  const facts = factsOf(manager, first, live);
  return {
    bridge: settings,
    ports: Object.fromEntries(profiles.ports.map((port) => [port.link, portSettings(desired, port, profiles)])),
    refusals: refusals(desired, found, owned, live),
    warnings: wanted === undefined ? [] : warnings(desired, profiles),
    missing: [],
    links: expectedLinks(desired, profiles, facts),
    steps: () =>
      wanted === undefined
        ? remove(desired, profiles, facts)
        : create(desired, wanted, settings ?? {}, profiles, facts, live),
  };
}

function nothing(sentence: string): StackReading {
  return { bridge: undefined, ports: {}, refusals: [sentence], warnings: [], missing: [], links: [], steps: () => [] };
}

function factsOf({ devices }: Manager, first: PortProfile | undefined, live: LiveBridge): PortFacts {
  const link = first?.link ?? '';
  const mac = live.macs[link];
  const device = devices.find((each) => each.link === link);
  const file = first?.source?.content;
  const metrics = metricsToKeep(link, live);
  const sent = { clientId: device?.clientId, iaid: device?.iaid };
  return { file, mac, pins: file === undefined ? [] : pinsOf(file, mac, sent, metrics) };
}

/** Tells whether a port's profile plugs it into the bridge, which it names by its link or by its UUID. */
function isIn(port: Profile, name: string, { bridge }: Profiles): boolean {
  const master = port.file && masterOf(port.file.content);
  return master === name || (master !== undefined && bridge.file !== undefined && master === bridge.uuid);
}

function portSettings({ name, bridge }: BridgeState, port: Profile, profiles: Profiles): PortSettings {
  const plugged = isIn(port, name, profiles) ? name : '';
  if (bridge === 'absent') {
    const isKept = originalOf(name, port.file) !== undefined;
    return { bridge: plugged, remembered: isKept && port.file !== undefined ? [port.path] : [] };
  }
  return { bridge: plugged, ...(port.file !== undefined && { addressing: addressingOf(port.file.content) }) };
}

/**
 * The bridge's profile comes first: a port of a bridge without one would be left without a network at the next boot. Nothing is loaded
 * before all of them are there.
 */
function create(
  { name }: BridgeState,
  wanted: BridgeSettings,
  actual: BridgeSettings,
  profiles: Profiles,
  facts: PortFacts,
  live: LiveBridge,
): readonly Step[] {
  const { bridge, ports } = profiles;
  const written = writeBridge(name, bridge.uuid, bridge.file?.content, wanted, actual, facts);
  return [
    ...writeIfNew(bridge.path, formatUnitFile(written), bridge.file),
    ...ports.flatMap((port) => {
      const mtu = mtuBefore(name, port, wanted, live);
      if (isIn(port, name, profiles) && port.file !== undefined && addressingOf(port.file.content).length === 0) {
        const text = adjusted(port.file, wanted, actual);
        const isKept = originalOf(name, port.file) !== undefined;
        return writeIfNew(port.path, isKept ? noteMtu(name, text, mtu) : text, port.file);
      }
      const content = writePort(port.link, name, port.file?.content ?? ownProfile(port, name), wanted);
      const original = originalOf(name, port.file);
      const before = original === undefined ? port.file?.text.text : original.original;
      const text = formatUnitFile(withoutComments(content, original !== undefined));
      return writeIfNew(port.path, noteMtu(name, keepOriginal(name, before, text), mtu), port.file);
    }),
  ];
}

/** The MTU that a port gets back once the bridge is gone; undefined where the task sets none, and where a profile of its own does. */
function mtuBefore(
  name: string,
  { link, file, source }: PortProfile,
  wanted: BridgeSettings,
  live: LiveBridge,
): number | undefined {
  const noted = file && notedMtu(name, file.text.text);
  if (noted !== undefined || wanted.mtu === undefined) return noted;
  return source !== undefined && mtuIn(source.content) !== undefined ? undefined : mtuOf(live, link);
}

/** A text that was kept already stands in comments at the beginning, which are written anew. */
function withoutComments<File extends ReturnType<typeof writePort>>(
  file: File,
  isKept: boolean,
): ReturnType<typeof writePort> {
  return isKept ? { ...file, sections: file.sections.filter(({ name }) => name !== undefined) } : file;
}

/** A port that is one already: only what it shares with the bridge changes. */
function adjusted(file: Keyfile, wanted: BridgeSettings, actual: BridgeSettings): string {
  const { mtu, onboot } = wanted;
  let content = file.content;
  if (mtu !== undefined && mtuIn(content) !== mtu) content = setMtu(content, mtu);
  if (onboot !== undefined && onboot !== actual.onboot && isAutomatic(content) !== onboot) {
    content = setAutomatic(content, onboot);
  }
  return formatUnitFile(content);
}

/** The ports come first: the other way round they would be left in a bridge that has no profile. */
function remove({ name }: BridgeState, profiles: Profiles, facts: PortFacts): readonly Step[] {
  const { bridge, ports } = profiles;
  const files = ports.flatMap((port, index): readonly Step[] => {
    const { file } = port;
    if (file === undefined || !(isIn(port, name, profiles) || originalOf(name, file) !== undefined)) return [];
    const kept = originalOf(name, file);
    const isFirst = index === 0;
    if (kept?.original !== undefined) {
      const text = isFirst ? returnAddressing(kept.original, bridge.file?.content, facts.pins) : kept.original;
      return writeIfNew(port.path, text, file);
    }
    if (kept !== undefined && !(isFirst && needsOwn(port, profiles))) return [removeKeyfile(file)];
    const own = withoutMaster(withoutComments(file.content, kept !== undefined));
    const isMoved = isFirst && bridge.file !== undefined;
    const text = isMoved ? moveAddressing(own, bridge.file.content, facts.pins) : formatUnitFile(own);
    return writeIfNew(port.path, text, file);
  });
  const leases = profiles.leases.map((path) => removeFile(path));
  return [...files, ...(bridge.file === undefined ? [] : [removeKeyfile(bridge.file)]), ...leases];
}

/** Tells whether a port that a shared profile ran must keep one of its own: the host is reached by other addresses than that one's. */
function needsOwn({ shared: [shared] }: PortProfile, { bridge }: Profiles): boolean {
  if (bridge.file === undefined) return false;
  return shared === undefined || !isSameAddressing(shared.content, bridge.file.content);
}

function removeKeyfile({ path, text }: Keyfile): Step {
  return holdsSecrets(text.text) ? removeFile(path, { secret: true }) : removeFile(path, { before: text });
}

function writeIfNew(path: string, text: string, before: Keyfile | undefined): readonly WriteFileStep[] {
  if (before?.text.text === text) return [];
  const isSecret = holdsSecrets(text) || (before !== undefined && holdsSecrets(before.text.text));
  // NetworkManager loads none that others may read.
  return [
    writeFile(path, text, {
      mode: 0o600,
      ...(before !== undefined && { before: before.text }),
      ...(isSecret && { secret: true }),
    }),
  ];
}

function expectedLinks(
  { name, bridge, portNames }: BridgeState,
  profiles: Profiles,
  facts: PortFacts,
): readonly ExpectedLink[] {
  const [first = ''] = portNames.value;
  const mac = facts.mac === undefined ? {} : { mac: facts.mac };
  const ports = profiles.ports.flatMap(({ file }) => file?.content ?? []);
  if (bridge === 'absent') {
    const file = profiles.bridge.file?.content ?? facts.file;
    const settings = file && settingsOf(file, undefined, undefined, ports);
    return [
      { link: first, ...expectedAddressing(settings), ...mac },
      { link: name, ipv4: 'none', heir: first },
    ];
  }
  const file = profiles.bridge.file?.content;
  const actual = file === undefined ? {} : settingsOf(file, bridge, facts.mac, ports);
  const written = writeBridge(name, profiles.bridge.uuid, file, bridge, actual, facts);
  const settings = settingsOf(written, bridge, facts.mac, ports);
  return expectedBridge(name, portNames.value, settings, expectedMac(bridge.mac, facts.mac));
}

/** Tells how a profile addresses its link. */
export function addressingBy(file: Keyfile | undefined): Addressing {
  if (file === undefined) return { isDhcp: false, addresses: [], gateways: [] };
  const { content } = file;
  const gateways = (['ipv4', 'ipv6'] as const).flatMap((section) => gatewayOf(content, section) ?? []);
  return {
    isDhcp: methodOf(content, 'ipv4') === 'auto',
    addresses: [...addressesOf(content, 'ipv4'), ...addressesOf(content, 'ipv6')],
    gateways: unitValue(content, 'ipv4', 'never-default') === 'true' ? [] : gateways,
  };
}
