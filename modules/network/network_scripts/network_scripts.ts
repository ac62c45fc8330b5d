import { parseOsRelease } from '../../../lib/formats/os_release.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { Missing } from '../../../lib/task/task.ts';
import { packageFamily } from '../../common/packages.ts';
import type { ScriptTraits } from './ifcfg/bridge_file.ts';

/** Where the network scripts keep an interface's configuration. Backups do not belong there: most names are read as interfaces. */
export const scriptsDirectory = '/etc/sysconfig/network-scripts';
/** Settings of the host as a whole. Without it, or with `NETWORKING=no`, the network scripts do nothing. */
export const networkSettings = '/etc/sysconfig/network';
/** The script that `network.service` runs. */
export const initScript = '/etc/init.d/network';
/** Names of routing tables. */
export const routingTables = '/etc/iproute2/rt_tables';
/** Configures one interface; `ip` or `brctl`, it is this script that calls them. */
const ethernetScript = `${scriptsDirectory}/ifup-eth`;

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
