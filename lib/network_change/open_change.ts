import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { clearMarker } from '../engine/marker.ts';
import type { TakeOptions } from '../engine/take_steps.ts';
import {
  CommandError,
  ConnectionError,
  ConvergenceError,
  InterruptedError,
  LockedError,
  RollBackUnverifiedError,
  RolledBackError,
} from '../errors.ts';
import type { ChangePlan, NetworkChangePhase } from '../events/events.ts';
import type { Host } from '../hosts/host.ts';
import { waitUntil } from '../process/wait_until.ts';
import type { Task } from '../task/task.ts';
import { ArmedHost } from './armed_host.ts';
import { comparisonInWords, type Differences, settledDifferences } from './differences.ts';
import { type Promises, type Proof, prove } from './proof.ts';
import {
  begin,
  type ChangeStatus,
  compare,
  confirm,
  cutStep,
  isPending,
  isUnfinished,
  newId,
  pendingError,
  readStatus,
  requestRollBack,
  type Touched,
} from './transaction.ts';

/** Seconds before the deadline at which proving ends, so that the confirmation arrives in time. */
export const confirmMargin = 3;
/** Seconds to wait for a state that depends on this host alone; if it has not come about by then, it never will. */
const ownLimit = 30;
/** Seconds after the deadline within which the host must have rolled the change back. */
const rollBackLimit = 240;
/** Seconds for one attempt to reach a host that is rolling back; another attempt follows. */
const reachLimit = 10;
/** Seconds to wait for the first answer, because the old connection may hang. */
const firstPatience = 8;
/** How often the host is asked to compare itself where its answers get lost. */
const comparisons = 3;
/** Seconds between two looks. */
const lookInterval = 0.5;

/** What belongs to a phase of a network change. */
export interface PhaseDetails {
  readonly id?: string;
  readonly reason?: string;
  readonly plan?: ChangePlan;
  /** The task that is applied. */
  readonly task?: Task;
}

/** Gets each phase of a network change as it begins. */
export type TellPhase = (phase: NetworkChangePhase, details?: PhaseDetails) => void;

/** A change that is armed on the host, until it is confirmed or rolled back. */
export class OpenChange {
  readonly promises: Promises;
  readonly #host: Host;
  readonly #id: string;
  readonly #tell: TellPhase;
  /** The deadline by this machine's monotonic clock; never later than the host's own. */
  readonly #deadline: number;

  /** Seconds in which an answer is expected. */
  #patience = firstPatience;

  /** The host, for steps that belong to the change. */
  readonly host: Host;

  private constructor(host: Host, id: string, deadline: number, promises: Promises, tell: TellPhase) {
    this.#host = host;
    this.host = new ArmedHost(host, id);
    this.#id = id;
    this.#deadline = deadline;
    this.promises = promises;
    this.#tell = tell;
  }

  /**
   * Takes the snapshot and arms the way back. A run of the same site that died while it did so may have left it armed.
   * @throws PendingChangeError, CommandError: nothing was changed then
   */
  static async begin(host: Host, touched: Touched, promises: Promises, tell: TellPhase): Promise<OpenChange> {
    try {
      return await OpenChange.#arm(host, touched, promises, tell);
    } catch (error) {
      if (!isPending(error)) throw error;
      const status = await readStatus(host.reader);
      if (status.fingerprint !== touched.fingerprint) throw pendingError(host.name, status, false);
      const nothing = { probes: [], links: [], neighbours: undefined };
      const left = OpenChange.pending(host, { tasks: promises.tasks, ...nothing }, status, tell);
      await left.takeBack('an earlier run of this site died while it armed the rollback');
      return OpenChange.#arm(host, touched, promises, tell);
    }
  }

  static async #arm(host: Host, touched: Touched, promises: Promises, tell: TellPhase): Promise<OpenChange> {
    const id = newId();
    const open = new OpenChange(host, id, performance.now() + touched.limit * 1000, promises, tell);
    try {
      await begin(host, id, touched);
    } catch (error) {
      // Only the answer may have been lost.
      if (error instanceof ConnectionError) await open.goBack(error.message, error);
      throw error;
    }
    await host.log(`network change ${id} armed: it rolls back in ${touched.limit} s unless it is confirmed`);
    tell('armed', { id });
    return open;
  }

  /** Takes up the pending change of an earlier run. The state of the host before that change is no longer known here. */
  static pending(
    host: Host,
    known: Omit<Promises, 'before' | 'addresses'>,
    { id, left = 0 }: ChangeStatus,
    tell: TellPhase,
  ): OpenChange {
    const nothing = { connection: undefined, way: undefined, addresses: [], gateways: [] };
    const before = { ...nothing, masters: new Map<string, string>(), macs: new Map<string, string>() };
    const promises = { ...known, before, addresses: [] };
    return new OpenChange(host, id, performance.now() + left * 1000, promises, tell);
  }

  /** Options for steps that cut the link: the host learns which process runs them, and the controller where to reach it afterwards. */
  detached(): NonNullable<TakeOptions['detached']> {
    return { first: cutStep(this.#id), within: this.#left(), at: this.#elsewhere() };
  }

  /** Opens the new connection over which the change is proved; the old one proves nothing. */
  async reconnect(): Promise<void> {
    await this.#host.reconnect({ within: this.#left(), at: this.#elsewhere() });
  }

  /** Does the work and confirms it; whatever goes wrong, the host goes back. @throws RolledBackError, RollBackUnverifiedError */
  async carryThrough<T>(work: () => Promise<T>): Promise<T> {
    let done: { readonly result: T } | undefined;
    try {
      done = { result: await work() };
      this.#tell('confirming', { id: this.#id });
      await this.#confirm();
    } catch (error) {
      await this.goBack(error instanceof Error ? error.message : String(error), error);
      // The host says that it is confirmed: only the answer was lost.
      if (done === undefined) throw error;
    }
    await this.#confirmed();
    return done.result;
  }

  /**
   * Waits until everything holds that was promised.
   * @param signal ends the waiting, and so the change
   * @throws ConvergenceError that names what does not; InterruptedError
   */
  async proved(signal?: AbortSignal): Promise<Proof> {
    this.#tell('proving', { id: this.#id });
    const started = performance.now();
    const isHopeless = ({ complaints }: Proof): boolean =>
      complaints.some(({ mayCome }) => !mayCome) && performance.now() - started > ownLimit * 1000;
    const proof = await waitUntil(
      () => this.#look(),
      (seen) => seen.complaints.length === 0 || isHopeless(seen),
      {
        within: this.#left(),
        interval: lookInterval,
        signal,
        interrupted: () => new InterruptedError('interrupted while it was proved'),
      },
    );
    if (proof.complaints.length === 0) return proof;
    throw new ConvergenceError(proof.complaints.map(({ words }) => words).join('\n'));
  }

  /**
   * A link that goes down while it is proved may come back: that is what the time is for. A connection that hangs is not waited
   * for, in case that another one works; but the next one gets more time.
   */
  async #look(): Promise<Proof> {
    try {
      return await within(this.#patience, prove(this.#host, this.promises));
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#patience = Math.min(2 * this.#patience, ownLimit);
      await this.reconnect();
      return { complaints: [{ words: error.message, mayCome: true }], warnings: new Map(), lost: [] };
    }
  }

  /** Confirms the change, and asks again while there is time if the answer is lost. @throws ConvergenceError when it is too late */
  async #confirm(): Promise<void> {
    await pRetry(
      async (attempt) => {
        if (attempt > 1) {
          this.#patience = Math.min(2 * this.#patience, ownLimit);
          await this.reconnect();
        }
        if (await within(this.#patience, confirm(this.#host, this.#id))) return;
        throw new ConvergenceError('the confirmation came too late');
      },
      {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        shouldRetry: ({ error }) => error instanceof ConnectionError && this.#left() > 0,
      },
    );
  }

  async #confirmed(): Promise<void> {
    this.#tell('confirmed', { id: this.#id });
    await this.#host.log(`network change ${this.#id} confirmed`);
    try {
      await this.#clearMarkers();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      // What was confirmed stays: a link that is down for a moment is no reason to call the host lost.
      await this.#host.reconnect({ within: ownLimit, at: this.#elsewhere() });
      await this.#clearMarkers();
    }
  }

  async #clearMarkers(): Promise<void> {
    for (const task of this.promises.tasks)
      for (const reflected of task.reflects) await clearMarker(this.#host, reflected);
  }

  /**
   * Has the host go back, waits for that, and for its comparison with what it was. Returns where the change turns out to be confirmed,
   * or never to have been armed.
   * @throws RolledBackError, RollBackUnverifiedError
   */
  async goBack(reason: string, cause?: unknown): Promise<void> {
    this.#tell('rolling-back', { id: this.#id, reason });
    const end = await this.#awaitEnd();
    if (end?.state === 'confirmed' || end?.state === 'none') return;
    if (end?.state !== 'rolled-back') {
      throw new RollBackUnverifiedError(
        `${reason}\nthe network change ${this.#id} was not confirmed, and its rollback could not be verified (${end?.state ?? 'the host does not answer'}); it keeps its own record in /var/lib/kvm-play/change`,
        { cause },
      );
    }
    const differences = await settledDifferences(end.differences, () => this.#compare());
    const words = comparisonInWords(differences);
    if (differences === undefined || differences.reach.length > 0) {
      throw new RollBackUnverifiedError(
        `${reason}\nthe network change ${this.#id} was rolled back, and its rollback could not be verified: ${words}`,
        { cause },
      );
    }
    this.#tell('rolled-back', { id: this.#id, reason: words });
    throw new RolledBackError(`${reason}\nthe network change was rolled back: ${words}`, { cause });
  }

  /** Like {@link goBack}, for a rollback that the user asked for. @throws RollBackUnverifiedError */
  async takeBack(reason: string): Promise<void> {
    await this.goBack(reason).catch((error: unknown) => {
      if (!(error instanceof RolledBackError)) throw error;
    });
  }

  /**
   * Where the host cannot be asked to go back, its own timer does it.
   * @returns `none` when it knows nothing of the change; undefined when the host was not heard from
   */
  async #awaitEnd(): Promise<Pick<ChangeStatus, 'state' | 'differences'> | undefined> {
    let end: Pick<ChangeStatus, 'state' | 'differences'> | undefined;
    let isRequested = false;
    // What is open is asked first: a firewall may count new connections.
    let isOpen = true;
    const look = async (): Promise<typeof end> => {
      try {
        if (!isOpen) await this.#host.reconnect({ within: reachLimit, at: this.#elsewhere() });
        isOpen = true;
        const status = await within(firstPatience, readStatus(this.#host.reader));
        end = status.id === this.#id ? status : { state: 'none', differences: undefined };
        if (isUnfinished(end) && !isRequested)
          isRequested = await within(firstPatience, requestRollBack(this.#host, this.#id));
      } catch (error) {
        if (error instanceof ConnectionError) isOpen = false;
        // A run that has lost the host's lock may ask for nothing more; the host goes back by itself.
        const isPassing = [ConnectionError, CommandError, LockedError].some((kind) => error instanceof kind);
        if (!isPassing) throw error;
      }
      return end;
    };
    return waitUntil(look, (seen) => seen !== undefined && !isUnfinished(seen), {
      within: Math.max(0, this.#left()) + rollBackLimit,
      interval: lookInterval,
    });
  }

  /** Has the host compare itself. It is asked several times, because one that was rebooted may still be booting. */
  async #compare(): Promise<Differences | undefined> {
    const mayPass = (error: unknown): boolean => error instanceof ConnectionError || error instanceof CommandError;
    try {
      return await pRetry(() => compare(this.#host, this.#id), {
        retries: comparisons - 1,
        minTimeout: 0,
        shouldRetry: ({ error }) => mayPass(error),
        onFailedAttempt: async ({ error }) => {
          if (mayPass(error)) await this.#host.reconnect({ within: ownLimit, at: this.#elsewhere() }).catch(() => {});
        },
      });
    } catch (error) {
      if (!mayPass(error)) throw error;
      return undefined;
    }
  }

  /** Further addresses at which the host may answer. */
  #elsewhere(): readonly string[] {
    const { before, addresses } = this.promises;
    return addresses.filter((address) => address !== before.connection?.local);
  }

  /** Seconds until proving has to end. */
  #left(): number {
    return (this.#deadline - performance.now()) / 1000 - confirmMargin;
  }
}

/** @throws ConnectionError when it takes longer than so many seconds */
async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: timer.signal }).then(() => {
    throw new ConnectionError(`no answer within ${seconds} s`);
  });
  // Once the work has ended, nobody waits for it any more.
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
