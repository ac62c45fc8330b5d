import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import { type Difference, type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import { type CommandStep, command, type Step } from '../lib/task/step.ts';
import type { Missing, Task, TaskOptions } from '../lib/task/task.ts';
import type { BridgeState } from './network/bridge_state.ts';
import { readLiveBridge } from './network/live.ts';
import { networkScripts } from './network/network_scripts/stack.ts';
import { bridgeStateOf, type IfcfgBridgeState } from './network/network_scripts/state.ts';
import type { LoadedBridge, NetworkStack } from './network/stack.ts';
import { findStack } from './network/stacks.ts';
import { readUnit } from './systemd/systemd.ts';

/** Arguments of {@link network}: there are none besides the option `reflects`, which names the bridges. */
export type NetworkLoadArgs = Readonly<Record<never, never>>;

/** The state that {@link network} compares. */
export interface NetworkState {
  /** The bridges that it loads. */
  readonly bridges: Once<readonly ReflectedBridge[]>;
  /** True when what brings the bridges up starts at boot. */
  readonly enabled: boolean;
}

/** A bridge that another task has written. */
interface ReflectedBridge {
  readonly desired: BridgeState;
  /** The stack whose module wrote it; undefined where it is the one that owns the bridge's links. */
  readonly stack?: NetworkStack;
}

/** What planning needs besides the state. */
interface FoundNetwork {
  readonly refusals: readonly string[];
  /** Units that must start at boot, and do not. */
  readonly disabled: readonly string[];
  readonly loads: readonly StackLoad[];
}

/** What loads the bridges of one stack. */
interface StackLoad {
  /** Their names. */
  readonly bridges: readonly string[];
  readonly steps: readonly CommandStep[];
}

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
  read,
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
  if (isIfcfgBridgeTask(task)) return { desired: bridgeStateOf(task.desired), stack: networkScripts };
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

async function read(host: ReadonlyHost, { bridges }: NetworkState): Promise<ModuleReading<NetworkState, FoundNetwork>> {
  const all = await Promise.all(
    bridges.value.map(async ({ desired: wanted, stack }) => {
      const [found, live] = await Promise.all([
        stack === undefined ? findStack(host, wanted) : { stack },
        readLiveBridge(host, wanted.name, wanted.portNames.value),
      ]);
      return { found, loaded: { desired: wanted, live } };
    }),
  );
  const refusals = all.flatMap(({ found }) => ('refusal' in found ? [found.refusal] : []));
  const byStack = new Map<NetworkStack, LoadedBridge[]>();
  for (const { found, loaded } of all) {
    if ('stack' in found) byStack.set(found.stack, [...(byStack.get(found.stack) ?? []), loaded]);
  }
  const stacks = [...byStack.keys()];
  const [units, loads] = await Promise.all([
    Promise.all(stacks.map(({ unit }) => readUnit(host, unit))),
    Promise.all([...byStack].map(([stack, loaded]) => readLoad(host, stack, loaded))),
  ]);
  const missing: Missing[] = units.flatMap((unit) => ('remedy' in unit ? [unit] : []));
  const disabled = stacks.flatMap(({ unit }, index) => {
    const found = units[index];
    return found === undefined || 'remedy' in found || isStartedAtBoot(found) ? [] : [unit];
  });
  return {
    state: { enabled: disabled.length === 0 },
    found: { refusals, disabled, loads },
    missing,
  };
}

async function readLoad(host: ReadonlyHost, stack: NetworkStack, loaded: readonly LoadedBridge[]): Promise<StackLoad> {
  return { bridges: loaded.map(({ desired: { name } }) => name), steps: await stack.load(host, loaded) };
}

function isStartedAtBoot({ enabled, isPulledIn }: { enabled: string; isPulledIn: boolean }): boolean {
  return enabled === 'enabled' || (['static', 'generated', 'indirect'].includes(enabled) && isPulledIn);
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
