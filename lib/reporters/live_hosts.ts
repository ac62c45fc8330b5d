import type { HostPhase, NetworkChangePhase, PlayEvent } from '../events/events.ts';

/** What a host is doing. */
export interface Activity {
  readonly kind: 'waiting' | 'connecting' | 'change' | 'other';
  readonly words: string;
  /** When it began, in milliseconds of the caller's clock. */
  readonly since: number;
  /** When the host rolls back by itself. */
  readonly deadline?: number;
  /** The host is rolling back. */
  readonly isUndoing?: boolean;
}

/** A host in the current play. */
export interface LiveHost {
  readonly name: string;
  readonly activity: Activity;
  readonly done: number;
  readonly known: number;
  readonly hasEnded: boolean;
  readonly hasFailed: boolean;
}

type ChangeEvent = Extract<PlayEvent, { type: 'network-change' }>;

const phaseWords: Readonly<Record<Exclude<HostPhase, 'ended' | 'not-begun'>, string>> = {
  connecting: 'connecting',
  looking: 'looking at all tasks',
  verifying: 'looking at all tasks once more',
};

const changeWords: Readonly<Record<Exclude<NetworkChangePhase, 'planned'>, string>> = {
  'taking-up': 'taking up what an earlier run has left',
  looking: 'looking',
  arming: 'arming the rollback',
  armed: 'armed',
  applying: 'applying',
  reached: 'reached again',
  proving: 'proving',
  confirming: 'confirming',
  confirmed: 'confirmed',
  'rolling-back': 'rolling back',
  'rolled-back': 'rolled back',
};

/** Phases of a network change in which the host will roll back by itself unless the change is confirmed in time. */
const pending: ReadonlySet<NetworkChangePhase> = new Set(['armed', 'applying', 'reached', 'proving', 'confirming']);

/** Keeps track of what each host of the current play is doing. */
export class LiveHosts {
  readonly #hosts = new Map<string, LiveHost>();
  /** When the network change of a host is rolled back unless it is confirmed. */
  readonly #deadlines = new Map<string, number>();

  /** Takes an event. @param now milliseconds of a clock that never goes back */
  add(event: PlayEvent, now: number): void {
    switch (event.type) {
      case 'run-start':
        this.#begin([], 0, now);
        break;
      case 'play-start':
        this.#begin(event.hosts, event.tasks.length, now);
        break;
      case 'host-phase':
        if (event.phase === 'ended' || event.phase === 'not-begun') this.#end(event.host);
        else this.#at(event.host, { kind: kindOf(event.phase), words: phaseWords[event.phase], since: now });
        break;
      case 'task-start':
        this.#at(event.host, { kind: 'other', words: event.task.title, since: now });
        break;
      case 'task-end':
        this.#count(event.host, event.status === 'failed' && event.handling === undefined);
        this.#at(event.host, { kind: 'other', words: 'going on', since: now });
        break;
      case 'network-change':
        this.#change(event, now);
        break;
      case 'host-unreachable':
      case 'host-failed':
        this.#set(event.host, { hasFailed: true });
        break;
      default:
    }
  }

  /** The hosts of the current play, in its order. */
  all(): readonly LiveHost[] {
    return [...this.#hosts.values()];
  }

  #begin(names: readonly string[], known: number, now: number): void {
    this.#hosts.clear();
    this.#deadlines.clear();
    const activity: Activity = { kind: 'waiting', words: 'waiting', since: now };
    for (const name of names)
      this.#hosts.set(name, { name, activity, done: 0, known, hasEnded: false, hasFailed: false });
  }

  #change({ host, title, phase, reason, plan }: ChangeEvent, now: number): void {
    if (phase === 'planned') return;
    // As the controller itself counts: never later than the host.
    if (plan !== undefined) this.#deadlines.set(host, now + plan.confirmWithin * 1000);
    const deadline = pending.has(phase) ? this.#deadlines.get(host) : undefined;
    const words = phase === 'applying' && reason !== undefined ? `applying ${reason}` : changeWords[phase];
    this.#at(host, {
      kind: 'change',
      words: `${title}: ${words}`,
      since: now,
      ...(deadline !== undefined && { deadline }),
      ...(phase === 'rolling-back' && { isUndoing: true }),
    });
  }

  /** A rescue, or tasks that are made in their turn, are more than was known. */
  #count(name: string, hasFailed: boolean): void {
    const host = this.#hosts.get(name);
    if (host === undefined) return;
    const done = host.done + 1;
    this.#set(name, { done, known: Math.max(host.known, done), ...(hasFailed && { hasFailed }) });
  }

  /** Its values may have made fewer tasks than those of the first host. */
  #end(name: string): void {
    const host = this.#hosts.get(name);
    if (host !== undefined) this.#set(name, { hasEnded: true, known: host.done });
  }

  #at(name: string, activity: Activity): void {
    this.#set(name, { activity });
  }

  #set(name: string, more: Partial<LiveHost>): void {
    const host = this.#hosts.get(name);
    if (host !== undefined) this.#hosts.set(name, { ...host, ...more });
  }
}

function kindOf(phase: HostPhase): Activity['kind'] {
  return phase === 'connecting' ? 'connecting' : 'other';
}
