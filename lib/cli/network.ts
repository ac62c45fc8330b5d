import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, KvmPlayError } from '../errors.ts';
import { type ConnectOptions, connect } from '../hosts/connect.ts';
import type { Host } from '../hosts/host.ts';
import {
  type ChangeStatus,
  confirm,
  extend,
  isUnfinished,
  readStatus,
  requestRollBack,
} from '../network_change/transaction.ts';
import { exitCodes } from './exit_code.ts';
import type { NetworkCommand } from './options.ts';

/** Seconds in which a host must have gone back that was asked to. */
const rollBackLimit = 240;

/**
 * Does by hand what a run does with a network change.
 * @param print gets each line
 * @returns the exit code
 */
export async function network(
  { action, host: name, seconds = 0 }: NetworkCommand,
  options: ConnectOptions,
  print: (line: string) => void,
): Promise<number> {
  const connecting = connect(name, options);
  try {
    const host = await connecting;
    try {
      const status = await readStatus(host.reader);
      if (action === 'status') {
        print(statusWords(status));
        return exitCodes.ok;
      }
      if (!isUnfinished(status)) throw new KvmPlayError(`no network change is pending; ${statusWords(status)}`);
      print(await act(host, status, action, seconds));
      return exitCodes.ok;
    } finally {
      await host.close();
    }
  } catch (error) {
    if (!(error instanceof KvmPlayError)) throw error;
    print(`${name}: ${error.message}`);
    return error instanceof ConnectionError ? exitCodes.unreachable : exitCodes.failed;
  }
}

async function act(
  host: Host,
  { id }: ChangeStatus,
  action: Exclude<NetworkCommand['action'], 'status'>,
  seconds: number,
): Promise<string> {
  switch (action) {
    case 'confirm':
      if (await confirm(host, id)) return `the network change ${id} is confirmed: it stays`;
      break;
    case 'extend':
      if (await extend(host, id, seconds))
        return `the network change ${id} rolls back in ${seconds} s unless it is confirmed`;
      break;
    case 'rollback':
      await requestRollBack(host, id);
      return awaitRollBack(host, id);
  }
  throw new KvmPlayError(`too late for the network change ${id}: ${statusWords(await readStatus(host.reader))}`);
}

/** The connection may be cut by what is waited for. */
async function awaitRollBack(host: Host, id: string): Promise<string> {
  const deadline = performance.now() + rollBackLimit * 1000;
  while (performance.now() < deadline) {
    await host.reconnect({ within: (deadline - performance.now()) / 1000 });
    const status = await readStatus(host.reader).catch((error: unknown) => {
      if (error instanceof ConnectionError) return undefined;
      throw error;
    });
    if (status?.id === id && status.state === 'rolled-back') return `the network change ${id} is rolled back`;
    await sleep(500);
  }
  throw new KvmPlayError(`the network change ${id} has not been rolled back within ${rollBackLimit} s`);
}

function statusWords({ state, id, title, owner, age, left }: ChangeStatus): string {
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
      return `the last one, ${change}, was rolled back`;
  }
}
