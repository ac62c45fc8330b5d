import type { Host } from '../hosts/host.ts';
import { fingerprintOf, type NetworkChange } from './network_change.ts';
import { confirmMargin, OpenChange, type TellPhase } from './open_change.ts';
import { prove } from './proof.ts';
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
  if (check || own === undefined) throw pendingError(found, own !== undefined);
  await host.lock();
  const status = await readStatus(host.reader);
  if (!isUnfinished(status)) return;
  const tell = tellOf(own.title);
  tell('taking-up', { id: status.id });
  const open = OpenChange.pending(host, { tasks: own.tasks, probes: own.options.prove ?? [] }, status, tell);
  if (status.state === 'armed' && status.left !== undefined && status.left > confirmMargin) {
    const { complaints } = await prove(host, open.promises);
    if (complaints.length === 0) {
      await open.carryThrough(async () => []);
      return;
    }
  }
  await open.takeBack('an earlier run of this site did not confirm it');
}
