import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { BridgeState, StackName } from './bridge_state.ts';
import { ifupdown } from './ifupdown/ifupdown.ts';
import { netplanOnManager, netplanOnNetworkd } from './netplan/netplan.ts';
import { networkScripts } from './network_scripts/stack.ts';
import { networkd } from './networkd/networkd.ts';
import { networkManager } from './networkmanager/networkmanager.ts';
import { otherStacks } from './others.ts';
import type { NetworkStack, OwnedLinks } from './stack.ts';

/** Every network stack. */
export const stacks: readonly NetworkStack[] = [
  networkScripts,
  networkd,
  networkManager,
  netplanOnNetworkd,
  netplanOnManager,
  ifupdown,
];

/** The stack that owns the links of a bridge. */
export interface FoundStack {
  readonly stack: NetworkStack;
  readonly owned: OwnedLinks;
}

/** Why no stack can be named that owns the links. */
export interface NoStack {
  /** What was seen, and what to do. */
  readonly refusal: string;
}

/**
 * Finds the stack that owns a bridge's ports, or the bridge itself once it is there. All stacks are asked in one turn, and those
 * that are only recognised as well.
 */
export async function findStack(
  host: ReadonlyHost,
  { name, portNames, backend }: BridgeState,
): Promise<FoundStack | NoStack> {
  const links = [...portNames.value, name];
  const [answers, others] = await Promise.all([
    Promise.all(stacks.map(async (stack) => ({ stack, owned: await stack.findOwned(host, links) }))),
    Promise.all(otherStacks.map(async (stack) => ({ stack, owned: await stack.findOwned(host, links) }))),
  ]);
  const known = answers.filter(({ owned }) => owned.links.length > 0);
  const unknown = others.filter(({ owned }) => owned.links.length > 0);
  const owners = [...known, ...unknown];
  const all = [...answers, ...others].map(({ owned }) => owned.seen);
  const seen = all.filter((words) => words !== '').join('; ');
  const [first] = known;
  const [other] = unknown;
  const ports = portNames.value.join(', ');
  if (owners.length === 1 && other !== undefined) {
    return { refusal: `${other.stack.title} owns ${ports}: ${other.owned.seen}; ${other.stack.reason}` };
  }
  if (owners.length > 1) {
    const titles = owners.map(({ stack }) => stack.title).join(' and ');
    return {
      refusal: `${titles} own links of ${name}: ${seen}. Take the links from one of the two first; whichever comes last at boot would win`,
    };
  }
  if (first === undefined) {
    return {
      refusal: `no network stack that kvm-play knows owns ${ports}: ${seen}. Let one of them configure ${ports} first, so that its address, routes and name servers can move to ${name}`,
    };
  }
  if (backend.value !== undefined && backend.value !== first.stack.name) {
    return {
      refusal: `'backend' is ${backend.value}, and ${first.stack.title} owns ${ports}: ${seen}. Leave 'backend' out, or hand ${ports} over first`,
    };
  }
  return first;
}

/** Returns the stack of a name. */
export function stackNamed(name: StackName): { readonly stack: NetworkStack } {
  const stack = stacks.find((each) => each.name === name);
  if (stack === undefined) throw new Error(`there is no network stack ${name}`);
  return { stack };
}
