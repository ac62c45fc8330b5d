import { access, readFile, stat } from 'node:fs/promises';
import { execa } from 'execa';
import { LabError } from './error.ts';

/**
 * What building and starting hosts takes on the outer machine, as Debian packages.
 * Nothing among them runs a daemon or touches the machine's own interfaces.
 */
export const requiredPackages: readonly string[] = [
  'mmdebstrap',
  'debian-archive-keyring',
  'systemd-container',
  'iproute2',
  'dnsmasq-base',
  'openssh-client',
  'netcat-openbsd',
];

/** Capabilities without which no host can be started, by their bit in /proc/self/status. */
const capabilities: readonly (readonly [name: string, bit: bigint])[] = [
  ['CAP_NET_ADMIN', 12n],
  ['CAP_SYS_CHROOT', 18n],
  ['CAP_SYS_ADMIN', 21n],
  ['CAP_MKNOD', 27n],
];

/**
 * Lists the Debian packages that labs need on this machine and that are not installed.
 * Empty when nothing is missing; where there is no dpkg, all of them.
 */
export async function missingPackages(): Promise<readonly string[]> {
  const field = (name: string): string => `\${${name}}`;
  const format = `-f=${field('Package')} ${field('db:Status-Status')}\\n`;
  const { stdout } = await execa('dpkg-query', ['-W', format, ...requiredPackages], { reject: false });
  const installed = new Set(
    (stdout ?? '')
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.slice(0, line.indexOf(' '))),
  );
  return requiredPackages.filter((name) => !installed.has(name));
}

/**
 * Installs Debian packages on this machine, without what they only recommend: network-manager or libvirt, say,
 * would seize this machine's interfaces. Ask the user first.
 * @param names the packages, usually what {@link missingPackages} returned; none of them does nothing
 * @param onProgress told about each step
 * @throws LabError with the tool's own words when apt-get fails
 */
export async function installPackages(
  names: readonly string[],
  onProgress: (message: string) => void = () => {},
): Promise<void> {
  if (names.length === 0) return;
  const apt = async (...argv: string[]): Promise<void> => {
    const { exitCode, stderr } = await execa('apt-get', argv, {
      reject: false,
      stdin: 'ignore',
      env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    });
    if (exitCode !== 0) throw new LabError(`apt-get ${argv.join(' ')} failed: ${stderr}`);
  };
  onProgress('reading the package lists');
  await apt('update');
  onProgress(`installing ${names.join(', ')}`);
  await apt('install', '--yes', '--no-install-recommends', ...names);
}

/** Says in one sentence why labs cannot run on this machine; undefined when they can. Changes nothing. */
export async function unableReason(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `Labs need Linux, and this is ${process.platform}.`;
  if (process.getuid?.() !== 0) return 'Labs need root: they create namespaces, mounts and network interfaces.';
  if (!(await exists('/usr/bin/apt-get')))
    return 'Labs need a Debian-like system: their hosts are built with mmdebstrap.';
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const lacking = capabilities.filter(([, bit]) => ((BigInt(`0x${effective}`) >> bit) & 1n) === 0n);
  if (lacking.length > 0) return `Labs need ${lacking.map(([name]) => name).join(', ')}, which this process lacks.`;
  const tun = await stat('/dev/net/tun').catch(() => undefined);
  if (tun?.isCharacterDevice() !== true)
    return 'Labs need /dev/net/tun for the interfaces of guests, and it is absent.';
  const isolated = await execa('unshare', ['--net', '--mount', '--pid', '--fork', 'true'], { reject: false });
  if (isolated.exitCode !== 0) return `Labs need namespaces, and this machine refuses them: ${isolated.stderr}`;
  if (!(await knowsOverlay())) return 'Labs need overlayfs, which this kernel does not offer.';
  return undefined;
}

async function knowsOverlay(): Promise<boolean> {
  const known = async (): Promise<boolean> => /\boverlay$/m.test(await readFile('/proc/filesystems', 'utf8'));
  if (await known()) return true;
  await execa('modprobe', ['overlay'], { reject: false });
  return known();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
