import { KvmPlayError, PlaybookError } from '../../../errors.ts';
import type { PlayEvent, Summary } from '../../../events/events.ts';
import { connect } from '../../../hosts/connect.ts';
import type { Values } from '../../../inventory/values.ts';
import {
  buildLab,
  type DebianRelease,
  hostKind,
  type Lab,
  LabError,
  type LabNetwork,
  type LabOptions,
  missingPackages,
  sweepLabs,
  unableReason,
} from '../../../lab/index.ts';
import { consolePort, drawPicture, type Look, lookAtNetwork, type NetworkPicture } from '../../../lab/picture.ts';
import { waitUntil } from '../../../process/wait_until.ts';
import { run } from '../../../run/run.ts';
import { loadSite } from '../../../site/load_site.ts';
import { checkNames, type Play } from '../../../site/play.ts';
import { tasksOf } from '../../../site/play_items.ts';
import type { Task } from '../../../task/task.ts';
import { exitCodes } from '../../options/exit_codes.ts';
import { exitCode } from '../exit_code.ts';
import { neededNetwork } from './needed_network.ts';
import { rebootHost } from './reboot.ts';

/** Seconds that guests may take to boot and to get a lease. */
const guestLimit = 180;

/** What to rehearse, and how. */
export interface RehearseOptions {
  /** Path of the site. */
  readonly site: string;
  /** Values for the site's variables. */
  readonly vars: Values;
  /** Install missing packages without asking. */
  readonly yes: boolean;
  /** Leave the host running, and print how to log in. */
  readonly keep: boolean;
  /** The network stack that owns the host's interface; `auto` is what the site's tasks need. */
  readonly network: LabNetwork | 'auto';
  /** The Debian release that the host's programs come from. */
  readonly debian: DebianRelease;
  /** Reboot the host after the second run, and run the site once more. */
  readonly reboot: boolean;
}

/** The output of a rehearsal, and its questions. */
export interface RehearseTerminal {
  /** Prints a line. */
  print(line: string): void;
  /** Asks a yes-or-no question; false if there is no terminal. Rejects if the rehearsal is ended. */
  ask(question: string): Promise<boolean>;
  /** Takes the events of all runs. */
  report(event: PlayEvent): void;
  /** Ends the rehearsal; the host is removed all the same. */
  readonly signal: AbortSignal;
}

/**
 * Rehearses a site: builds a throwaway host, runs the site against it over SSH, runs it again and requires that nothing changes,
 * shows the resulting network, reboots the host, runs the site once more and requires that nothing changes, and removes the host.
 * @returns the exit code
 * @throws PlaybookError if the site cannot be loaded, there is no such host, or this machine cannot run throwaway hosts; LabError if
 *   one cannot be built
 */
export async function rehearse(options: RehearseOptions, terminal: RehearseTerminal): Promise<number> {
  const plays = await loadSite(options.site);
  checkNames(plays, options.vars);
  const tasks = plays.flatMap((play) => tasksOf(play.build(options.vars)));
  const host = hostFor(tasks, options);
  try {
    await makeReady(options, terminal);
    return await rehearseOnFreshHost(plays, host, options, terminal);
  } catch (error) {
    // An interruption makes other code fail with errors of Node's; only errors of kvm-play's own are worth showing.
    if (!terminal.signal.aborted || error instanceof KvmPlayError) throw error;
    return exitCodes.interrupted;
  }
}

/** Chooses the kind of host. @throws PlaybookError if there is no such host */
function hostFor(tasks: readonly Task[], { network, debian }: RehearseOptions): Pick<LabOptions, 'network' | 'debian'> {
  const chosen = network === 'auto' ? neededNetwork(tasks) : network;
  try {
    hostKind(chosen, debian);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    throw new PlaybookError(`${error.message}; leave --debian out, or choose another host with --network`);
  }
  return { debian, ...(chosen !== undefined && { network: chosen }) };
}

async function rehearseOnFreshHost(
  plays: readonly Play[],
  host: Pick<LabOptions, 'network' | 'debian'>,
  options: RehearseOptions,
  terminal: RehearseTerminal,
): Promise<number> {
  const { print, signal } = terminal;
  await sweepLabs();
  let lab: Lab | undefined;
  try {
    lab = await buildLab({ ...host, onProgress: print, signal, keep: options.keep });
    return await rehearseOn(lab, plays, options, terminal);
  } finally {
    if (lab === undefined) {
      if (signal.aborted) print('the host was not ready yet; what there was of it has been taken away');
    } else if (options.keep) {
      sayHowToLogIn(lab, terminal);
    } else {
      print('taking the host away');
      await lab.destroy();
    }
  }
}

/** Makes sure that this machine can run a throwaway host. @throws PlaybookError that says what it lacks */
async function makeReady({ yes }: RehearseOptions, { ask, print }: RehearseTerminal): Promise<void> {
  const reason = await unableReason();
  if (reason !== undefined) throw new PlaybookError(`a rehearsal cannot be had here: ${reason}`);
  const packages = await missingPackages();
  if (packages.length === 0) return;
  const list = packages.join(' ');
  if (!yes && !(await ask(`A rehearsal needs these Debian packages: ${list}. Install them?`))) {
    throw new PlaybookError(`a rehearsal needs these Debian packages: ${list}; install them, or say --yes`);
  }
  const { installPackages } = await import('../../../lab/index.ts');
  await installPackages(packages, print);
}

async function rehearseOn(
  lab: Lab,
  plays: readonly Play[],
  { vars, keep, reboot }: RehearseOptions,
  terminal: RehearseTerminal,
): Promise<number> {
  const { print, signal, report } = terminal;
  const host = `root@${lab.hostAddress}`;
  const values = { ...virtTypeOf(lab, plays, print), ...vars };
  signal.throwIfAborted();
  await putIsos(lab, host, plays, values, print);
  signal.throwIfAborted();
  const runOnce = (): Promise<Summary> =>
    run(plays, { hosts: [host], sshConfig: lab.sshConfig, vars: values, signal, onEvent: report });

  print('running the site');
  const first = exitCode(await runOnce(), {});
  if (first !== 0) return first;
  print('running it again: nothing may change');
  const second = exitCode(await runOnce(), { expectNoChange: true });
  if (second === exitCodes.changed) print('the second run changed something: the site is not idempotent');
  else if (second !== 0 && second !== exitCodes.interrupted) print('the second run failed');
  if (second !== 0) return second;
  const answered = await awaitLeases(lab, terminal);
  const seen = await look(lab);
  print(`\n${drawPicture(seen)}\n`);
  if (!answered) {
    print(`a guest has no lease after ${guestLimit} s`);
    return exitCodes.failed;
  }
  const last = reboot ? await rehearseReboot(lab, runOnce, terminal) : exitCodes.ok;
  if (keep && last === exitCodes.ok) for (const line of consoleLines(lab, await look(lab))) print(line);
  return last;
}

/** Reboots the host, and runs the site once more: what it is after the boot is what the site says, too. @returns the exit code */
async function rehearseReboot(lab: Lab, runOnce: () => Promise<Summary>, terminal: RehearseTerminal): Promise<number> {
  const { print } = terminal;
  const rebooted = await rebootHost(lab, terminal);
  if (rebooted !== exitCodes.ok) return rebooted;
  print('running the site a third time: nothing may change');
  const third = exitCode(await runOnce(), { expectNoChange: true });
  if (third === exitCodes.changed)
    print('the third run changed something: what the site says does not survive a reboot');
  else if (third !== exitCodes.ok && third !== exitCodes.interrupted) print('the third run failed, after the reboot');
  return third;
}

/** Gives the site's variable `virtType` the kind of virtualization that this machine has: guests for KVM cannot run without KVM. */
function virtTypeOf({ virtType }: Lab, plays: readonly Play[], print: (line: string) => void): Values {
  if (!plays.some(({ vars }) => 'virtType' in vars)) return {};
  if (virtType === 'qemu')
    print('guests run without KVM here (-e virtType=qemu): this machine cannot run them with it');
  return { virtType };
}

/** Puts an image that boots and asks for a lease in the place of each installation ISO that the site expects. */
async function putIsos(
  lab: Lab,
  hostName: string,
  plays: readonly Play[],
  values: Values,
  print: (line: string) => void,
): Promise<void> {
  const host = await connect(hostName, { sshConfig: lab.sshConfig });
  try {
    for (const task of plays.flatMap((play) => tasksOf(play.build(values)))) {
      const { missing } = await task.read(host.reader);
      for (const { key } of missing) {
        const path = /^file:(\/.*\.iso)$/i.exec(key)?.[1];
        if (path === undefined) continue;
        print(`an image that boots and asks for a lease stands in for ${path}`);
        await lab.run(['install', '-D', '-m', '644', lab.bootIso, path]);
      }
    }
  } catch (error) {
    if (!(error instanceof KvmPlayError)) throw error;
    // The run reports a task that cannot be read, and does so better.
  } finally {
    await host.close();
  }
}

/** Waits until every card of every running guest that is on a bridge of the LAN has a lease. */
async function awaitLeases(lab: Lab, { print, signal }: RehearseTerminal): Promise<boolean> {
  let said = false;
  const waitingGuests = async (): Promise<readonly { readonly name: string }[]> => {
    const { bridges } = await look(lab);
    const waiting = bridges
      .filter(({ uplinks }) => uplinks.length > 0)
      .flatMap(({ guests }) => guests.filter(({ cards }) => cards.some(({ lease }) => lease === undefined)));
    if (!said && waiting.length > 0) print(`waiting for a lease of ${waiting.map(({ name }) => name).join(', ')}`);
    said = true;
    return waiting;
  };
  const left = await waitUntil(waitingGuests, ({ length }) => length === 0, {
    within: guestLimit,
    interval: 1,
    signal,
  });
  return left.length === 0;
}

async function look(lab: Lab): Promise<NetworkPicture> {
  const leases = new Map((await lab.leases()).map(({ mac, address }) => [mac.toLowerCase(), address]));
  const runInside: Look = async (argv) => (await lab.run(argv, { reject: false })).stdout;
  return lookAtNetwork(runInside, (mac) => leases.get(mac.toLowerCase()));
}

/** Gives the commands that reach each guest's console from this machine. */
function consoleLines({ sshConfig, name: host }: Lab, { bridges }: NetworkPicture): readonly string[] {
  const consoles = new Map(bridges.flatMap(({ guests }) => guests).map(({ name, console }) => [name, console]));
  return [...consoles].flatMap(([name, display]) => {
    const port = display && consolePort(display);
    const tunnel = `ssh -F ${sshConfig} -N -L ${port}:127.0.0.1:${port} ${host}`;
    return port ? [`the console of ${name}: ${tunnel}, and a viewer on 127.0.0.1:${port}`] : [];
  });
}

function sayHowToLogIn({ id, sshConfig, name }: Lab, { print }: RehearseTerminal): void {
  print(`the host is kept: ssh -F ${sshConfig} ${name}`);
  print(`take it away with: npx kvm-play rehearse --remove ${id}`);
}
