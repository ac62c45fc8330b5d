import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { ConnectionError, LockedError } from '../../errors.ts';
import { shellProgram } from '../../process/package_files.ts';
import { waitUntil } from '../../process/wait_until.ts';
import { quote } from '../shell/quote.ts';
import { prologue } from '../shell/script.ts';
import type { RawOutput, Transport } from '../shell/transport.ts';
import { trustedPath } from './trusted_path.ts';

/** Seconds without a sign of life after which a run counts as dead. */
const lease = 120;
/** Seconds between two signs of life. */
const heartbeat = 30;
/** Seconds that the last step of a dead run may still take: its process on the host outlives the controller. */
const lastStepLimit = 330;
/** Seconds between two looks at whether it has ended. */
const lookInterval = 0.5;

const lockPath = '"$kvm_play_run"/lock';

/** Exit status of {@link takeScript} when somebody else holds the lock. */
const held = 75;
/** Exit status of a guarded script that found the lock lost. */
const lostStatus = 76;

/** Ids of runs of this process that are over: the script that releases their locks may still be under way. */
const over = new Set<string>();

/**
 * The lock of one run on one host: a file that says who holds it, and beside it the host's uptime up to which it is held.
 * Nobody takes it over while a step of its run is still being executed on the host, though the run itself may be dead.
 * A run gives signs of life; one that gave none for two minutes is dead, as is one of this very controller whose process is gone,
 * and one from before the host's last boot (the lock names the boot).
 * A run that only seemed dead (its process was stopped, its machine slept) takes no further step: each looks on the host itself
 * whether the lock is still its own.
 */
export class HostLock {
  readonly #transport: Transport;
  readonly #id: string;
  #timer: NodeJS.Timeout | undefined;
  #taken: Promise<void> | undefined;
  /** True once a request to take the lock was sent: without an answer the lock may have been taken all the same. */
  #isAsked = false;

  /** @param id the holder's: whoever has the same one has the lock as well */
  constructor(transport: Transport, id: string = randomUUID()) {
    this.#transport = transport;
    this.#id = id;
  }

  /** Takes the lock, once; later calls wait for the first. @throws LockedError that names the holder */
  async take(): Promise<void> {
    this.#taken ??= this.#take();
    try {
      await this.#taken;
    } catch (error) {
      this.#taken = undefined;
      throw error;
    }
  }

  /** True once the lock has been taken. */
  get isTaken(): boolean {
    return this.#taken !== undefined;
  }

  /** Script text that takes the lock where nobody holds it, for a request that goes on with other things; it fails where somebody does. */
  takingScript(): string {
    this.#isAsked = true;
    return takeScript(this.#id, this.#content(), '');
  }

  /** Says that {@link takingScript} has been run, and took the lock. */
  taken(): void {
    this.#taken = Promise.resolve();
    this.#keepAlive();
  }

  /**
   * Script text that takes a step under the lock: not where another run has taken it over, and should this run die, nobody takes
   * it over before the step has ended. What it says of a lost lock, {@link lost} reads. After a reboot of the host, root's directory
   * of locks is gone, and no other run has been there since: then the lock is taken once more.
   */
  guard(script: string): string {
    return `${born()}
${shellProgram('lib/hosts/files/lock_step.sh')}
if kvm_play_begin_step ${this.#id} ${quote(this.#content())} ${lease}; then
${script}
kvm_play_step=$?; : > "$kvm_play_run"/step.${this.#id}
else kvm_play_step=${lostStatus}; fi
(exit "$kvm_play_step")`;
  }

  /** Reads what became of a guarded script. @returns the error where the lock was lost, and the script was not run */
  lost({ exitCode, stderr }: RawOutput): LockedError | undefined {
    const [id, ...holder] = stderr.toString().split('\n');
    if (exitCode !== lostStatus || id !== this.#id) return undefined;
    const [, , pid, since, who] = holder;
    const taker = who === undefined ? 'nobody holds it now' : `${who}, process ${pid}, holds it since ${since}`;
    return new LockedError(
      `this run has lost the host's lock: it gave no sign of life for ${lease} s (was it stopped, or did its machine sleep?), and ${taker}; it does nothing more on this host, so look at what the other run did, and run the site again`,
    );
  }

  /** Makes the lock outlive a time without a connection. @param seconds how long that may be */
  async extend(seconds: number): Promise<void> {
    await this.#run(aliveScript(this.#id, seconds + lease));
  }

  /** Script text that gives the lock back, if it was or may have been taken: one that is not given back runs out. No step may follow. */
  releasing(): string | undefined {
    clearInterval(this.#timer);
    if (this.#taken === undefined && !this.#isAsked) return undefined;
    this.#taken = undefined;
    this.#isAsked = false;
    over.add(this.#id);
    return `${prologue()}\n${releaseScript(this.#id)}`;
  }

  async #take(): Promise<void> {
    const content = this.#content();
    const [, controller] = content.split('\n');
    let holder = await this.#tryToTake(content, '');
    const [id, itsController, pid] = holder?.split('\n') ?? [];
    if (id !== undefined && itsController === controller && (over.has(id) || !isAlive(Number(pid)))) {
      holder = await waitUntil(
        () => this.#tryToTake(content, id),
        (found) => found?.startsWith(id) !== true,
        { within: lastStepLimit, interval: lookInterval },
      );
    }
    if (holder !== undefined) throw locked(holder);
    this.#keepAlive();
  }

  /** Says who holds the lock, line by line: its id, controller, process, since when, person. */
  #content(): string {
    const person = `${userInfo().username}@${hostname()}`;
    return [this.#id, controllerId(), process.pid, new Date().toISOString(), person].join('\n');
  }

  #keepAlive(): void {
    this.#timer = setInterval(() => void this.extend(0).catch(() => {}), heartbeat * 1000);
    this.#timer.unref();
  }

  /** @returns undefined when the lock is ours, else what its holder wrote */
  async #tryToTake(content: string, breakId: string): Promise<string | undefined> {
    const { exitCode, stdout, stderr } = await this.#run(takeScript(this.#id, content, breakId));
    if (exitCode === 0) return undefined;
    if (exitCode === held) return stdout;
    throw new ConnectionError(`the host's lock could not be taken: ${stderr.trim()}`);
  }

  async #run(script: string): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const output = await this.#transport.run(`${prologue()}\n${script}`, { timeLimit: 15 });
    return { exitCode: output.exitCode, stdout: output.stdout.toString(), stderr: output.stderr.toString() };
  }
}

function born(): string {
  return shellProgram('lib/hosts/files/born.sh');
}

/** Script text that takes the lock; see `take_lock.sh`. @param broken the id of a holder that is known to be dead, or nothing */
function takeScript(id: string, content: string, broken: string): string {
  const variables = `id=${id} content=${quote(content)} broken=${quote(broken)} lease=${lease}`;
  return [born(), trustedPath(), variables, shellProgram('lib/hosts/files/take_lock.sh')].join('\n');
}

/** Only for a lock that is still its own: what a lost one left would stay for good. */
function aliveScript(id: string, seconds: number): string {
  const alive = `"$kvm_play_run"/alive.${id}`;
  return `[ "$(sed -n 1p ${lockPath} 2>/dev/null)" = ${id} ] && now=$(cut -d. -f1 /proc/uptime) && echo "$((now + ${seconds}))" > ${alive}.new && mv -f ${alive}.new ${alive}`;
}

function releaseScript(id: string): string {
  return `[ "$(sed -n 1p ${lockPath} 2>/dev/null)" != ${id} ] || rm -f -- ${lockPath}; rm -f -- "$kvm_play_run"/alive.${id} "$kvm_play_run"/step.${id}`;
}

function locked(holder: string): LockedError {
  const [, , pid, since, who] = holder.split('\n');
  return new LockedError(
    `another run holds this host's lock: ${who}, process ${pid}, since ${since}; wait for it, or end it: its lock is then broken within ${lease} s`,
  );
}

/** Names this machine and its boot, without telling who it is. Process numbers mean something only together with it. */
function controllerId(): string {
  return createHash('sha256').update(bootId()).digest('hex').slice(0, 32);
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  } catch {
    return hostname();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
