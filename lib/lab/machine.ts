import { access, readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { shellProgram } from '../process/package_files.ts';
import { startDaemon } from './daemon.ts';
import { LabError } from './error.ts';
import { hostInterface, type LabLayout, lan, namespacePath } from './layout.ts';

/** Paths of the shared kernel that the host may read and not write. */
const readOnly: readonly string[] = [
  ...['/proc/sys/kernel', '/proc/sys/vm', '/proc/sys/fs', '/proc/sysrq-trigger'],
  ...['/sys/module', '/sys/power', '/sys/kernel', '/sys/firmware', '/sys/bus'],
];

/**
 * Boots the host, and returns at once: it is the caller who waits. The host then runs until it powers itself off
 * or is ended, whatever becomes of this process.
 * @param layout the lab's names; its LAN and its root are there already
 * @param hostname the host's name
 * @param udev whether udev runs there: it then sees this machine's devices, and may write to none but network interfaces
 */
export async function powerOnMachine(layout: LabLayout, hostname: string, udev: boolean): Promise<void> {
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe', '--link-journal=no'],
    ...['--resolv-conf=off', '--timezone=off', `--directory=${layout.root}`, `--machine=${layout.machine}`],
    ...[`--hostname=${hostname}`, '--capability=CAP_NET_ADMIN,CAP_NET_RAW'],
    ...['--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO', '--bind=/dev/net/tun'],
    ...(await existing([...readOnly, ...(udev ? await devicesButNetwork() : [])])).map(
      (path) => `--bind-ro=${path.replaceAll(':', '\\:')}`,
    ),
  ];
  const supervise = ['sh', '-c', shellProgram('lib/lab/supervise.sh'), layout.machine];
  const arguments_ = [layout.lanNamespace, layout.hostNamespace, lan.hostMac, hostInterface, ...nspawn];
  // Where systemd is process 1 it owns the cgroups, and has to hand one over.
  const managed = (await existing(['/run/systemd/system'])).length > 0;
  const scope = managed
    ? ['systemd-run', '--scope', '--quiet', '--collect', `--unit=${layout.machine}`, '--property=Delegate=yes']
    : [];
  startDaemon(layout.consoleLog, [...scope, ...supervise, ...arguments_], {
    SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1',
    DELEGATED: managed ? 'yes' : '',
  });
}

/** How a command inside the host ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** How a command inside the host is to be run. */
export interface RunOptions {
  /** Standard input (default: none). */
  readonly input?: string;
  /** Throw when the exit code is not 0 (default: true). */
  readonly reject?: boolean;
  /** Milliseconds after which the command is killed (default: no limit). */
  readonly timeout?: number;
}

/**
 * Runs a command inside a running host as root, past SSH and the network.
 * @param leader the host's process 1, as this machine numbers it
 * @param argv the command; it is found on the host's own path
 * @throws execa's error when the command fails, unless `reject` is false
 */
export async function runInMachine(
  leader: number,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const result = await execa(
    'setpriv',
    [
      ...[`--bounding-set=${await capabilitiesToDrop(leader)}`, '--inh-caps=-all', '--', 'nsenter'],
      ...[`--target=${leader}`, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--'],
      ...['env', '--ignore-environment', '--chdir=/', 'HOME=/root', 'LC_ALL=C', 'USER=root', 'LOGNAME=root'],
      ...['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...argv],
    ],
    {
      reject: options.reject ?? true,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    },
  );
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? 255 };
}

/**
 * Lists, for setpriv, the capabilities that the host's process 1 cannot have. A process that enters the host from outside would
 * otherwise keep this machine's capabilities, and with them the clock, the kernel's modules and its memory, which all hosts share.
 * @throws LabError when the host's cannot be read: then nothing may be run
 */
async function capabilitiesToDrop(leader: number): Promise<string> {
  const status = await readFile(`/proc/${leader}/status`, 'utf8').catch(() => '');
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (mask === undefined) throw new LabError('the host went off before a command could be run in it');
  const held = BigInt(`0x${mask}`);
  const last = Number(await readFile('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const all = Array.from({ length: last + 1 }, (_, bit) => bit);
  return all
    .filter((bit) => ((held >> BigInt(bit)) & 1n) === 0n)
    .map((bit) => `-cap_${bit}`)
    .join(',');
}

/** Tells whether the host's interface has its address. @param layout the lab's names */
export async function hasAddress(layout: LabLayout): Promise<boolean> {
  const { stdout } = await execa('nsenter', [`--net=${namespacePath(layout.hostNamespace)}`, 'ip', '-4', 'address'], {
    reject: false,
  });
  return stdout.includes(` ${lan.hostAddress}/`);
}

/** Lists the directories of all devices that are no network interfaces. */
async function devicesButNetwork(): Promise<readonly string[]> {
  const below = async (directory: string, but: string): Promise<readonly string[]> =>
    (await readdir(directory)).filter((name) => name !== but).map((name) => `${directory}/${name}`);
  return [...(await below('/sys/devices', 'virtual')), ...(await below('/sys/devices/virtual', 'net'))];
}

async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    await access(path).then(
      () => found.push(path),
      () => {},
    );
  }
  return found;
}
