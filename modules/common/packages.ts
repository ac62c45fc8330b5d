import { BugError } from '../../lib/errors.ts';
import { type OsRelease, parseOsRelease } from '../../lib/formats/os_release.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';

/** Ways of packaging that differ in a package's name or in the command that installs it. */
export type PackageFamily = 'debian' | 'el7' | 'el8' | 'fedora' | 'suse';

/** Names of a tool's package by family; one name where EL7, EL8 and later, and Fedora agree. */
interface PackageNames {
  readonly debian: string;
  readonly redhat: string;
  readonly suse: string;
}

/** The packages that bring the tools which modules lean on. */
const packages: Readonly<Record<string, PackageNames>> = {
  virsh: { debian: 'libvirt-clients', redhat: 'libvirt-client', suse: 'libvirt-client' },
  libvirtd: { debian: 'libvirt-daemon-system', redhat: 'libvirt', suse: 'libvirt-daemon' },
  'virt-install': { debian: 'virtinst', redhat: 'virt-install', suse: 'virt-install' },
  'virt-xml': { debian: 'virtinst', redhat: 'virt-install', suse: 'virt-install' },
  'qemu-system-x86_64': { debian: 'qemu-system-x86', redhat: 'qemu-kvm', suse: 'qemu-x86' },
  'qemu-img': { debian: 'qemu-utils', redhat: 'qemu-img', suse: 'qemu-tools' },
  ip: { debian: 'iproute2', redhat: 'iproute', suse: 'iproute2' },
  bridge: { debian: 'iproute2', redhat: 'iproute', suse: 'iproute2' },
  brctl: { debian: 'bridge-utils', redhat: 'bridge-utils', suse: 'bridge-utils' },
  ping: { debian: 'iputils-ping', redhat: 'iputils', suse: 'iputils' },
  arping: { debian: 'iputils-arping', redhat: 'iputils', suse: 'iputils' },
  dhclient: { debian: 'isc-dhcp-client', redhat: 'dhclient', suse: 'dhcp-client' },
  nmcli: { debian: 'network-manager', redhat: 'NetworkManager', suse: 'NetworkManager' },
  ifup: { debian: 'ifupdown', redhat: 'network-scripts', suse: 'sysconfig-network' },
  ethtool: { debian: 'ethtool', redhat: 'ethtool', suse: 'ethtool' },
  sysctl: { debian: 'procps', redhat: 'procps-ng', suse: 'procps' },
  systemctl: { debian: 'systemd', redhat: 'systemd', suse: 'systemd' },
  chkconfig: { debian: 'chkconfig', redhat: 'chkconfig', suse: 'insserv-compat' },
  service: { debian: 'init-system-helpers', redhat: 'initscripts', suse: 'aaa_base' },
};

/** Units of libvirt's daemons: the one daemon, and those into which it is split up since EL9. */
const libvirtUnits: readonly string[] = [
  ...['libvirtd', 'virtqemud', 'virtnetworkd', 'virtstoraged', 'virtnodedevd', 'virtsecretd', 'virtnwfilterd'].flatMap(
    (daemon) => [`unit-file:${daemon}`, `unit-file:${daemon}.socket`],
  ),
  'unit-file:libvirt-guests',
];

/** What else packages bring, in the words of what a task can provide. */
const brought: Readonly<Record<string, readonly string[]>> = {
  'libvirt-daemon-system': [
    ...libvirtUnits.slice(0, 2),
    'unit-file:libvirt-guests',
    'group:libvirt',
    'user:libvirt-qemu',
  ],
  libvirt: [...libvirtUnits, 'group:libvirt', 'user:qemu'],
  'network-manager': ['unit-file:NetworkManager'],
  NetworkManager: ['unit-file:NetworkManager'],
  ifupdown: ['unit-file:networking'],
  initscripts: ['unit-file:network', 'network-scripts'],
  'network-scripts': ['unit-file:network', 'network-scripts'],
};

/** Where EL7 keeps a tool in another package than EL8 and later do. */
const el7Packages: Readonly<Record<string, string>> = { ifup: 'initscripts' };

const installers: Readonly<Record<PackageFamily, string>> = {
  debian: 'apt-get install',
  el7: 'yum install',
  el8: 'dnf install',
  fedora: 'dnf install',
  suse: 'zypper install',
};

/**
 * Makes the entry for a missing tool, with the package that has it.
 * @param host where to look
 * @param tool the command's name, e.g. `virsh`
 * @returns undefined when the host has it
 */
export async function missingTool(host: ReadonlyHost, tool: string): Promise<Missing | undefined> {
  const [path, family] = await Promise.all([host.which(tool), packageFamily(host)]);
  if (path !== undefined) return undefined;
  return {
    key: `tool:${tool}`,
    what: `there is no command '${tool}' on the host`,
    remedy: installRemedy(tool, family),
  };
}

/**
 * Makes the entries for all missing ones of some tools, in the order given.
 * @param host where to look
 * @param tools the commands' names
 */
export async function missingTools(host: ReadonlyHost, tools: readonly string[]): Promise<readonly Missing[]> {
  const found = await Promise.all(tools.map((tool) => missingTool(host, tool)));
  return found.filter((missing) => missing !== undefined);
}

/**
 * Returns the packaging family of a host, by the ID and ID_LIKE of its `/etc/os-release` (os-release(5)).
 * @returns undefined when it is none that is known; EL6 has no such file
 */
export async function packageFamily(host: ReadonlyHost): Promise<PackageFamily | undefined> {
  const file = (await host.readFile('/etc/os-release')) ?? (await host.readFile('/usr/lib/os-release'));
  return file === undefined ? undefined : familyOf(parseOsRelease(file.text));
}

/** Returns the command that installs a tool on a host of one family. */
export function installRemedy(tool: string, family: PackageFamily | undefined): string {
  const names = Object.hasOwn(packages, tool) ? packages[tool] : undefined;
  if (names === undefined) return `install the package that holds '${tool}'`;
  if (family === undefined) {
    return `install the package that holds it: ${names.debian} (Debian), ${names.redhat} (Red Hat), ${names.suse} (SUSE)`;
  }
  return `${installers[family]} ${packageName(tool, names, family)}`;
}

/**
 * Names what a host has once some packages are installed, as far as the table of tools knows them: commands, and units, users and files
 * that come with them. A package of another family's name counts as well, because a task does not know its host.
 */
export function provisionsOf(names: readonly string[]): readonly string[] {
  const tools = Object.entries(packages).flatMap(([tool, { debian, redhat, suse }]) =>
    [debian, redhat, suse, el7Packages[tool] ?? redhat].some((name) => names.includes(name)) ? [`tool:${tool}`] : [],
  );
  const others = names.flatMap((name) => (Object.hasOwn(brought, name) ? (brought[name] ?? []) : []));
  return [...tools, ...others];
}

/** Names the packages that bring some tools on a host of one family. @throws BugError for a tool that the table does not have */
export function packagesOf(tools: readonly string[], family: PackageFamily): readonly string[] {
  const names = tools.map((tool) => {
    const found = Object.hasOwn(packages, tool) ? packages[tool] : undefined;
    if (found === undefined) throw new BugError(`no package is known for the tool ${tool}`);
    return packageName(tool, found, family);
  });
  return [...new Set(names)];
}

function packageName(tool: string, names: PackageNames, family: PackageFamily): string {
  if (family === 'debian' || family === 'suse') return names[family];
  return (family === 'el7' ? el7Packages[tool] : undefined) ?? names.redhat;
}

function familyOf({ id, like, major }: OsRelease): PackageFamily | undefined {
  const ids = [id, ...like];
  if (id === 'fedora') return 'fedora';
  if (ids.includes('debian') || ids.includes('ubuntu')) return 'debian';
  if (ids.includes('suse') || ids.some((each) => each.startsWith('opensuse') || each === 'sles')) return 'suse';
  if (!ids.includes('rhel') && !ids.includes('centos') && !ids.includes('fedora')) return undefined;
  return major !== undefined && major <= 7 ? 'el7' : 'el8';
}
