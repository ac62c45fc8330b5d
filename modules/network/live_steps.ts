import { type CommandStep, command, type Undo } from '../../lib/task/step.ts';
import { portMacWord } from './arguments.ts';
import type { BridgeState } from './bridge_state.ts';
import { type LiveBridge, mtuOf } from './live.ts';

/**
 * Makes the steps that bring the options of a bridge that is there already to what is wanted, for stacks that set them only when they
 * make a bridge. A bridge that does not exist yet needs none.
 */
export function adjustBridge({ name, bridge, portNames }: BridgeState, live: LiveBridge): readonly CommandStep[] {
  if (bridge === 'absent' || !live.isBridge) return [];
  const { stp, delay, mtu } = bridge;
  const mac = bridge.mac === portMacWord ? live.macs[portNames.value[0] ?? ''] : bridge.mac;
  const hasStp = live.sys[`${name}/bridge/stp_state`] !== '0';
  const isOtherDelay = delay !== undefined && String(delay * 100) !== live.sys[`${name}/bridge/forward_delay`];
  const links = [name, ...portNames.value];
  return [
    // The kernel takes a forward delay below 2 s only without spanning tree.
    ...(stp === false && hasStp ? [step(['ip', 'link', 'set', 'dev', name, 'type', 'bridge', 'stp_state', '0'])] : []),
    ...(stp === true && isOtherDelay
      ? [step(['ip', 'link', 'set', 'dev', name, 'type', 'bridge', 'forward_delay', String((delay ?? 0) * 100)])]
      : []),
    ...(stp === true && !hasStp ? [step(['ip', 'link', 'set', 'dev', name, 'type', 'bridge', 'stp_state', '1'])] : []),
    ...(mtu === undefined
      ? []
      : links
          .toReversed()
          .filter((link) => mtuOf(live, link) !== mtu)
          .map((link) => step(['ip', 'link', 'set', 'dev', link, 'mtu', String(mtu)]))),
    ...(mac !== undefined && live.macs[name] !== mac ? [step(['ip', 'link', 'set', 'dev', name, 'address', mac])] : []),
  ];
}

/** Makes the steps that remove a bridge no file describes any more. One that guests are plugged into stays, without an address. */
export function removeBridge({ name, portNames }: BridgeState, live: LiveBridge): readonly CommandStep[] {
  if (!live.isBridge) return [];
  const ports = portNames.value;
  const unplug = ports
    .filter((port) => live.plugged.includes(port))
    .map((port) => step(['ip', 'link', 'set', 'dev', port, 'nomaster']));
  if (live.plugged.some((link) => !ports.includes(link))) {
    return [...unplug, step(['ip', 'address', 'flush', 'dev', name])];
  }
  // A rollback plugs the ports in again and gives the bridge what it had, once it is there.
  const again: Undo = { withOldFiles: [['ip', 'link', 'add', name, 'type', 'bridge']] };
  return [...unplug, step(['ip', 'link', 'delete', 'dev', name], again)];
}

function step(argv: readonly string[], undo?: Undo): CommandStep {
  return command(argv, { disrupts: 'link', judgedBy: 'state', timeLimit: 30, ...(undo && { undo }) });
}
