import { ConnectionError, RollBackUnverifiedError, RolledBackError } from './errors.ts';
import { type HostSummary, nothingCounted, type PlayEvent, type Summary, taskName } from './events.ts';
import { asError } from './host_report.ts';
import { runOnHost } from './host_run.ts';
import type { ConnectOptions } from './hosts/connect.ts';
import { Connections } from './hosts/connections.ts';
import { type HostSpec, hostName, parseHost } from './hosts/host_spec.ts';
import { type PlayItem, tasksOf } from './network_change/network_change.ts';
import { checkNames, type Play, type Values } from './play.ts';

/** How to run plays. */
export interface RunOptions extends ConnectOptions {
  /** Only say what would change. Default false. */
  readonly check?: boolean;
  /** Hosts in place of the plays' own, as `[user@]name[:port]` or in parts. */
  readonly hosts?: readonly (string | HostSpec)[];
  /** Values for the plays' variables. */
  readonly vars?: Values;
  /** Become root by `sudo -n` on every host, besides the plays that say so. Default false. */
  readonly become?: boolean;
  /** Allows a step that cuts the links of this very machine. Default false. */
  readonly restartOwnNetwork?: boolean;
  /** Connections that are being opened at a time; once open, all hosts go side by side. Default 32. */
  readonly forks?: number;
  /** Connections that are on their way already; then what else is said of them here does not count. */
  readonly connections?: Connections;
  /** Ends the run: the step under way is finished, no further one is taken. */
  readonly signal?: AbortSignal;
  /** Gets every event as it happens. It must not throw. */
  readonly onEvent?: (event: PlayEvent) => void;
}

/**
 * Runs plays, one after the other, each on all its hosts side by side. What fails on a host ends that host, and no other.
 * Nothing is printed, and the process is not ended: everything is told through `onEvent` and the summary.
 * @throws PlaybookError, ArgumentError before anything was attempted; failures of tasks and hosts are in the summary
 *
 * @example
 * ```ts
 * const summary = await run(site, { hosts: ['root@kvm1'], check: true, onEvent: (event) => console.log(event.type) });
 * ```
 */
export async function run(plays: Play | readonly Play[], options: RunOptions = {}): Promise<Summary> {
  const list: readonly Play[] = 'build' in plays ? [plays] : plays;
  checkNames(list, options.vars ?? {});
  const built = list.map((play) => ({ play, items: play.build(options.vars), hosts: hostsOf(play, options) }));

  const connections = options.connections ?? new Connections(options);

  const tally = new Tally();
  const emit = (event: PlayEvent): void => {
    tally.count(event);
    options.onEvent?.(event);
  };
  const { check = false, signal } = options;
  emit({ type: 'run-start', check });
  for (const { play, items, hosts } of built) {
    if (signal?.aborted) break;
    const going = hosts.filter((host) => tally.isGoing(hostName(host)));
    emit({ type: 'play-start', play: play.name, hosts: going.map(hostName), tasks: tasksOf(items).map(taskName) });
    await Promise.all(going.map((host) => playOnHost(connections, host, play, items, options, emit)));
  }
  const summary: Summary = { check, hosts: tally.hosts(), interrupted: signal?.aborted ?? false };
  emit({ type: 'run-end', summary });
  return summary;
}

async function playOnHost(
  connections: Connections,
  spec: HostSpec,
  play: Play,
  items: readonly PlayItem[],
  options: RunOptions,
  emit: (event: PlayEvent) => void,
): Promise<void> {
  const name = hostName(spec);
  const become = play.become || (options.become ?? false);
  try {
    const host = await connections.prepare(spec, become);
    try {
      await runOnHost(host, items, options, emit);
    } finally {
      await host.close();
    }
  } catch (error) {
    // What is no trouble with the connection must not look like one.
    const type = error instanceof ConnectionError ? 'host-unreachable' : 'host-failed';
    emit({ type, host: name, error: asError(error) });
  }
}

function hostsOf(play: Play, { hosts }: RunOptions): readonly HostSpec[] {
  const specs = hosts?.map((host) => (typeof host === 'string' ? parseHost(host) : host)) ?? play.hosts;
  return [...new Map(specs.map((spec) => [hostName(spec), spec])).values()];
}

/** What became of a network change, by the error that ended it. */
function outcomeOf(error: Error): Partial<HostSummary> {
  if (error instanceof RolledBackError) return { rolledBack: 1 };
  return error instanceof RollBackUnverifiedError ? { unverified: 1 } : {};
}

/** Counts events by host. */
class Tally {
  readonly #hosts = new Map<string, HostSummary>();

  count(event: PlayEvent): void {
    switch (event.type) {
      case 'play-start':
        for (const host of event.hosts) this.#add(host, {});
        break;
      case 'task-end':
        this.#add(event.host, {
          [event.status]: 1,
          warnings: event.result?.warnings.length ?? 0,
          ...(event.error && outcomeOf(event.error)),
        });
        break;
      case 'host-unreachable':
        this.#add(event.host, { unreachable: 1 });
        break;
      case 'host-failed':
        this.#add(event.host, { failed: 1, ...outcomeOf(event.error) });
        break;
      default:
    }
  }

  /** A host that failed or was lost takes no part in later plays. */
  isGoing(host: string): boolean {
    const counts = this.#hosts.get(host);
    return counts === undefined || (counts.failed === 0 && counts.unreachable === 0);
  }

  hosts(): Readonly<Record<string, HostSummary>> {
    return Object.fromEntries(this.#hosts);
  }

  #add(host: string, more: Partial<HostSummary>): void {
    const counts = this.#hosts.get(host) ?? nothingCounted;
    this.#hosts.set(host, {
      ok: counts.ok + (more.ok ?? 0),
      changed: counts.changed + (more.changed ?? 0),
      failed: counts.failed + (more.failed ?? 0),
      skipped: counts.skipped + (more.skipped ?? 0),
      unreachable: counts.unreachable + (more.unreachable ?? 0),
      warnings: counts.warnings + (more.warnings ?? 0),
      rolledBack: counts.rolledBack + (more.rolledBack ?? 0),
      unverified: counts.unverified + (more.unverified ?? 0),
    });
  }
}
