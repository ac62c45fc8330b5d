import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { execa } from 'execa';
import { waitUntil } from '../process/wait_until.ts';
import { LabError } from './error.ts';
import { type LabLayout, labsDirectory, lan, layoutOf } from './layout.ts';
import { type Lock, takeLock } from './lock.ts';
import { type CommandResult, hasAddress, powerOnMachine, type RunOptions, runInMachine } from './machine.ts';
import { type Lease, parseLeases, setCable, startDhcp, startIpv6, startLan, stopDhcp, stopIpv6 } from './network.ts';
import { endProcesses, findLeader, processesInNamespace, processesMarked } from './processes.ts';
import { removeLab } from './remove.ts';
import { baseRoot } from './root/base.ts';
import { hostFiles } from './root/host_files.ts';
import { type HostFile, type HostKind, hostKind, type LabNetwork } from './root/kinds.ts';
import type { DebianRelease } from './root/recipes.ts';
import { writeSshFiles } from './ssh.ts';
import { bootIso, type VirtType, virtTypeOf } from './virt_type.ts';

/** How a lab is built. */
export interface LabOptions {
  /** Told what takes time (default: nobody is). */
  readonly onProgress?: (message: string) => void;
  /** Ends the building; what was built until then is taken away. */
  readonly signal?: AbortSignal;
  /** Leave the lab running when this process ends; only `destroy` or `destroyLab` then takes it away (default: false). */
  readonly keep?: boolean;
  /** The host's name: letters, digits and hyphens (default: `kvmhost`). */
  readonly name?: string;
  /** A Debian mirror to build the base root from (default: mmdebstrap's own choice). */
  readonly mirror?: string;
  /**
   * The network stack that owns the host's interface (default: the post's host, where NetworkManager owns it and the
   * network scripts are installed and not enabled).
   */
  readonly network?: LabNetwork;
  /**
   * The Debian release that the host's programs come from (default: 12). 13 has newer network stacks; the network scripts
   * are built with 12 alone.
   */
  readonly debian?: DebianRelease;
}

/** How long a reboot is waited for. */
export interface RebootOptions {
  /** Seconds until systemd has booted (default: 600). */
  readonly boot?: number;
  /** Seconds from then on until the host answers over SSH at its address (default: 600). */
  readonly answer?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** A throwaway host on a LAN of its own. Paths are this machine's unless they are said to be the host's. */
export interface Lab {
  readonly id: string;
  /** Everything that the lab keeps on disk. */
  readonly directory: string;
  /** The host's name, which `sshConfig` knows. */
  readonly name: string;
  /** The address that the host starts with. */
  readonly hostAddress: string;
  /** The address that the host makes for itself from its MAC while the LAN has IPv6. */
  readonly ipv6HostAddress: string;
  /** An ssh_config with a key and known hosts of its own: `ssh -F` it, to `name` or to any address of the LAN. */
  readonly sshConfig: string;
  /** The network namespaces of the LAN and, changing with each boot, of the host, as `ip netns` knows them. */
  readonly lanNamespace: string;
  readonly hostNamespace: string;
  /** Whether guests can use KVM here; `qemu` where /dev/kvm is absent or cannot run a BIOS. */
  readonly virtType: VirtType;
  /** The host's path of an image that boots from CD and asks for a lease. */
  readonly bootIso: string;
  /** What the host wrote to its console, and what the DHCP server did. */
  readonly consoleLog: string;
  readonly dhcpLog: string;
  /** Runs a command inside the host as root, past SSH and the network. @throws when it fails, unless `reject` is false */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Lists the leases of the LAN's DHCP server. */
  leases(): Promise<readonly Lease[]>;
  /** Pulls the cable between the host and the LAN, or plugs it in again. A host that boots has it plugged in. */
  setCable(isPlugged: boolean): Promise<void>;
  /** Ends the LAN's DHCP server. */
  stopDhcp(): Promise<void>;
  /** Starts it again. @param hostAddress what it hands out to the host (default: the address that the host started with) */
  startDhcp(hostAddress?: string): Promise<void>;
  /** Gives the LAN an IPv6 subnet, and a router that advertises it. It has none at first. */
  startIpv6(): Promise<void>;
  /** Takes them away. */
  stopIpv6(): Promise<void>;
  /** Writes a file of the host. @param hostPath absolute @param text its content @param mode (default: 0644) */
  putFile(hostPath: string, text: string | Uint8Array, mode?: number): Promise<void>;
  /**
   * Has the host reboot itself in an orderly way, and waits until it is up again and answers at its address.
   * @throws LabError that says what did not come to pass
   */
  reboot(options?: RebootOptions): Promise<void>;
  /** Pulls the plug: nothing on the host gets a chance to tidy up. */
  powerOff(): Promise<void>;
  /** Boots the host after `powerOff`, and waits until it is up. */
  powerOn(): Promise<void>;
  /** Takes the lab away; later calls do nothing. @throws LabError when something does not go away */
  destroy(): Promise<void>;
}

/** Seconds that a host may take to boot, and after that to answer. */
const limits = { boot: 600, answer: 600 };

/**
 * Builds a throwaway host and starts it: systemd, sshd, NetworkManager holding a lease, libvirt installed, and a
 * stand-in for the network scripts, on a LAN of its own that leads nowhere. The first one on a machine takes a minute
 * longer. Needs what `unableReason` and `missingPackages` ask for.
 * @throws LabError when it cannot be built or does not boot; nothing is left behind then
 */
export async function buildLab(options: LabOptions = {}): Promise<Lab> {
  const { onProgress = () => {}, signal, keep = false, name = 'kvmhost' } = options;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name)) throw new LabError(`${name} is no name for a host`);
  const kind = hostKind(options.network, options.debian ?? 12);
  const base = await baseRoot(kind.recipe, { onProgress, signal, mirror: options.mirror });
  const { layout, lock } = await claim();
  try {
    await mkdir(layout.directory, { mode: 0o700 });
    onProgress(`building lab ${layout.id}`);
    await mountRoot(layout, base);
    const keys = await writeSshFiles(layout, name);
    for (const file of await hostFiles(name, keys, kind)) await writeHostFile(layout, file);
    await enableUnits(layout, kind);
    await startLan(layout, kind.dhcp);
    signal?.throwIfAborted();
    onProgress(`booting ${name}`);
    await powerOnMachine(layout, name, kind.udev);
    const [virtType] = await bothOf(virtTypeOf(layout, base, signal), untilUp(layout, name, { signal }));
    const description = { id: layout.id, name, keep, virtType, base, created: new Date().toISOString() };
    await writeFile(layout.description, `${JSON.stringify(description, undefined, 2)}\n`);
    return new RunningLab(layout, lock, name, virtType, kind);
  } catch (error) {
    await removeLab(layout).finally(() => lock.release());
    throw error;
  }
}

/** Waits for both, also when one fails, because what still runs would disturb the clean-up. */
async function bothOf<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

/** Chooses a free id and takes its lock before anything else is made, so that no sweep removes the lab as a dead one. */
async function claim(): Promise<{ layout: LabLayout; lock: Lock }> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const layout = layoutOf(randomBytes(4).toString('hex'));
    const lock = await takeLock(layout.lockFile);
    if (lock !== undefined) return { layout, lock };
  }
  throw new LabError(`no lock can be had in ${labsDirectory}`);
}

async function mountRoot(layout: LabLayout, base: string): Promise<void> {
  for (const path of [layout.upper, layout.work, layout.root]) await mkdir(path);
  const options = `lowerdir=${base},upperdir=${layout.upper},workdir=${layout.work}`;
  await execa('mount', ['-t', 'overlay', '-o', options, layout.machine, layout.root]);
}

async function writeHostFile(
  layout: LabLayout,
  file: Omit<HostFile, 'text'> & { text: string | Uint8Array },
): Promise<void> {
  const path = join(layout.root, normalize(join('/', file.path)));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, file.text, { mode: file.mode });
}

async function enableUnits(layout: LabLayout, { enabled, disabled }: HostKind): Promise<void> {
  const systemctl = (...argv: readonly string[]) => execa('chroot', [layout.root, 'systemctl', '--quiet', ...argv]);
  await systemctl('enable', 'lab-devices.service', ...enabled);
  if (disabled.length > 0) await systemctl('disable', ...disabled);
}

/** Options of the wait for a host. */
interface UpOptions {
  readonly boot?: number | undefined;
  readonly answer?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The process 1 of the previous boot, which may not have ended yet. */
  readonly previous?: number | undefined;
}

/** Waits until a host has booted, has its address and answers over SSH. @throws LabError that says what did not come to pass */
async function untilUp(
  layout: LabLayout,
  name: string,
  { boot = limits.boot, answer = limits.answer, signal, previous }: UpOptions,
): Promise<void> {
  const state = await waitUntil(() => systemState(layout, previous), hasBooted, {
    within: boot,
    interval: 0.1,
    signal,
  });
  if (!hasBooted(state)) throw new LabError(`the host did not boot within ${boot} s: its systemd is ${state}`);
  const answers = async (): Promise<string> => {
    if (!(await hasAddress(layout))) return `no interface has ${lan.hostAddress}`;
    return (await sshFailure(layout, name)) ?? '';
  };
  const problem = await waitUntil(answers, (failure) => failure === '', { within: answer, interval: 0.1, signal });
  if (problem === '') return;
  throw new LabError(`the host has booted, and does not answer at ${lan.hostAddress} within ${answer} s: ${problem}`);
}

/** Asks the host's systemd how it is; `off` where there is none. @param previous a process 1 that does not count */
async function systemState(layout: LabLayout, previous: number | undefined): Promise<string> {
  const leader = await findLeader(layout);
  if (leader === undefined || leader === previous) return 'off';
  // It waits for the end of the boot, and fails while systemd does not listen yet. The limit lets a signal end the wait.
  const wait = ['systemctl', 'is-system-running', '--wait'];
  const { stdout } = await runInMachine(leader, wait, { reject: false, timeout: 10_000 });
  return stdout || 'starting';
}

function hasBooted(state: string): boolean {
  return ['running', 'degraded'].includes(state);
}

/** Logs in over SSH. @returns what ssh said where that fails */
async function sshFailure(layout: LabLayout, name: string): Promise<string | undefined> {
  const { exitCode, stderr } = await execa('ssh', ['-F', layout.sshConfig, '-o', 'BatchMode=yes', name, 'true'], {
    reject: false,
    stdin: 'ignore',
    // It runs the ProxyCommand; bash would read a user's own start-up files for it.
    env: { SHELL: '/bin/sh' },
  });
  return exitCode === 0 ? undefined : stderr;
}

class RunningLab implements Lab {
  readonly id: string;
  readonly directory: string;
  readonly name: string;
  readonly hostAddress: string = lan.hostAddress;
  readonly ipv6HostAddress: string = lan.ipv6HostAddress;
  readonly sshConfig: string;
  readonly lanNamespace: string;
  readonly hostNamespace: string;
  readonly virtType: VirtType;
  readonly bootIso: string = bootIso;
  readonly consoleLog: string;
  readonly dhcpLog: string;
  readonly #layout: LabLayout;
  readonly #lock: Lock;
  readonly #kind: HostKind;
  #leader: number | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(layout: LabLayout, lock: Lock, name: string, virtType: VirtType, kind: HostKind) {
    this.id = layout.id;
    this.directory = layout.directory;
    this.name = name;
    this.sshConfig = layout.sshConfig;
    this.lanNamespace = layout.lanNamespace;
    this.hostNamespace = layout.hostNamespace;
    this.virtType = virtType;
    this.consoleLog = layout.consoleLog;
    this.dhcpLog = layout.dhcpLog;
    this.#layout = layout;
    this.#lock = lock;
    this.#kind = kind;
  }

  async run(argv: readonly string[], options?: RunOptions): Promise<CommandResult> {
    this.#leader ??= await findLeader(this.#layout);
    if (this.#leader === undefined) throw new LabError(`the host of lab ${this.id} is off`);
    return runInMachine(this.#leader, argv, options);
  }

  async leases(): Promise<readonly Lease[]> {
    return parseLeases(await readFile(this.#layout.leaseFile, 'utf8').catch(() => ''));
  }

  async setCable(isPlugged: boolean): Promise<void> {
    await setCable(this.#layout, isPlugged);
  }

  async stopDhcp(): Promise<void> {
    await stopDhcp(this.#layout);
  }

  async startIpv6(): Promise<void> {
    await startIpv6(this.#layout);
  }

  async stopIpv6(): Promise<void> {
    await stopIpv6(this.#layout);
  }

  async startDhcp(hostAddress: string = this.hostAddress): Promise<void> {
    await stopDhcp(this.#layout);
    startDhcp(this.#layout, hostAddress, this.#kind.dhcp);
  }

  async putFile(hostPath: string, text: string | Uint8Array, mode = 0o644): Promise<void> {
    await writeHostFile(this.#layout, { path: hostPath, text, mode });
  }

  async reboot(options: RebootOptions = {}): Promise<void> {
    const previous = await findLeader(this.#layout);
    await this.run(['systemctl', 'reboot'], { reject: false });
    this.#leader = undefined;
    await untilUp(this.#layout, this.name, { ...options, previous });
  }

  async powerOff(): Promise<void> {
    await endProcesses(() => processesMarked(this.#layout.machine));
    await endProcesses(() => processesInNamespace(this.#layout.hostNamespace));
    this.#leader = undefined;
  }

  async powerOn(): Promise<void> {
    await powerOnMachine(this.#layout, this.name, this.#kind.udev);
    this.#leader = undefined;
    await untilUp(this.#layout, this.name, {});
  }

  destroy(): Promise<void> {
    this.#destroyed ??= removeLab(this.#layout).finally(() => this.#lock.release());
    return this.#destroyed;
  }
}
