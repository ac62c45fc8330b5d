import { getValue, type KeyValueFile } from '../../../lib/formats/key_value.ts';
import { linkRefusals } from '../port_refusals.ts';
import type { InterfaceFile } from './files.ts';
import { bridgeValues } from './ifcfg/bridge_file.ts';
import { isAddressKey, isDhcp, orderingComments } from './ifcfg/keys.ts';
import { isAliasOf, networkSettings } from './network_scripts.ts';
import { portFileRefusals } from './port_refusals.ts';
import {
  type BridgeFiles,
  firstPort,
  type IfcfgBridgeState,
  type Surroundings,
  type WantedBridge,
  wantedByIfcfgBridge,
} from './state.ts';

/** Findings that are not compared. */
export interface Findings {
  /** What makes a change go wrong: sentences that say what was found and what to do. */
  readonly refusals: readonly string[];
  /** What a person should know. */
  readonly warnings: readonly string[];
}

/** Returns what would go wrong with a task of {@link ifcfgBridge}. */
export function findings(desired: IfcfgBridgeState, found: BridgeFiles, around: Surroundings): Findings {
  const wanted = wantedByIfcfgBridge(desired);
  const { name } = wanted;
  const own = (port: string): string | undefined => {
    const file = found.ports[port];
    return file && getValue(file.content, 'BRIDGE');
  };
  const { refusals, warnings } = fileFindings(wanted, found, around, (port) =>
    linkRefusals(name, port, around, own(port)),
  );
  if (wanted.bridge === 'absent') {
    return { refusals: [...refusals, ...guestRefusals(desired, around)], warnings };
  }
  return {
    refusals: [...refusals, ...(around.isNameTaken ? [`${name} exists and is no bridge; choose another name`] : [])],
    warnings: [...warnings, ...addressingWarnings(desired, found)],
  };
}

/**
 * Returns what would go wrong, by what the network scripts were seen to do with such files.
 * @param linkReasons why a link as it is now cannot become a port, where nobody else says so
 */
export function fileFindings(
  wanted: WantedBridge,
  found: BridgeFiles,
  around: Surroundings,
  linkReasons: (port: string) => readonly string[] = () => [],
): Findings {
  const { name } = wanted;
  const ports = wanted.ports.map((port) => port.name);
  const files = [found.bridge, ...ports.map((port) => found.ports[port])].filter((file) => file !== undefined);
  const common = [
    ...files.flatMap(unreadable),
    ...otherConfigurations([name, ...ports], around.others),
    ...kindOfBridgeFile(name, found),
  ];
  const warnings = files.flatMap(commentWarnings);
  if (wanted.bridge === 'absent') {
    return {
      refusals: [...common, ...usersOf(name, ports, around.others)],
      warnings: [
        ...warnings,
        ...aliasWarnings(name, around.fileNames, `is left, and has no interface once ${name} is gone`),
        ...guestWarnings(name, ports, around),
        ...macWarnings(wanted, found, around),
      ],
    };
  }
  return {
    refusals: [
      ...common,
      ...settingsRefusals(ports, around.settings),
      ...ports.flatMap((port) => {
        const file = found.ports[port];
        return [
          ...linkReasons(port),
          ...(file === undefined ? [] : portFileRefusals(name, port, file, around.macs[port])),
        ];
      }),
    ],
    warnings: [
      ...warnings,
      ...ports.flatMap((port) =>
        aliasWarnings(port, around.fileNames, `is silently dropped once ${port} is a port; move it to ${name}`),
      ),
      ...copies(around.others),
    ],
  };
}

function guestsOn(ports: readonly string[], { plugged }: Surroundings): readonly string[] {
  return plugged.filter((link) => !ports.includes(link));
}

function guestRefusals({ name, port, mayCutGuests }: IfcfgBridgeState, around: Surroundings): readonly string[] {
  const guests = guestsOn([port.name], around);
  if (guests.length === 0 || mayCutGuests.value) return [];
  return [
    `${guests.join(', ')} on ${name}: without ${port.name} in it, what is plugged in there has no way to the LAN; shut those guests down first, or say disrupts: ['guest'] in this task`,
  ];
}

function guestWarnings(name: string, ports: readonly string[], around: Surroundings): readonly string[] {
  const guests = guestsOn(ports, around);
  if (guests.length === 0) return [];
  return [`${guests.join(', ')} on ${name}: while it is plugged in, ${name} stays, without a way to the LAN`];
}

/** A DHCP server knows its clients by their MAC. */
function macWarnings(
  { name, ports }: WantedBridge,
  { bridge, context }: BridgeFiles,
  { bridgeMac }: Surroundings,
): readonly string[] {
  const asks = bridge !== undefined && isDhcp(getValue(bridge.content, 'BOOTPROTO'));
  if (!asks || bridgeMac === undefined || context.portMac === undefined || bridgeMac === context.portMac) return [];
  return [
    `${name} (${bridgeMac}) has another MAC than ${firstPort({ ports })} (${context.portMac}): the DHCP server may give the host another address`,
  ];
}

function unreadable({ path, content }: InterfaceFile): readonly string[] {
  const crlf = content.entries.find((entry) => entry.raw.includes('\r'));
  if (crlf !== undefined) {
    return [
      `line ${crlf.line} of ${path} ends in a carriage return, which the scripts take for a part of the value; run: sed -i 's/\\r$//' ${path}`,
    ];
  }
  return content.entries.flatMap((entry) => {
    const isOurs = mentionedKeys(entry.raw).some((key) => isAddressKey(key) || managedKeys.has(key));
    const isPlain = entry.kind !== 'other' && entry.value !== undefined && !entry.raw.includes('\n');
    if (entry.kind === 'comment' || entry.kind === 'blank' || isPlain || !(isOurs || entry.isCode)) return [];
    return [
      `line ${entry.line} of ${path} is ${JSON.stringify(shortened(entry.raw))}, which a shell has to work out; write it as one plain KEY="value"`,
    ];
  });
}

/** Shows the beginning of what may go on to the file's end. */
function shortened(raw: string): string {
  return raw.length > 120 ? `${raw.slice(0, 120)}…` : raw;
}

const managedKeys: ReadonlySet<string> = new Set([
  ...['DEVICE', 'TYPE', 'BOOTPROTO', 'IPV6INIT', 'IPV6_AUTOCONF', 'NM_CONTROLLED', 'ONBOOT', 'DELAY', 'STP', 'MTU'],
  ...['MACADDR', 'HWADDR', 'BRIDGE', 'MASTER', 'SLAVE'],
]);

function mentionedKeys(raw: string): readonly string[] {
  return [...raw.matchAll(/(?:^|[\s;&|(])([A-Za-z_][A-Za-z0-9_]*)\+?=/g)].flatMap(([, key]) => key ?? []);
}

function kindOfBridgeFile(name: string, { bridge }: BridgeFiles): readonly string[] {
  if (bridge === undefined) return [];
  const { path, content } = bridge;
  const [type, device, hwaddr] = ['TYPE', 'DEVICE', 'HWADDR'].map((key) => getValue(content, key) ?? '');
  return [
    ...(type !== '' && type?.toLowerCase() !== 'bridge'
      ? [`${path} is no bridge's but says TYPE=${type}; choose another name or move the file away`]
      : []),
    ...(device !== '' && device !== name ? [`${path} is for another device: it says DEVICE=${device}`] : []),
    ...(hwaddr !== ''
      ? [
          `${path} says HWADDR=${hwaddr}, with which a bridge does not come up; take that line out, MACADDR is the key for it`,
        ]
      : []),
    ...orderingComments(content)
      .filter((comment) => comment.key === 'TYPE' && comment.hides)
      .map(
        ({ line }) =>
          `line ${line} of ${path} is a comment that holds TYPE=; the init script finds it and misses TYPE=Bridge behind it, and the bridge comes up too early; take the line out`,
      ),
  ];
}

function commentWarnings({ path, content }: InterfaceFile): readonly string[] {
  return orderingComments(content).map(
    ({ key, line }) => `line ${line} of ${path} is a comment that holds ${key}=, which the init script searches for`,
  );
}

function otherConfigurations(devices: readonly string[], others: readonly InterfaceFile[]): readonly string[] {
  return others.flatMap(({ path, content }) => {
    const device = getValue(content, 'DEVICE') ?? '';
    return devices.includes(device)
      ? [`${path} configures ${device} as well: the scripts read it too; move it to another directory`]
      : [];
  });
}

/** Names files that were meant as copies, and that the scripts read all the same. */
function copies(others: readonly InterfaceFile[]): readonly string[] {
  return others
    .filter(({ path }) => /\.(?:save|backup|back|tmp|copy|\d[\d.-]*)$|-\d{8}$/.test(path))
    .map(
      ({ path }) => `${path} looks like a copy, and the scripts read it as an interface; move it to another directory`,
    );
}

function usersOf(name: string, ports: readonly string[], others: readonly InterfaceFile[]): readonly string[] {
  return others.flatMap(({ path, content }) => {
    const [bridge, physdev, device = ''] = ['BRIDGE', 'PHYSDEV', 'DEVICE'].map((key) => getValue(content, key));
    if (bridge !== name && physdev !== name && !device.startsWith(`${name}.`)) return [];
    return [`${path} needs ${name} too; ${name} can go once only ${ports.join(', ')} is left`];
  });
}

function settingsRefusals(ports: readonly string[], settings: KeyValueFile | undefined): readonly string[] {
  if (settings === undefined) {
    return [
      `there is no ${networkSettings}, and without it the network scripts do nothing; create it with NETWORKING=yes`,
    ];
  }
  const gatewayDevice = getValue(settings, 'GATEWAYDEV');
  return [
    ...(getValue(settings, 'NETWORKING')?.toLowerCase() === 'no'
      ? [`${networkSettings} says NETWORKING=no, so the network scripts do nothing; make it yes`]
      : []),
    ...(ports.includes(gatewayDevice ?? '')
      ? [
          `${networkSettings} says GATEWAYDEV=${gatewayDevice}, so the bridge would get no default route; take that line out`,
        ]
      : []),
  ];
}

function aliasWarnings(device: string, names: readonly string[], what: string): readonly string[] {
  return names.filter((file) => isAliasOf(file, device)).map((file) => `${file} ${what}`);
}

function addressingWarnings(desired: IfcfgBridgeState, { ports, context }: BridgeFiles): readonly string[] {
  const port = ports[desired.port.name];
  if (desired.bridge === 'absent' || port === undefined) return [];
  const { path, content } = port;
  const { name, bridge } = desired;
  const address = bridgeValues(content, { address: '' }, context).address ?? '';
  const wasDhcp = isDhcp(getValue(content, 'BOOTPROTO'));
  const warnings: string[] = [];
  if (isDhcp(bridge.BOOTPROTO) && !wasDhcp && address !== '') {
    warnings.push(
      `${path} has the static address ${address} and ${name} will ask a DHCP server: the host's address may change; say bootproto: 'static' to keep it`,
    );
  }
  if (!isDhcp(bridge.BOOTPROTO) && wasDhcp && bridge.address === undefined) {
    warnings.push(`${path} asks a DHCP server and ${name} will not: the host loses that address`);
  }
  for (const key of ['IPV6INIT', 'IPV6_AUTOCONF']) {
    if (
      getValue(content, key)?.toLowerCase() === 'no' &&
      bridge[key] === 'yes' &&
      getValue(content, 'BRIDGE') !== name
    ) {
      warnings.push(`${path} says ${key}=no and ${name} will have yes; say ipv6: false or 'static' to keep it so`);
    }
  }
  return warnings;
}
