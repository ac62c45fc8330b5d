import { LabError } from '../error.ts';
import { hostInterface, lan } from '../layout.ts';
import type { BaseRecipe } from './base.ts';
import { type DebianRelease, scriptsRecipe, stacksRecipe } from './recipes.ts';

/** A file of the host. */
export interface HostFile {
  /** Absolute, inside the host. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Names the network stack that owns a host's interface. */
export type LabNetwork = 'network-scripts' | 'networkmanager' | 'networkd' | 'netplan' | 'netplan-nm' | 'ifupdown';

/** What makes a root a host of one kind. */
export interface HostKind {
  readonly recipe: BaseRecipe;
  /** Whether udev runs, and names and marks the host's interfaces. */
  readonly udev: boolean;
  readonly files: readonly HostFile[];
  /** Units that are enabled, beside those of every host, and units that the root enables and this kind does not. */
  readonly enabled: readonly string[];
  readonly disabled: readonly string[];
  /** Options of dnsmasq, the LAN's DHCP server. */
  readonly dhcp: readonly string[];
}

const file = (path: string, text: string, mode = 0o644): HostFile => ({ path, text, mode });

/** The UUID of the host's first profile, for NetworkManager and the network scripts alike. */
const profile = 'f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11';

/** ifcfg-ens33 as an installer of CentOS 7 leaves it. */
export const originalIfcfg: string = `DEVICE=${hostInterface}
NAME=${hostInterface}
UUID=${profile}
TYPE=Ethernet
BOOTPROTO=dhcp
DEFROUTE=yes
ONBOOT=yes
`;

const loopback = `DEVICE=lo
IPADDR=127.0.0.1
NETMASK=255.0.0.0
NETWORK=127.0.0.0
BROADCAST=127.255.255.255
ONBOOT=yes
NAME=loopback
`;

const connection = (ipv6: string): HostFile =>
  file(
    `/etc/NetworkManager/system-connections/${hostInterface}.nmconnection`,
    `[connection]
id=${hostInterface}
uuid=${profile}
type=ethernet
interface-name=${hostInterface}

[ipv4]
method=auto

[ipv6]
method=${ipv6}
addr-gen-mode=eui64
`,
    0o600,
  );

/** The post's host: NetworkManager owns the interface, the network scripts are there and not enabled. */
const postHost: HostKind = {
  recipe: scriptsRecipe,
  udev: false,
  enabled: [],
  disabled: [],
  // The host keeps its address whichever of its DHCP clients asks.
  dhcp: ['--dhcp-ignore-clid'],
  files: [
    file('/etc/NetworkManager/NetworkManager.conf', '[main]\nplugins=keyfile\ndhcp=dhclient\n'),
    connection('link-local'),
    file('/etc/sysconfig/network', 'NETWORKING=yes\n'),
    file(`/etc/sysconfig/network-scripts/ifcfg-${hostInterface}`, originalIfcfg),
    file('/etc/sysconfig/network-scripts/ifcfg-lo', loopback),
  ],
};

/** Where nothing else writes it: without it systemd-resolved's stub would be put in its place. */
const emptyResolvConf = file('/etc/resolv.conf', '');

const netplan = (renderer: string): HostFile =>
  file(
    '/etc/netplan/01-netcfg.yaml',
    `network:
  version: 2
  renderer: ${renderer}
  ethernets:
    ${hostInterface}:
      dhcp4: true
`,
    0o600,
  );

/** Who asks with the client id that has the lease gets the address; another id of the same MAC gets a different one. */
const dhcp: readonly string[] = [`--dhcp-option=option:dns-server,${lan.gateway}`, `--domain=${lan.domain}`];

const kinds: Readonly<Record<Exclude<LabNetwork, 'network-scripts'>, Pick<HostKind, 'enabled' | 'files'>>> = {
  networkmanager: {
    enabled: ['NetworkManager.service'],
    files: [
      connection('auto'),
      emptyResolvConf,
      // Where systemd-resolved is installed, NetworkManager would leave the file to its resolvconf, which is at a loss here.
      file('/etc/NetworkManager/conf.d/resolv.conf', '[main]\nrc-manager=file\n'),
    ],
  },
  networkd: {
    enabled: ['systemd-networkd.service', 'systemd-resolved.service'],
    files: [
      file(
        `/etc/systemd/network/10-${hostInterface}.network`,
        `[Match]\nName=${hostInterface}\n\n[Network]\nDHCP=ipv4\n`,
      ),
    ],
  },
  netplan: {
    enabled: ['systemd-networkd.service', 'systemd-resolved.service'],
    files: [netplan('networkd')],
  },
  'netplan-nm': {
    enabled: ['NetworkManager.service', 'systemd-resolved.service'],
    files: [netplan('NetworkManager')],
  },
  ifupdown: {
    enabled: ['networking.service'],
    files: [
      emptyResolvConf,
      file(
        '/etc/network/interfaces',
        `# This file describes the network interfaces available on your system
# and how to activate them. For more information, see interfaces(5).

source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto ${hostInterface}
iface ${hostInterface} inet dhcp
iface ${hostInterface} inet6 auto
`,
      ),
    ],
  },
};

/**
 * Tells what makes a host of one kind.
 * @param network the network stack that owns its interface; undefined is the post's host
 * @param debian the release that its programs come from
 * @throws LabError where the release has no such host
 */
export function hostKind(network: LabNetwork | undefined, debian: DebianRelease): HostKind {
  if (network !== undefined && network !== 'network-scripts')
    return { recipe: stacksRecipe(debian), udev: true, disabled: [], dhcp, ...kinds[network] };
  if (debian !== 12)
    throw new LabError(
      `a host with the network scripts is built from Debian 12 alone, and Debian ${debian} was asked for`,
    );
  if (network === undefined) return postHost;
  return { ...postHost, enabled: ['network.service'], disabled: ['NetworkManager.service'] };
}
