import { getValue } from '../../../lib/formats/key_value.ts';
import type { InterfaceFile } from './files.ts';
import type { IfcfgBridgeState, LinkDetails, Surroundings } from './state.ts';

/** The kind stands behind the addresses, each with details of its own; `bridge_slave` says what it is plugged into. */
const kindPattern =
  /\\\s+(bond|bridge|dummy|geneve|gretap|gre|ipip|ipvlan|ipvtap|macvlan|macvtap|sit|team|tun|veth|vlan|vti|vxlan|wireguard|openvswitch)\b/;

/** Reads `2: ens33@if7: <…> mtu 1500 … \    link/ether 52:54:… brd … promiscuity 0 \    macvlan mode bridge …`. */
export function parseLinkDetails(output: string): readonly LinkDetails[] {
  return output.split('\n').flatMap((line) => {
    const [, name, lower, rest = ''] = /^\d+: ([^\s:@]+)(?:@([^\s:]+))?: (.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const kind = kindPattern.exec(rest)?.[1] ?? '';
    return [{ name, lower, addresses: /link\/(\S+)/.exec(rest)?.[1] ?? '', kind }];
  });
}

/** Why a link of such a kind cannot be a port that carries guests. */
const kindReasons: Readonly<Record<string, string>> = {
  macvlan: 'is a macvlan, which takes packets for its own MAC alone; make the link that it lies on the port',
  macvtap: 'is a macvtap, which belongs to a guest',
  ipvlan: 'is an ipvlan, which shares the MAC of the link that it lies on; make that link the port',
  ipvtap: 'is an ipvtap, which belongs to a guest',
};

/** Types of interfaces that `ifup` gives to a script which knows no BRIDGE, or that cannot be bridged; in lower case. */
const typeReasons: Readonly<Record<string, string>> = {
  bridge: 'a bridge cannot be a port',
  infiniband: 'InfiniBand has no Ethernet packets, and cannot be bridged',
  wireless: 'an access point takes packets of the MAC alone that has registered, so no guest would be heard',
  ...Object.fromEntries(
    [
      'modem',
      'xdsl',
      'isdn',
      'ppp',
      'slip',
      'cipe',
      'ipsec',
      'gre',
      'ipip',
      'ipip6',
      'sit',
      'ctc',
      'escon',
      'iucv',
      'tun',
    ].map((type) => [type, 'such an interface has no Ethernet packets, and cannot be bridged']),
  ),
  tap: 'a tap is the end of a guest or of a program, and no way to the LAN',
  macvlan: 'a macvlan takes packets for its own MAC alone; make the link that it lies on the port',
  teamport: 'the port of a team cannot be the port of a bridge; make the team the port',
};

/** Says why a link, or what its file makes of it, cannot become the port of a bridge: joining would fail, or bring no packets. */
export function portRefusals(
  desired: IfcfgBridgeState,
  file: InterfaceFile | undefined,
  portMac: string | undefined,
  around: Surroundings,
): readonly string[] {
  return [
    ...liveRefusals(desired, file, around),
    ...(file === undefined ? [] : [...fileRefusals(desired, file), ...hardwareRefusals(desired, file, portMac)]),
  ];
}

function liveRefusals(
  { name, port }: IfcfgBridgeState,
  file: InterfaceFile | undefined,
  { isPortBridge, isPortWireless, master, details }: Surroundings,
): readonly string[] {
  const own = details.find((link) => link.name === port.name);
  const inFile = file && getValue(file.content, 'BRIDGE');
  const riders = details.filter(({ lower, kind }) => lower === port.name && /^(?:mac|ip)v(?:lan|tap)$/.test(kind));
  const isTap = own?.kind === 'tun' && own.addresses === 'ether';
  return [
    ...(isPortBridge ? [`${port.name} is a bridge itself, and a bridge cannot be a port`] : []),
    ...(master !== '' && master !== name && master !== inFile
      ? [`${port.name} is plugged into ${master} already, and joining ${name} would fail; take it out there first`]
      : []),
    ...(isPortWireless ? [`${port.name} is wireless: ${typeReasons.wireless}`] : []),
    ...(own !== undefined && own.addresses !== '' && own.addresses !== 'ether'
      ? [`${port.name} has no Ethernet addresses (link/${own.addresses}), and cannot be bridged`]
      : []),
    ...(own !== undefined && own.kind in kindReasons ? [`${port.name} ${kindReasons[own.kind]}`] : []),
    ...(isTap ? [`${port.name} is a tap, the end of a guest or of a program, and no way to the LAN`] : []),
    ...(own?.kind === 'vlan' && own.lower === name ? [`${port.name} is a VLAN of ${name} itself`] : []),
    ...(riders.length > 0
      ? [
          `${riders.map((link) => `${link.name} (${link.kind})`).join(', ')} lies on ${port.name}, and joining ${name} would fail while it does; take it away first`,
        ]
      : []),
  ];
}

function fileRefusals({ name, port }: IfcfgBridgeState, { path, content }: InterfaceFile): readonly string[] {
  const value = (key: string): string => getValue(content, key) ?? '';
  const [type, device, master, bridge] = [value('TYPE'), value('DEVICE'), value('MASTER'), value('BRIDGE')];
  const [team, vlanOf, openVSwitch] = [value('TEAM_MASTER'), value('PHYSDEV'), value('OVS_BRIDGE')];
  const script = value('DEVICETYPE');
  const reason = typeReasons[type.toLowerCase()] ?? typeReasons[script.toLowerCase()];
  const isOpenVSwitch = /^ovs/i.test(type) || /^ovs/i.test(script) || openVSwitch !== '';
  const isWireless = type === '' && (value('ESSID') !== '' || value('WIRELESS_ENC_KEY') !== '');
  return [
    ...(reason === undefined
      ? []
      : [`${path} says ${type === '' ? `DEVICETYPE=${script}` : `TYPE=${type}`}, and ${reason}`]),
    ...(isWireless ? [`${path} is for a wireless interface (it has ESSID): ${typeReasons.wireless}`] : []),
    ...(isOpenVSwitch
      ? [`${port.name} belongs to Open vSwitch (${path}), whose scripts know no BRIDGE; take it out there first`]
      : []),
    ...(device !== '' && device !== port.name ? [`${path} is for another device: it says DEVICE=${device}`] : []),
    ...(master !== '' ? [`${port.name} belongs to the bond ${master} (${path}); make the bond the port`] : []),
    ...(team !== '' ? [`${port.name} belongs to the team ${team} (${path}); make the team the port`] : []),
    ...(vlanOf === name ? [`${port.name} is a VLAN of ${name} itself (${path})`] : []),
    ...(bridge !== '' && bridge !== name
      ? [`${port.name} is a port of ${bridge} already (${path}); take it out there first (state: 'absent')`]
      : []),
  ];
}

/** `ifup` passes over a device whose MAC is neither HWADDR nor MACADDR (initscripts, ifup-eth). */
function hardwareRefusals(
  { port }: IfcfgBridgeState,
  { path, content }: InterfaceFile,
  portMac: string | undefined,
): readonly string[] {
  const [hardware, given] = ['HWADDR', 'MACADDR'].map((key) => getValue(content, key)?.toLowerCase() ?? '');
  if (hardware === '' || portMac === undefined || portMac === hardware || portMac === given) return [];
  return [
    `${path} says HWADDR=${getValue(content, 'HWADDR')}, and ${port.name} has ${portMac}: the scripts pass over it; correct that line or take it out`,
  ];
}
