import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import { type Difference, once } from '../lib/task/diff.ts';
import { command, type Step } from '../lib/task/step.ts';
import type { Task, TaskOptions } from '../lib/task/task.ts';
import type { BridgeState } from './network/bridge_state.ts';
import type { FoundNetwork, NetworkState, ReflectedBridge } from './network/loading.ts';
import { bridgeStateOf, type IfcfgBridgeState } from './network/network_scripts/state.ts';
import { onUse } from './network/on_use.ts';

/** Arguments of {@link network}: there are none besides the option `reflects`, which names the bridges. */
export type NetworkLoadArgs = Readonly<Record<never, never>>;

/**
 * Loads what `bridge` and `ifcfg_bridge` tasks have written, by whatever the network stack of the host needs for it: `networkctl reload`,
 * `nmcli connection load`, `netplan generate`, `ifup`, or a restart of the service `network`. It does so when something is not in force,
 * and only then.
 *
 * @example
 * ```ts
 * const br0 = bridge({ name: 'br0', port: 'ens33' });
 * const loaded = network({ reflects: [br0], disrupts: ['link'] });
 * ```
 */
export const network: Module<NetworkLoadArgs, NetworkState> = defineModule({
  name: 'network',
  args: v.strictObject({}),
  needsRoot: true,
  desired,
  subject: ({ bridges }) => bridges.value.map(({ desired: { name } }) => name).join(', '),
  read: async (host, wanted) => (await onUse()).readNetwork(host, wanted),
  plan,
  loads: true,
});

function desired(_args: NetworkLoadArgs, { reflects = [] }: TaskOptions): NetworkState {
  if (reflects.length === 0) {
    throw new ArgumentError("network: 'reflects' is missing: the bridges that it loads, e.g. reflects: [br0]");
  }
  return { bridges: once(reflects.map(bridgeOf)), enabled: true };
}

function bridgeOf(task: Task): ReflectedBridge {
  if (isBridgeTask(task)) return { desired: task.desired };
  if (isIfcfgBridgeTask(task)) return { desired: bridgeStateOf(task.desired), stack: 'network-scripts' };
  throw new ArgumentError(
    `network: 'reflects' names '${task.title}' of the module ${task.module}; it loads what the modules bridge and ifcfg_bridge have written`,
  );
}

function isBridgeTask(task: Task): task is Task<BridgeState> {
  return task.module === 'bridge';
}

function isIfcfgBridgeTask(task: Task): task is Task<IfcfgBridgeState> {
  return task.module === 'ifcfg_bridge';
}

function plan(
  { found }: ModuleReading<NetworkState, FoundNetwork>,
  _desired: NetworkState,
  due: readonly Difference[],
): readonly Step[] {
  if (found.refusals.length > 0) throw new UnsupportedChangeError(found.refusals.join('; '));
  const enable = found.disabled.map((unit) => command(['systemctl', 'enable', unit], { units: [unit] }));
  // Two stacks on one host: only that is loaded which has something due.
  const isDue = (name: string): boolean => due.some(({ path }) => `${path}.`.startsWith(`in force.${name}.`));
  return [...enable, ...found.loads.flatMap(({ bridges, steps }) => (bridges.some(isDue) ? steps : []))];
}
