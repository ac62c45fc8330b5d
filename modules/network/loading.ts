import type { ModuleReading } from '../../lib/engine/module_spec.ts';
import type { Once } from '../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { CommandStep } from '../../lib/task/step.ts';
import type { Missing } from '../../lib/task/task.ts';
import { readUnit } from '../systemd/systemd.ts';
import type { BridgeState, StackName } from './bridge_state.ts';
import { readLiveBridge } from './live.ts';
import { missingPorts } from './missing_ports.ts';
import type { LoadedBridge, NetworkStack } from './stack.ts';
import { findStack, stackNamed } from './stacks.ts';

/** The state that the module `network` compares. */
export interface NetworkState {
  /** The bridges that it loads. */
  readonly bridges: Once<readonly ReflectedBridge[]>;
  /** True when what brings the bridges up starts at boot. */
  readonly enabled: boolean;
}

/** A bridge that another task has written. */
export interface ReflectedBridge {
  readonly desired: BridgeState;
  /** The stack whose module wrote it; undefined where it is the one that owns the bridge's links. */
  readonly stack?: StackName;
}

/** What planning a load needs besides the state. */
export interface FoundNetwork {
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

/** Reads what loads some bridges, by the stacks that own them, and whether it starts at boot. */
export async function readNetwork(
  host: ReadonlyHost,
  { bridges }: NetworkState,
): Promise<ModuleReading<NetworkState, FoundNetwork>> {
  const all = await Promise.all(
    bridges.value.map(async ({ desired: wanted, stack }) => {
      const [found, live] = await Promise.all([
        stack === undefined ? findStack(host, wanted) : stackNamed(stack),
        readLiveBridge(host, wanted.name, wanted.portNames.value),
      ]);
      return { found, loaded: { desired: wanted, live } };
    }),
  );
  const missingLinks = all.flatMap(({ loaded: { desired: wanted, live } }) => missingPorts(wanted, live));
  // Nobody owns a port that is not there: that it is missing is what a person must know.
  const refusals =
    missingLinks.length > 0 ? [] : all.flatMap(({ found }) => ('refusal' in found ? [found.refusal] : []));
  const byStack = new Map<NetworkStack, LoadedBridge[]>();
  for (const { found, loaded } of all) {
    if ('stack' in found) byStack.set(found.stack, [...(byStack.get(found.stack) ?? []), loaded]);
  }
  const stacks = [...byStack.keys()];
  const [units, loads] = await Promise.all([
    Promise.all(stacks.map(({ unit }) => readUnit(host, unit))),
    Promise.all([...byStack].map(([stack, loaded]) => readLoad(host, stack, loaded))),
  ]);
  const missingUnits: Missing[] = units.flatMap((unit) => ('remedy' in unit ? [unit] : []));
  const disabled = stacks.flatMap(({ unit }, index) => {
    const found = units[index];
    return found === undefined || 'remedy' in found || isStartedAtBoot(found) ? [] : [unit];
  });
  return {
    state: { enabled: disabled.length === 0 },
    found: { refusals, disabled, loads },
    missing: [...missingLinks, ...missingUnits],
  };
}

async function readLoad(host: ReadonlyHost, stack: NetworkStack, loaded: readonly LoadedBridge[]): Promise<StackLoad> {
  return { bridges: loaded.map(({ desired: { name } }) => name), steps: await stack.load(host, loaded) };
}

function isStartedAtBoot({ enabled, isPulledIn }: { enabled: string; isPulledIn: boolean }): boolean {
  return enabled === 'enabled' || (['static', 'generated', 'indirect'].includes(enabled) && isPulledIn);
}
