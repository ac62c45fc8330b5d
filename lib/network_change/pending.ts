import type { Host } from '../hosts/host.ts';
import { readNeighbours } from './neighbours.ts';
import { fingerprintOf, type NetworkChange } from './network_change.ts';
import { confirmMargin, OpenChange, type TellPhase } from './open_change.ts';
import { type Promises, prove } from './proof.ts';
import { isUnfinished, pendingError, readStatus } from './transaction.ts';

/** Tells whether an earlier run has left a network change that is neither confirmed nor rolled back. */
export async function hasPending(host: Host): Promise<boolean> {
  return isUnfinished(await readStatus(host.reader));
}

/**
 * Deals with a change that an earlier run has left pending. One of this very site is taken up: proved and confirmed, or rolled
 * back, and waited for. The caller looks again afterwards.
 * @throws PendingChangeError for another's, and in check mode for any
 */
export async function resolvePending(
  host: Host,
  changes: readonly NetworkChange[],
  { check, tell: tellOf }: { readonly check: boolean; readonly tell: (title: string) => TellPhase },
): Promise<void> {
  const found = await readStatus(host.reader);
  if (!isUnfinished(found)) return;
  const own = changes.find((change) => fingerprintOf(change) === found.fingerprint);
  if (check || own === undefined) throw pendingError(host.name, found, own !== undefined);
  await host.lock();
  const status = await readStatus(host.reader);
  if (!isUnfinished(status)) return;
  const tell = tellOf(own.title);
  tell('taking-up', { id: status.id });
  const open = OpenChange.pending(host, await promisesOf(host, own), status, tell);
  if (status.state === 'armed' && status.left !== undefined && status.left > confirmMargin) {
    const { complaints } = await prove(host, open.promises);
    if (complaints.length === 0) {
      await open.carryThrough(async () => []);
      return;
    }
  }
  await open.takeBack('an earlier run of this site did not confirm it');
}

/** What a change promises by itself: its probes, and the gateways that its tasks name. What the host had before is no longer known. */
async function promisesOf(
  host: Host,
  { tasks, options }: NetworkChange,
): Promise<Omit<Promises, 'before' | 'addresses'>> {
  const [neighbours, ...readings] = await Promise.all([
    readNeighbours(host.reader),
    ...tasks.map((task) => task.read(host.reader)),
  ]);
  const links = readings.flatMap(({ network }) => network.links);
  return { tasks, probes: options.prove ?? [], links, neighbours };
}
