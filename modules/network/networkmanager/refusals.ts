import { sectionsOf, type UnitFile, unitValue } from '../../../lib/formats/unit_file.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks } from '../stack.ts';
import type { Keyfile, PortProfile, Profiles } from './keyfiles.ts';
import { isOlder, type Manager } from './nmcli.ts';
import { highestPriority, ownPriority } from './own_profile.ts';
import { ethernetSection, isAutomatic, isEthernet, masterOf, methodOf, priorityOf } from './settings.ts';
import { hasRandomMac } from './write.ts';

/** Types of profiles that can be a bridge's port. */
const portTypes: readonly string[] = ['ethernet', '802-3-ethernet', 'vlan', 'bond', 'team'];

/** Says what makes a change go wrong. */
export function refusals(
  desired: BridgeState,
  { manager, profiles }: { readonly manager: Manager; readonly profiles: Profiles },
  owned: OwnedLinks,
  live: LiveBridge,
): readonly string[] {
  const { name, bridge, portNames } = desired;
  const used = [profiles.bridge, ...profiles.ports].flatMap(({ file }) => file ?? []);
  const common = [...used.flatMap(fileRefusals), ...severalFiles(name, profiles)];
  if (bridge === 'absent') return [...common, ...otherPorts(name, profiles)];
  const [first] = portNames.value;
  const isOwned = owned.links.some(({ link }) => link === first || link === name);
  return [
    ...common,
    ...(isOwned || first === undefined
      ? []
      : [`${first}, whose addresses ${name} takes over, is not NetworkManager's: ${owned.seen}`]),
    ...(bridge.mac === portMacWord && live.macs[first ?? ''] === undefined
      ? [`${name} takes the MAC of ${first}, and there is no such interface`]
      : []),
    ...(bridge.ipv6 === 'off' && isOlder(manager, 1, 20)
      ? [`NetworkManager ${manager.version.join('.')} cannot switch IPv6 off (1.20 can); leave 'ipv6' out`]
      : []),
    ...profiles.ports.flatMap((port) => portRefusals(name, port, profiles, live)),
    ...(profiles.ports[0]?.source !== undefined && hasRandomMac(profiles.ports[0].source.content)
      ? [
          `${profiles.ports[0].source.path} gives ${first} another MAC each time (cloned-mac-address=random), and a DHCP server would know neither it nor ${name} again; take that out first`,
        ]
      : []),
  ];
}

/** What a person should know. */
export function warnings({ name }: BridgeState, { bridge, ports }: Profiles): readonly string[] {
  const [first] = ports;
  const file = first?.source?.content;
  if (bridge.file !== undefined || file === undefined || methodOf(file, 'ipv6') !== 'auto') return [];
  const mode = unitValue(file, 'ipv6', 'addr-gen-mode');
  return mode === 'stable-privacy' || mode === '1'
    ? [
        `${name} gets another IPv6 address than ${first?.link}: NetworkManager makes it of the link's name (addr-gen-mode=${mode})`,
      ]
    : [];
}

/** NetworkManager leaves out, without a word, what it cannot read and what others may read. */
function fileRefusals({ path, text, content, access }: Keyfile): readonly string[] {
  const bad = content.sections.flatMap(({ lines }) =>
    lines.filter(({ key, raw }) => key === undefined && raw.trim() !== '' && !/^\s*#/.test(raw)),
  );
  const isClosed = access === undefined || /^[0-7]00 0$/.test(access);
  const [line] = bad;
  const number = line === undefined ? 0 : text.text.split('\n').indexOf(line.raw) + 1;
  return [
    ...(line === undefined
      ? []
      : [`${path} line ${number} is no 'key=value', and NetworkManager loads none of the file; mend it first`]),
    ...(isClosed
      ? []
      : [
          `${path} has mode and owner ${access}, and NetworkManager loads no file that others may read: chmod 600 it, and chown root`,
        ]),
  ];
}

function severalFiles(name: string, { bridge, all }: Profiles): readonly string[] {
  const others = all.filter(
    ({ path, content }) =>
      path !== bridge.path && unitValue(content, 'connection', 'interface-name') === name && !isPort(content),
  );
  const taken = bridge.file === undefined ? all.filter(({ path }) => path === bridge.path) : [];
  return [
    ...others.map(({ path }) => `${path} describes ${name} as well; leave one of the two files`),
    ...taken.map(({ path }) => `${path} is the file of another connection; rename it first`),
  ];
}

function isPort(content: UnitFile): boolean {
  return masterOf(content) !== undefined;
}

/** Ports that the task does not name would be left in a bridge without a profile. */
function otherPorts(name: string, { bridge, ports, all }: Profiles): readonly string[] {
  return all
    .filter(({ path, content }) => {
      const master = masterOf(content);
      const isOf = master === name || (master !== undefined && master === bridge.uuid);
      return isOf && !ports.some((port) => port.path === path);
    })
    .map(({ path }) => `${path} plugs another link into ${name}; name it in 'ports' too`);
}

function portRefusals(name: string, port: PortProfile, profiles: Profiles, live: LiveBridge): readonly string[] {
  const { link, file, path } = port;
  if (file === undefined) {
    const kind = live.details.find((each) => each.name === link)?.kind ?? '';
    return [
      ...(['vlan', 'bond', 'team'].includes(kind)
        ? [`${link} is a ${kind} without a keyfile of NetworkManager; have NetworkManager make it first`]
        : []),
      ...unbeatable(port),
      ...rivals(port, profiles),
    ];
  }
  const type = unitValue(file.content, 'connection', 'type') ?? '';
  const master = masterOf(file.content);
  const isElsewhere = master !== undefined && master !== '' && master !== name && master !== profiles.bridge.uuid;
  return [
    ...(isElsewhere ? [`${link} is a port of ${master} already (${path}); take it out there first`] : []),
    ...(portTypes.includes(type) ? [] : [`${path} is of the type '${type}', which cannot be a port of a bridge`]),
    ...rivals(port, profiles),
  ];
}

/** A profile of the port's own must win over those that serve several links. */
function unbeatable(port: PortProfile): readonly string[] {
  return port.shared
    .filter(({ content }) => priorityOf(content) >= highestPriority)
    .map(
      ({ path }) =>
        `${path} may get ${port.link} as well as other links, and its autoconnect-priority leaves none for a profile of ${port.link}'s own; lower it below ${highestPriority}`,
    );
}

/** At the next boot the profile with the highest priority gets the link. */
function rivals(port: PortProfile, { all }: Profiles): readonly string[] {
  const { link, file, path } = port;
  const own = file === undefined ? ownPriority(port) : priorityOf(file.content);
  return all
    .filter(
      (other) =>
        other.path !== path &&
        isAutomatic(other.content) &&
        fits(other.content, link) &&
        priorityOf(other.content) > own,
    )
    .map(
      (other) =>
        `${other.path} has a higher autoconnect-priority than ${path}, and would get ${link} at the next boot; lower it, or set autoconnect=false there`,
    );
}

function fits(content: UnitFile, link: string): boolean {
  const name = unitValue(content, 'connection', 'interface-name');
  const isBound =
    unitValue(content, ethernetSection(content), 'mac-address') !== undefined ||
    sectionsOf(content, 'match').length > 0;
  return name === undefined ? isEthernet(content) && !isBound : name === link;
}
