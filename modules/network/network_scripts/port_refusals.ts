import { getValue } from '../../../lib/formats/key_value.ts';
import { wirelessReason } from '../port_refusals.ts';
import type { InterfaceFile } from './files.ts';

/** Types of interfaces that `ifup` gives to a script which knows no BRIDGE, or that cannot be bridged; in lower case. */
const typeReasons: Readonly<Record<string, string>> = {
  bridge: 'a bridge cannot be a port',
  infiniband: 'InfiniBand has no Ethernet packets, and cannot be bridged',
  wireless: wirelessReason,
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

/** Says why what its file makes of a link cannot become the port of a bridge: joining would fail, or bring no packets. */
export function portFileRefusals(
  bridge: string,
  port: string,
  file: InterfaceFile,
  portMac: string | undefined,
): readonly string[] {
  return [...fileRefusals(bridge, port, file), ...hardwareRefusals(port, file, portMac)];
}

function fileRefusals(name: string, port: string, { path, content }: InterfaceFile): readonly string[] {
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
    ...(isWireless ? [`${path} is for a wireless interface (it has ESSID): ${wirelessReason}`] : []),
    ...(isOpenVSwitch
      ? [`${port} belongs to Open vSwitch (${path}), whose scripts know no BRIDGE; take it out there first`]
      : []),
    ...(device !== '' && device !== port ? [`${path} is for another device: it says DEVICE=${device}`] : []),
    ...(master !== '' ? [`${port} belongs to the bond ${master} (${path}); make the bond the port`] : []),
    ...(team !== '' ? [`${port} belongs to the team ${team} (${path}); make the team the port`] : []),
    ...(vlanOf === name ? [`${port} is a VLAN of ${name} itself (${path})`] : []),
    ...(bridge !== '' && bridge !== name
      ? [`${port} is a port of ${bridge} already (${path}); take it out there first (state: 'absent')`]
      : []),
  ];
}

/** `ifup` passes over a device whose MAC is neither HWADDR nor MACADDR (initscripts, ifup-eth). */
function hardwareRefusals(
  port: string,
  { path, content }: InterfaceFile,
  portMac: string | undefined,
): readonly string[] {
  const [hardware, given] = ['HWADDR', 'MACADDR'].map((key) => getValue(content, key)?.toLowerCase() ?? '');
  if (hardware === '' || portMac === undefined || portMac === hardware || portMac === given) return [];
  return [
    `${path} says HWADDR=${getValue(content, 'HWADDR')}, and ${port} has ${portMac}: the scripts pass over it; correct that line or take it out`,
  ];
}
