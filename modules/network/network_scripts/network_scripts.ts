import { type KeyValueEntry, type KeyValueFile, lookUp } from '../../../lib/formats/key_value.ts';
import { parseOsRelease } from '../../../lib/formats/os_release.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { Missing } from '../../../lib/task/task.ts';
import { packageFamily } from '../../common/packages.ts';

/** Where the network scripts keep an interface's configuration. Backups do not belong there: most names are read as interfaces. */
export const scriptsDirectory = '/etc/sysconfig/network-scripts';
/** Settings of the host as a whole. Without it, or with `NETWORKING=no`, the network scripts do nothing. */
export const networkSettings = '/etc/sysconfig/network';
/** The script that `network.service` runs. */
export const initScript = '/etc/init.d/network';
/** Configures one interface; `ip` or `brctl`, it is this script that calls them. */
const ethernetScript = `${scriptsDirectory}/ifup-eth`;

/**
 * Takes down what the network scripts have brought up, by the files as they are now. `systemctl stop` does nothing to a unit
 * that has failed, so the script is called past its own redirection to systemctl; what it leaves of its DHCP clients is ended.
 */
export const takeDownNetwork: readonly (readonly string[])[] = [
  ['env', 'SYSTEMCTL_SKIP_REDIRECT=1', initScript, 'stop'],
  ['pkill', '-f', dhclientPattern()],
];

/**
 * Gives the regular expression by which `pkill -f` finds the DHCP clients that the scripts have started. EL8 and later keep their
 * process numbers in `/run`.
 * @param device of this one only; default: of any
 */
export function dhclientPattern(device?: string): string {
  const pidFile = '-lf [^ ]* -pf (/var)?/run/dhclient6?-';
  return `^[^ ]*dhclient .*${pidFile}${device === undefined ? '' : `${device}\\.pid`}`;
}

/** Tells whether a value is one of the scripts' words for yes (`is_true` in network-functions). */
export function isOn(value: string | undefined): boolean {
  return /^(?:t|true|y|yes|on|1)$/i.test(value ?? '');
}

/** Tells whether a value is one of the scripts' words for no (`is_false`). */
export function isOff(value: string | undefined): boolean {
  return /^(?:f|false|n|no|off|0)$/i.test(value ?? '');
}

/** Kinds of files that stand beside an interface's own: `route-ens33` beside `ifcfg-ens33`. */
const companionKinds = ['route', 'route6', 'rule', 'rule6'] as const;

/** Returns the path of an interface's file. */
export function ifcfgPath(name: string): string {
  return `${scriptsDirectory}/ifcfg-${name}`;
}

/** Returns the path of the file of a bridge's kernel parameters: udev sets them when the bridge is made, the init script when the network starts. */
export function parametersPath(name: string): string {
  return `/etc/sysctl.d/90-kvm-play-${name}.conf`;
}

/**
 * Returns the lines of that file. The scripts leave IPv6 of a bridge with IPV6INIT=no as the kernel made it, which takes any router's
 * advertisements (initscripts, ifup-ipv6); with IPV6_AUTOCONF=no they refuse them only once the bridge is up.
 */
export function bridgeParameters(name: string, ipv6: 'auto' | 'static' | 'off'): readonly string[] {
  if (ipv6 === 'auto') return [];
  return [`net.ipv6.conf.${name}.${ipv6 === 'off' ? 'disable_ipv6 = 1' : 'accept_ra = 0'}`];
}

/** Returns the names of the files that may hold an interface's routes and rules. */
export function companionNames(device: string): readonly string[] {
  return companionKinds.map((kind) => `${kind}-${device}`);
}

/**
 * Makes a line of a route or rule file name another device: `dev ens33` becomes `dev br0`.
 * A route that names a device which has no addresses any more fails, and `ifup` exits 0 all the same.
 */
export function renameDevice(text: string, from: string, to: string): string {
  const name = from.replace(/[.]/g, '\\.');
  return text.replace(new RegExp(`(^|[ \\t])(dev|iif|oif)([ \\t]+)${name}(?=[ \\t\\r]|$)`, 'gm'), `$1$2$3${to}`);
}

/**
 * Tells whether the scripts take a file for an interface's. They skip aliases, ranges and some endings (`is_ignored_file` in
 * initscripts' functions, EL7.5 and later); `.save`, `.backup`, `.tmp` and dates are none of those.
 */
export function isReadAsInterface(fileName: string): boolean {
  return (
    fileName.startsWith('ifcfg-') &&
    fileName !== 'ifcfg-lo' &&
    !fileName.includes(':') &&
    !fileName.endsWith('-range') &&
    !/(?:~|\.(?:bak|old|orig|rpmnew|rpmorig|rpmsave))$/.test(fileName)
  );
}

/** Tells whether a file gives an interface further addresses (`ifcfg-eth0:1`, `ifcfg-eth0-range0`); a port's are dropped without a word. */
export function isAliasOf(fileName: string, device: string): boolean {
  return fileName.startsWith(`ifcfg-${device}:`) || fileName.startsWith(`ifcfg-${device}-range`);
}

const staticKey = /^(?:IPADDR|PREFIX|NETMASK|BROADCAST|NETWORK|ARPCHECK|ARPUPDATE|GATEWAY)\d*$/;
const otherAddressKey = new RegExp(
  `^(?:${[
    'GATEWAYDEV|DEFROUTE|METRIC|SCOPE|SRCADDR|WINDOW|EXTRA_ROUTE_OPTS|NOZEROCONF|ZONE',
    'DNS\\d+|DOMAIN|SEARCH|PEERDNS|PEERROUTES|PEERNTP|RES_OPTIONS',
    'PERSISTENT_DHCLIENT|DHCLIENTARGS|DHCP_HOSTNAME|DHCP_FQDN|DHCP_SEND_HOSTNAME|DHCP_CLIENT_ID',
    'IPV4_FAILURE_FATAL|IPV4_ROUTE_METRIC|IPV6ADDR|IPV6ADDR_SECONDARIES|IPV6_(?!AUTOCONF$)\\w+|DHCPV6C|DHCPV6C_OPTIONS',
  ].join('|')})$`,
);

/** Tells whether a key gives a static IPv4 address, which a DHCP client makes meaningless. */
export function isStaticKey(key: string): boolean {
  return staticKey.test(key);
}

/**
 * Tells whether a key says how a host is addressed and reached, and so belongs to the bridge rather than to its port.
 * BOOTPROTO, IPV6INIT and IPV6_AUTOCONF are not among them: every file has its own.
 */
export function isAddressKey(key: string): boolean {
  return isStaticKey(key) || otherAddressKey.test(key);
}

/** Tells whether a BOOTPROTO starts a DHCP client; every other one is static to the scripts. */
export function isDhcp(bootproto: string | undefined): boolean {
  return bootproto === 'dhcp' || bootproto === 'bootp';
}

/** Keys that the init script looks for with `eval $(grep -F "KEY=" file)`, to order the interfaces before any file is sourced. */
const orderingKeys = ['DEVICE', 'TYPE', 'SLAVE', 'NM_CONTROLLED'] as const;
type OrderingKey = (typeof orderingKeys)[number];

/** Tells whether that search would find a text anywhere in a file. */
export function isSeenByOrdering(text: string): boolean {
  return orderingKeys.some((key) => text.includes(`${key}=`));
}

/** A comment that holds one of those keys: all that the search finds behind it is lost. */
export interface OrderingComment {
  readonly key: OrderingKey;
  readonly line: number;
  /** True when a line behind it sets the key, and is not seen. */
  readonly hides: boolean;
}

/** Finds the comments, whole lines or behind a value, that get in the way of the init script's search. */
export function orderingComments(file: KeyValueFile): readonly OrderingComment[] {
  return orderingKeys.flatMap((key) => {
    const matches = file.entries.filter((entry) => entry.raw.includes(`${key}=`));
    const index = matches.findIndex(hasComment);
    const comment = matches[index];
    if (comment === undefined) return [];
    const hides = matches.slice(index + 1).some((entry) => entry.key === key);
    return hides || comment.kind === 'comment' ? [{ key, line: comment.line, hides }] : [];
  });
}

function hasComment(entry: KeyValueEntry): boolean {
  return entry.kind === 'comment' || (entry.span !== undefined && entry.raw.slice(entry.span[1]).includes('#'));
}

/** Tells whether the init script recognises a bridge: TYPE must be exactly `Bridge`, and no comment may hide it. */
export function isOrderedAsBridge(file: KeyValueFile): boolean {
  return (
    lookUp(file, 'TYPE')?.value === 'Bridge' &&
    !orderingComments(file).some((comment) => comment.key === 'TYPE' && comment.hides)
  );
}

/** Properties of the host's network scripts. */
export interface ScriptTraits {
  /** True where bridges are made with `brctl` (EL6, EL7); false where `ip` makes them (EL8). */
  readonly brctl: boolean;
  /** True where spanning tree takes `bc` to work out how long to wait. */
  readonly bc: boolean;
}

/** Finds out which tools the host's scripts call. What cannot be seen is taken for the older way. */
export async function readScriptTraits(host: ReadonlyHost): Promise<ScriptTraits> {
  const { exitCode, stdout } = await host.query(['grep', '-owE', 'brctl|bc', ethernetScript]);
  const words = stdout.split('\n');
  // grep: 0 found, 1 nothing found, 2 no such file.
  return { brctl: exitCode > 1 || words.includes('brctl'), bc: words.includes('bc') };
}

/**
 * Makes the entry for missing network scripts, with the remedy.
 * @returns undefined when it has them
 */
export async function missingNetworkScripts(host: ReadonlyHost): Promise<Missing | undefined> {
  const [script, ifup, family, release] = await Promise.all([
    host.exists(initScript),
    host.exists(`${scriptsDirectory}/ifup`),
    packageFamily(host),
    host.readFile('/etc/os-release'),
  ]);
  if (script && ifup) return undefined;
  const lacks = script ? `${scriptsDirectory}/ifup` : initScript;
  return {
    key: 'network-scripts',
    what: `the host has no network scripts (there is no ${lacks}), and nothing else reads ifcfg files in time to make the bridge`,
    remedy: remedyFor(family, parseOsRelease(release?.text ?? '').major),
  };
}

function remedyFor(family: Awaited<ReturnType<typeof packageFamily>>, major: number | undefined): string {
  if (family === 'el7') return 'yum install initscripts';
  if (family === 'el8' && major === 8) return 'dnf install network-scripts';
  const instead = {
    el8: 'this release has none any more; make the bridge with nmcli (NetworkManager)',
    fedora: 'this release has none any more; make the bridge with nmcli (NetworkManager)',
    debian: 'Debian and Ubuntu have none; make the bridge with netplan, /etc/network/interfaces or systemd-networkd',
    suse: 'SUSE has none; make the bridge with wicked or nmcli',
  };
  const other = family === undefined ? 'this system has none; make the bridge with its own tools' : instead[family];
  return `${other}, and leave ifcfg_bridge out`;
}
