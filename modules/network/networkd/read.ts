import { formatUnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { removeFile, type Step, writeFile } from '../../../lib/task/step.ts';
import type { ExpectedLink } from '../../../lib/task/task.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, BridgeState, PortSettings } from '../bridge_state.ts';
import { addressingOf as addressingOfSettings, expectedAddressing, expectedBridge, expectedMac } from '../expected.ts';
import type { LiveBridge } from '../live.ts';
import { keepOriginal, readOriginal } from '../original.ts';
import type { Addressing, OwnedLinks, StackReading } from '../stack.ts';
import { configuration, isOwnFile, type NetworkdFile, type NetworkdFiles, readNetworkdFiles } from './files.ts';
import { readNetworkdLinks } from './owner.ts';
import { addressingOf, settingsOf } from './settings.ts';
import { type PortFacts, returnAddressing, writeNetdev, writeNetwork, writePort } from './write.ts';

const emptyFile = { sections: [], endsInNewline: true };

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
    ? settingsOf(files.netdev?.content ?? emptyFile, files.network?.content ?? emptyFile, wanted, live.macs[first])
    : undefined;
  const facts: PortFacts = {
    file: files.ports[first]?.content,
    mac: live.macs[first],
    iaid: iaidOf(links.find(({ link }) => link === first)?.clientId),
  };
  return {
    bridge: settings,
    ports: Object.fromEntries(ports.map((port) => [port, portSettings(desired, files.ports[port], port)])),
    refusals: refusals(desired, files, live),
    warnings: [],
    missing: [],
    links: expectedLinks(desired, files, facts),
    steps: () => (bridge === 'absent' ? remove(desired, files) : create(desired, bridge, settings ?? {}, files, facts)),
  };
}

/** `IAID:0xed10bdb8/DUID`; a client that goes by its MAC has none. */
function iaidOf(clientId: string | undefined): string | undefined {
  return /^IAID:(0x[0-9a-f]+)\/DUID/.exec(clientId ?? '')?.[1];
}

function portSettings({ name, bridge }: BridgeState, file: NetworkdFile | undefined, port: string): PortSettings {
  const isIn = file !== undefined && unitValue(file.content, 'Network', 'Bridge') === name;
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
  const ports = portNames.value.flatMap((port) => {
    const file = files.ports[port];
    const isIn = file !== undefined && unitValue(file.content, 'Network', 'Bridge') === name;
    if (isIn && addressingOf(file.content).length === 0) return [];
    const isOwn =
      file !== undefined && isOwnFile(file.content, port, facts.mac) && file.path.startsWith(`${configuration}/`);
    const written = writePort(port, name, isOwn ? file.content : undefined, wanted.mtu);
    const text = keepOriginal(name, isOwn ? file.text.text : undefined, formatUnitFile(written));
    const path = isOwn ? file.path : portPath(name, port);
    return writeIfNew(path, text, isOwn ? file : undefined);
  });
  return [
    ...writeIfNew(files.netdev?.path ?? `${configuration}/10-${name}.netdev`, formatUnitFile(netdev), files.netdev),
    ...writeIfNew(files.network?.path ?? `${configuration}/10-${name}.network`, formatUnitFile(network), files.network),
    ...ports,
  ];
}

/** The ports come first: the other way round they would be left in a bridge that has no files, and so without an address. */
function remove({ name, portNames }: BridgeState, files: NetworkdFiles): readonly Step[] {
  const ports = portNames.value.flatMap((port): readonly Step[] => {
    const file = files.ports[port];
    if (file === undefined || unitValue(file.content, 'Network', 'Bridge') !== name) return [];
    const kept = readOriginal(name, file.text.text);
    if (kept !== undefined && kept.original === undefined) return [removeFile(file.path, { before: file.text })];
    const isFirst = port === portNames.value[0];
    const original = kept?.original ?? `[Match]\nName=${port}\n`;
    const text = isFirst ? returnAddressing(original, name, files.network?.content) : original;
    return writeIfNew(file.path, text, file);
  });
  const own = [files.network, files.netdev].filter((file) => file !== undefined);
  return [...ports, ...own.map(({ path, text }) => removeFile(path, { before: text }))];
}

/** A file of the port's own, that comes before every other one. */
function portPath(bridge: string, port: string): string {
  return `${configuration}/00-${bridge}-${port}.network`;
}

function writeIfNew(path: string, text: string, before: NetworkdFile | undefined): readonly Step[] {
  if (before?.text.text === text) return [];
  return [writeFile(path, text, before === undefined ? {} : { before: before.text })];
}

function expectedLinks(
  { name, bridge, portNames }: BridgeState,
  files: NetworkdFiles,
  facts: PortFacts,
): readonly ExpectedLink[] {
  const [first = ''] = portNames.value;
  const mac = facts.mac === undefined ? {} : { mac: facts.mac };
  if (bridge === 'absent') {
    const file = files.network?.content ?? files.ports[first]?.content;
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
