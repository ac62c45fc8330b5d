import * as v from 'valibot';
import { PlaybookError } from '../../../errors.ts';
import type { LabNetwork } from '../../../lab/index.ts';
import type { Task } from '../../../task/task.ts';

/** What the rehearsal reads of the desired state of a `bridge` task. */
const namedBackend = v.object({ backend: v.object({ value: v.string() }) });

/** The kind of host for each `backend` of a bridge. */
const networks: Readonly<Record<string, LabNetwork>> = {
  'network-scripts': 'network-scripts',
  networkmanager: 'networkmanager',
  networkd: 'networkd',
  netplan: 'netplan',
  ifupdown: 'ifupdown',
};

/**
 * Tells which kind of host a site needs: the post's host (undefined) if a task writes network scripts or restarts the service
 * `network`, otherwise one with the network stack that a `bridge` task names as its `backend`, otherwise one with NetworkManager.
 * @param tasks the tasks of all plays of the site, which run on one host in a rehearsal
 * @throws PlaybookError if bridges name several network stacks
 */
export function neededNetwork(tasks: readonly Task[]): LabNetwork | undefined {
  if (tasks.some(needsNetworkScripts)) return undefined;
  const named = tasks.filter(({ module }) => module === 'bridge').flatMap((task) => backendOf(task) ?? []);
  const [backend = 'networkmanager', ...others] = new Set(named);
  if (others.length > 0) {
    throw new PlaybookError(
      `bridges of the site name several backends (${[backend, ...others].join(', ')}), and a rehearsal runs all plays on one host; choose its network stack with --network`,
    );
  }
  return networks[backend] ?? 'networkmanager';
}

function needsNetworkScripts({ module, subject }: Task): boolean {
  return module === 'ifcfg_bridge' || (module === 'service' && /^network(\.service)?$/.test(subject));
}

function backendOf({ desired }: Task): string | undefined {
  const { success, output } = v.safeParse(namedBackend, desired);
  return success ? output.backend.value : undefined;
}
