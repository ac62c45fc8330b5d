import { ConnectionError, KvmPlayError } from '../../errors.ts';
import { type ConnectOptions, connect } from '../../hosts/connect.ts';
import type { Host } from '../../hosts/host.ts';
import { type HostSpec, hostName } from '../../hosts/ssh/host_spec.ts';
import { comparisonInWords, settledDifferences } from '../../network_change/differences.ts';
import {
  type ChangeStatus,
  compare,
  confirm,
  extend,
  isUnfinished,
  readStatus,
  requestRollBack,
} from '../../network_change/transaction.ts';
import { waitUntil } from '../../process/wait_until.ts';
import type { NetworkCommand } from '../options/command_line.ts';
import { exitCodes } from '../options/exit_codes.ts';

/** Seconds that a host may take to roll back after it was asked to. */
const rollBackLimit = 240;

/**
 * Shows, confirms, extends or rolls back the network change of one host.
 * @param print takes the result; the text begins with the host's name
 * @param complain takes the error, which begins in the same way
 * @returns the exit code
 */
export async function network(
  { action, seconds = 0 }: NetworkCommand,
  spec: HostSpec,
  options: ConnectOptions,
  print: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> {
  const named = (words: string): string => `${hostName(spec)}: ${words}`;
  try {
    const host = await connect(spec, options);
    try {
      const status = await readStatus(host.reader);
      if (action === 'status') {
        print(named(statusWords(await settled(host, status))));
        return exitCodes.ok;
      }
      if (!isUnfinished(status))
        throw new KvmPlayError(`no network change is pending; ${statusWords(status)}${undoWords(action, status)}`);
      const { words, isVerified = true } = await act(host, status, action, seconds);
      print(named(words));
      return isVerified ? exitCodes.ok : exitCodes.unverified;
    } finally {
      await host.close();
    }
  } catch (error) {
    if (!(error instanceof KvmPlayError)) throw error;
    complain(named(error.message));
    return error instanceof ConnectionError ? exitCodes.unreachable : exitCodes.failed;
  }
}

/** The result of an action. */
interface Done {
  readonly words: string;
  /** False if, after a rollback, the host may not be reachable as before, or could not be compared. Default true. */
  readonly isVerified?: boolean;
}

async function act(
  host: Host,
  { id }: ChangeStatus,
  action: Exclude<NetworkCommand['action'], 'status'>,
  seconds: number,
): Promise<Done> {
  switch (action) {
    case 'confirm':
      if (await confirm(host, id)) return { words: `the network change ${id} is confirmed: it stays` };
      break;
    case 'extend':
      if (await extend(host, id, seconds))
        return { words: `the network change ${id} rolls back in ${seconds} s unless it is confirmed` };
      break;
    case 'rollback':
      await requestRollBack(host, id);
      return awaitRollBack(host, id);
  }
  throw new KvmPlayError(`too late for the network change ${id}: ${statusWords(await readStatus(host.reader))}`);
}

/** Waits until the host has rolled back. The rollback may cut the connection. */
async function awaitRollBack(host: Host, id: string): Promise<Done> {
  const deadline = performance.now() + rollBackLimit * 1000;
  const look = async (): Promise<Done | 'pending' | 'reconnected'> => {
    try {
      const status = await readStatus(host.reader);
      if (status.id !== id || status.state !== 'rolled-back') return 'pending';
      const differences = await settledDifferences(status.differences, () => compare(host, id));
      return {
        words: `the network change ${id} is rolled back: ${comparisonInWords(differences)}`,
        isVerified: differences?.reach.length === 0,
      };
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      await host.reconnect({ within: (deadline - performance.now()) / 1000 });
      return 'reconnected';
    }
  };
  const done = await waitUntil(look, (seen) => typeof seen !== 'string', {
    within: rollBackLimit,
    interval: (seen) => (seen === 'reconnected' ? 0 : 0.5),
  });
  if (typeof done !== 'string') return done;
  throw new KvmPlayError(`the network change ${id} has not been rolled back within ${rollBackLimit} s`);
}

/** Compares a host again that was rolled back, until it is settled. A host that has not compared itself yet is not asked to: `status` only reads. */
async function settled(host: Host, status: ChangeStatus): Promise<ChangeStatus> {
  if (status.differences === undefined) return status;
  return { ...status, differences: await settledDifferences(status.differences, () => compare(host, status.id)) };
}

/** What was confirmed is no longer rolled back. */
function undoWords(action: NetworkCommand['action'], { state }: ChangeStatus): string {
  return action === 'rollback' && state === 'confirmed'
    ? "; to undo it, run a site whose tasks say state: 'absent', or restore the old files from /var/lib/kvm-play/change/last/files on the host (N.path says where file N belongs)"
    : '';
}

function statusWords({ state, id, title, owner, age, left, differences }: ChangeStatus): string {
  const change = `the network change ${id} ('${title}', by ${owner})`;
  switch (state) {
    case 'none':
      return 'there has been no network change';
    case 'armed':
      return age === undefined
        ? `${change} is pending since before the host was rebooted`
        : `${change} is pending for ${age} s; it rolls back in ${Math.max(0, left ?? 0)} s unless it is confirmed`;
    case 'rolling-back':
      return `${change} is being rolled back`;
    case 'confirmed':
      return `the last one, ${change}, was confirmed`;
    case 'rolled-back':
      return `the last one, ${change}, was rolled back${differences ? `: ${comparisonInWords(differences)}` : ''}`;
  }
}
