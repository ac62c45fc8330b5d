import { formatUnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { ExpectedLink } from '../../../lib/task/task.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, BridgeState, PortSettings } from '../bridge_state.ts';
import { addressingOf as addressingOfSettings, expectedAddressing, expectedBridge, expectedMac } from '../expected.ts';
import type { LiveBridge } from '../live.ts';
import { keepOriginal, readOriginal } from '../original.ts';
import { keptMtuWarnings } from '../port_warnings.ts';
import type { Addressing, OwnedLinks, StackReading } from '../stack.ts';
import {
  configuration,
  isOwnFile,
  isPortOf,
  keepShared,
  type NetworkdFile,
  type NetworkdFiles,
  pathBefore,
  readNetworkdFiles,
} from './files.ts';
import { givePortBack } from './give_back.ts';
import { readNetworkdLinks } from './owner.ts';
import { addressesOf, addressingOf, emptyFile, settingsOf } from './settings.ts';
import { ownFileOf, type PortFacts, writeNetdev, writeNetwork, writePort } from './write.ts';

/** Reads the files of a bridge and its ports. */
export async function readNetworkd(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackReading> {
  const { name, bridge, portNames } = desired;
  const ports = portNames.value;
  const [files, links = []] = await Promise.all([
    readNetworkdFiles(host, name, ports, owned),
    readNetworkdLinks(host, [...ports, name]),
  ]);
  const [first = ''] = ports;
  const wanted = bridge === 'absent' ? undefined : bridge;
  const isDescribed = files.netdev !== undefined || files.network !== undefined;
  const settings = isDescribed
    ? withMtuOfPorts(
        settingsOf(files.netdev?.content ?? emptyFile, files.network?.content ?? emptyFile, wanted, live.macs[first]),
        name,
        Object.values(files.ports),
      )
    : undefined;
  const facts: PortFacts = {
    file: files.ports[first]?.content,
    mac: live.macs[first],
    iaid: iaidOf(links.find(({ link }) => link === first)?.clientId),
  };
  return {
    bridge: settings,
    ports: Object.fromEntries(ports.map((port) => [port, portSettings(desired, files.ports[port], port)])),
    refusals: [...refusals(desired, files, live), ...prefixRefusals(desired, settings ?? {}, files, facts, live)],
    warnings: keptMtuWarnings(desired, settings, live),
    missing: [],
    links: expectedLinks(desired, files, facts),
    steps: () => (bridge === 'absent' ? remove(desired, files) : create(desired, bridge, settings ?? {}, files, facts)),
  };
}

/** A bridge has an MTU by its files where those of its ports say it too: it cannot have a higher one than they have. */
function withMtuOfPorts(settings: BridgeSettings, bridge: string, ports: readonly NetworkdFile[]): BridgeSettings {
  const { mtu, ...others } = settings;
  const isOther = ports.some((file) => isPortOf(file, bridge) && mtuIn(file) !== mtu);
  return mtu !== undefined && isOther ? others : settings;
}

function mtuIn({ content }: NetworkdFile): number | undefined {
  const value = unitValue(content, 'Link', 'MTUBytes');
  return value === undefined ? undefined : Number(value);
}

/** `IAID:0xed10bdb8/DUID`; a client that goes by its MAC has none. */
function iaidOf(clientId: string | undefined): string | undefined {
  return /^IAID:(0x[0-9a-f]+)\/DUID/.exec(clientId ?? '')?.[1];
}

function portSettings({ name, bridge }: BridgeState, file: NetworkdFile | undefined, port: string): PortSettings {
  const isIn = file !== undefined && isPortOf(file, name);
  if (bridge === 'absent') {
    const isKept = file !== undefined && readOriginal(name, file.text.text) !== undefined;
    return { bridge: isIn ? name : '', remembered: isKept ? [file.path] : [] };
  }
  if (file === undefined) return { bridge: '' };
  // A file that matches other links too is left alone: one of the port's own comes before it.
  const isShared = !isIn && !isOwnFile(file.content, port, undefined);
  return { bridge: isIn ? name : '', addressing: isShared ? ['*'] : addressingOf(file.content) };
}

function refusals(
  { name, bridge, portNames }: BridgeState,
  files: NetworkdFiles,
  { macs }: LiveBridge,
): readonly string[] {
  const ports = portNames.value;
  const used = [files.netdev, files.network, ...Object.values(files.ports)].filter((file) => file !== undefined);
  const dropIns = used.flatMap(({ path }) => {
    const file = path.split('/').at(-1);
    return files.dropIns.filter((directory) => directory.endsWith(`/${file}.d`));
  });
  const sentences = dropIns.map(
    (directory) => `${directory} holds settings that are not in the file itself; put them into the file, and remove it`,
  );
  if (bridge === 'absent') {
    const others = files.all.filter(
      ({ path, content }) =>
        unitValue(content, 'Network', 'Bridge') === name && !ports.some((port) => files.ports[port]?.path === path),
    );
    return [
      ...sentences,
      ...others.map(({ path }) => `${path} plugs another link into ${name}; name it in 'ports' too`),
    ];
  }
  return [
    ...sentences,
    ...(bridge.zone === undefined
      ? []
      : [
          "systemd-networkd knows no zones of firewalld; leave 'zone' out, and name the bridge in firewalld's own files",
        ]),
    ...(bridge.onboot === false
      ? ["systemd-networkd brings up every link that it has a file for; leave 'onboot' out"]
      : []),
    ...(bridge.mac === portMacWord && macs[ports[0] ?? ''] === undefined
      ? [`${name} takes the MAC of ${ports[0]}, and there is no such interface`]
      : []),
    ...ports.flatMap((port) => {
      const other = files.ports[port] && unitValue(files.ports[port].content, 'Network', 'Bridge');
      return other === undefined || other === name || other === ''
        ? []
        : [
            `${port} is a port of ${other} already (${files.ports[port]?.path}); take it out there first (state: 'absent')`,
          ];
    }),
  ];
}

/** The prefix that systemd-networkd takes where none is named depends on its version: the address's class, or the address alone. */
function prefixRefusals(
  { name, bridge }: BridgeState,
  actual: BridgeSettings,
  files: NetworkdFiles,
  facts: PortFacts,
  { addresses }: LiveBridge,
): readonly string[] {
  if (bridge === 'absent') return [];
  const network = writeNetwork(name, files.network?.content, bridge, actual, facts);
  return addressesOf(network)
    .filter((address) => !address.includes('/'))
    .map((address) => {
      const now = addresses.find((each) => each.address.startsWith(`${address}/`))?.address;
      const example = now === undefined ? 'Address=192.0.2.10/24' : `Address=${now} (as it is now)`;
      return `${address} has no prefix in the files, and systemd-networkd's versions take different ones; write it there, as in ${example}`;
    });
}

/**
 * The bridge's files come first: a port that names a bridge without files is a port without an address, and nothing is loaded
 * before all files are there.
 */
function create(
  { name, portNames }: BridgeState,
  wanted: BridgeSettings,
  actual: BridgeSettings,
  files: NetworkdFiles,
  facts: PortFacts,
): readonly Step[] {
  const netdev = writeNetdev(name, files.netdev?.content, wanted, actual, facts.mac);
  const network = writeNetwork(name, files.network?.content, wanted, actual, facts);
  const ports = portNames.value.flatMap((port) => createPort(name, port, wanted.mtu, files, facts));
  const mac = expectedMac(wanted.mac, facts.mac);
  const path = pathBefore([`10-${name}.network`, `00-${name}.network`, `0-${name}.network`], files.all, name, mac);
  return [
    ...writeIfNew(files.netdev?.path ?? `${configuration}/10-${name}.netdev`, formatUnitFile(netdev), files.netdev),
    ...writeIfNew(files.network?.path ?? path, formatUnitFile(network), files.network),
    ...ports,
  ];
}

function createPort(
  name: string,
  port: string,
  mtu: number | undefined,
  files: NetworkdFiles,
  { mac }: PortFacts,
): readonly Step[] {
  const file = files.ports[port];
  const isIn = file !== undefined && isPortOf(file, name);
  if (isIn && addressingOf(file.content).length === 0 && (mtu === undefined || mtuIn(file) === mtu)) return [];
  if (file !== undefined && isOwnFile(file.content, port, mac) && file.path.startsWith(`${configuration}/`)) {
    const text = formatUnitFile(writePort(port, name, file.content, mtu));
    return writeIfNew(file.path, isIn ? text : keepOriginal(name, file.text.text, text), file);
  }
  const own = formatUnitFile(writePort(port, name, file && ownFileOf(port, file.content), mtu));
  const text = keepOriginal(name, undefined, own);
  const path = pathBefore([`00-${name}-${port}.network`, `0-${name}-${port}.network`], files.all, port, mac);
  return [writeFile(path, file === undefined ? text : keepShared(file.path, text))];
}

/** The ports come first: the other way round they would be left in a bridge that has no files, and so without an address. */
function remove(desired: BridgeState, files: NetworkdFiles): readonly Step[] {
  const ports = desired.portNames.value.flatMap((port) => givePortBack(desired, files, port).steps);
  const own = [files.network, files.netdev].filter((file) => file !== undefined);
  return [...ports, ...own.map(({ path, text }) => removeFile(path, { before: text }))];
}

function writeIfNew(path: string, text: string, before: NetworkdFile | undefined): readonly Step[] {
  if (before?.text.text === text) return [];
  return [writeFile(path, text, before === undefined ? {} : { before: before.text })];
}

function expectedLinks(desired: BridgeState, files: NetworkdFiles, facts: PortFacts): readonly ExpectedLink[] {
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const mac = facts.mac === undefined ? {} : { mac: facts.mac };
  if (bridge === 'absent') {
    const file = givePortBack(desired, files, first).content;
    return [
      {
        link: first,
        ...expectedAddressing(file === undefined ? undefined : settingsOf(emptyFile, file, undefined, undefined)),
        ...mac,
      },
      { link: name, ipv4: 'none', heir: first },
    ];
  }
  const network = writeNetwork(name, files.network?.content, bridge, {}, facts);
  const netdev = writeNetdev(name, files.netdev?.content, bridge, {}, facts.mac);
  const settings = settingsOf(netdev, network, bridge, facts.mac);
  return expectedBridge(name, portNames.value, settings, expectedMac(bridge.mac, facts.mac));
}

/** Tells how the bridge, or its first port once it is absent, is addressed by the files as they will be. */
export function addressingBy(file: NetworkdFile | undefined): Addressing {
  return addressingOfSettings(file && settingsOf(emptyFile, file.content, undefined, undefined));
}
