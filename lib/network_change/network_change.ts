import { createHash } from 'node:crypto';
import type { Location } from '../errors.ts';
import { PlaybookError } from '../errors.ts';
import { callerLocation } from '../task/location.ts';
import type { Task } from '../task/task.ts';
import { fromUser } from '../task/user_code.ts';
import { refuseUnknownKeys } from '../validation/known_keys.ts';
import { refuseOtherItems, refuseWrongTypes, shown } from '../validation/option_types.ts';
import { refuseUnwritable } from '../validation/texts.ts';

/** A probe of the user's own: something that must still answer after a network change. */
export type Probe =
  /** A TCP port that accepts connections, `name:port` or `[address]:port`. */
  | { readonly tcp: string; readonly from?: ProbeSide }
  /** A name or an address that answers a ping. */
  | { readonly ping: string; readonly from?: ProbeSide };

/** Where a probe starts: on the host that is changed (the default), or on the machine that runs kvm-play. */
export type ProbeSide = 'host' | 'controller';

/** How a network change is made and proved. */
export interface NetworkChangeOptions {
  /** The name of the change in reports. Default: `network change`. */
  readonly title?: string;
  /**
   * Seconds from arming the rollback until the host rolls the change back by itself, unless it was confirmed; at least 10.
   * Default: the time that the tasks' links take to come up (with spanning tree twice the delay and more), plus 30 for a DHCP
   * server, plus 30; at least 60.
   */
  readonly confirmWithin?: number;
  /** Addresses at which the host may answer afterwards, besides its present address and those that its tasks give it. */
  readonly reachAt?: readonly string[];
  /** The user's own probes. Those that fail before the change are ignored. */
  readonly prove?: readonly Probe[];
}

/** Tasks that together change how a host is reached. */
export interface NetworkChange {
  readonly kind: 'network-change';
  readonly title: string;
  readonly options: NetworkChangeOptions;
  readonly tasks: readonly Task[];
  readonly location: Location | undefined;
}

/**
 * Wraps the tasks that can cut the link to a host. They are planned together, from one set of reads. Before the first write the host
 * arms a rollback. The host rolls the change back by itself unless the controller reached it over a new connection, everything that
 * was promised held, and the change was confirmed. It does so even if the controller died or the host was rebooted.
 * @param options how the change is proved, and in what time
 * @param tasks in order
 * @throws PlaybookError for invalid options, and for tasks that cannot be part of a network change
 *
 * @example
 * ```ts
 * const bridge = ifcfgBridge({ name: 'br0', port: 'ens33', bootproto: 'dhcp' });
 * networkChange({ confirmWithin: 90, prove: [{ tcp: 'dns.example.org:53' }] }, [
 *   bridge,
 *   service({ name: 'network', enabled: true, reflects: [bridge], disrupts: ['link'] }),
 * ]);
 * ```
 */
export function networkChange(options: NetworkChangeOptions, tasks: readonly Task[]): NetworkChange {
  const location = callerLocation();
  fromUser({ title: 'network change', location }, () => {
    refuseUnknownKeys('networkChange', options, ['title', 'confirmWithin', 'reachAt', 'prove']);
    refuseWrongTypes('networkChange', options, { title: 'text', reachAt: 'texts', prove: 'list' });
    refuseUnwritable('networkChange', { title: options.title ?? '' });
    refuseOtherItems('networkChange', tasks);
  });
  const { title = 'network change' } = options;
  const wrong = whatIsWrong(options, tasks);
  if (wrong !== undefined) throw new PlaybookError(`networkChange: ${wrong}`).at({ task: title, location });
  return Object.freeze({ kind: 'network-change', title, options, tasks, location });
}

/** Returns a fingerprint that is equal for the same wanted change, in this run and in another. */
export function fingerprintOf({ tasks }: NetworkChange): string {
  const all = tasks.map(({ fingerprint }) => fingerprint);
  return createHash('sha256').update(all.join()).digest('hex');
}

/** Shows a probe to a person. */
export function probeWords(probe: Probe): string {
  const what = 'tcp' in probe ? `TCP port ${probe.tcp} answers` : `${probe.ping} answers a ping`;
  return `${what} (from the ${probe.from ?? 'host'})`;
}

/** Reads `name:port`; undefined when it is none. */
export function parsePort(text: string): { name: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const name = bracketed ?? plain;
  const number = Number(port);
  return name === undefined || number < 1 || number > 65535 ? undefined : { name, port: number };
}

function whatIsWrong(options: NetworkChangeOptions, tasks: readonly Task[]): string | undefined {
  const { confirmWithin, prove = [], reachAt = [] } = options;
  if (tasks.length === 0) return 'it holds no tasks';
  const item = tasks.find((task: object) => 'kind' in task);
  if (item !== undefined) {
    return `'${item.title}' cannot be part of it: a network change holds tasks only; a block around the change takes 'when' and 'rescue'`;
  }
  const odd = tasks.find(
    (task) => [task.when, task.retry, task.become].some((each) => each !== undefined) || task.mayFail,
  );
  if (odd !== undefined) {
    return `its tasks are planned and proved as a whole, so '${odd.title}' takes no 'when', 'mayFail', 'retry', 'until' or 'become' of its own; a block around the change takes 'when', 'rescue' and 'become'`;
  }
  if (confirmWithin !== undefined && !(Number.isInteger(confirmWithin) && confirmWithin >= 10)) {
    return `'confirmWithin' is a whole number of seconds, 10 or more, and is ${confirmWithin}`;
  }
  const irreversible = tasks.find(({ isIrreversible }) => isIrreversible);
  if (irreversible !== undefined) {
    return `'${irreversible.title}' cannot be part of it: what the module ${irreversible.module} does cannot be taken back; put the task before or after the network change`;
  }
  const secret = tasks.find(({ secrets }) => secrets.length > 0);
  if (secret !== undefined) {
    return `'${secret.title}' cannot be part of it: it holds a secret, and a network change keeps what it replaces on the host until the next one; put the task before or after the network change`;
  }
  for (const address of reachAt) {
    if (!isName(address)) return `'reachAt' has ${JSON.stringify(address)}, which is no address`;
  }
  for (const probe of prove) {
    if (typeof probe !== 'object' || probe === null || !('tcp' in probe || 'ping' in probe)) {
      return `a probe is ${shown(probe)}; write { tcp: 'name:port' } or { ping: 'name' }`;
    }
    const from: unknown = probe.from;
    if (from !== undefined && from !== 'host' && from !== 'controller') {
      return `a probe's 'from' is ${shown(from)}, and must be 'host' or 'controller'`;
    }
    const odd = Object.keys(probe).find((key) => !['tcp', 'ping', 'from'].includes(key));
    if (odd !== undefined) return `a probe has no '${odd}'; there are tcp, ping and from`;
    if ('tcp' in probe && parsePort(probe.tcp) === undefined) {
      return `a TCP probe is written as name:port, and one is ${JSON.stringify(probe.tcp)}`;
    }
    const name = 'tcp' in probe ? (parsePort(probe.tcp)?.name ?? '') : probe.ping;
    if (!isName(name)) return `a probe's ${JSON.stringify(name)} is neither a name nor an address`;
  }
  return undefined;
}

function isName(text: string): boolean {
  return /^[A-Za-z0-9_:.%][A-Za-z0-9_:.%-]*$/.test(text);
}
