/** A host whose bridge is made by the modules `bridge` and `network`, and what was there before. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from '@jest/globals';
import { type NetworkChangeOptions, networkChange } from '../../lib/network_change/network_change.ts';
import { waitUntil } from '../../lib/process/wait_until.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge, network } from '../../modules/index.ts';
import { startCommand } from '../support/command.ts';
import { until } from '../support/until.ts';
import { hostState } from './host_state.ts';
import type { Machine, TasksEnd } from './machine.ts';

/** A site with the same bridge, for a controller that is a process of its own. */
const site = `import { networkChange, play } from 'kvm-play';
import { bridge, network } from 'kvm-play/modules';

export default play({
  name: 'Bridge',
  vars: { confirmWithin: 600 },
  tasks: ({ confirmWithin }: { confirmWithin: number }) => {
    const br0 = bridge({ name: 'br0', port: 'ens33' });
    return [networkChange({ confirmWithin }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
  },
});
`;

/** What every stack must leave as it was. */
const looks = ['files', 'modes', 'links', 'addresses', 'routes', 'unitFiles'] as const;

/** Waits until no change is pending on a host any more, and the units that were at work are taken away. */
export async function untilChangeIsOver({ inside }: Machine): Promise<void> {
  const left = `ls -d /var/lib/kvm-play/change/current 2>/dev/null
find /etc/systemd /run/systemd/system -name 'kvm-play*'`;
  await until(async () => (await inside(left)) === '', 'the change is over');
}

/**
 * Makes a change that cannot be proved: what its probe asks is taken away once the change is armed.
 * @param change makes the change with the probe
 */
export async function runUnproved(
  machine: Machine,
  change: (probe: { readonly ping: string }) => readonly PlayItem[],
): Promise<TasksEnd> {
  const { inside } = machine;
  await inside(
    'ip link add probe0 type veth peer name probe1; ip address add 10.77.0.1/32 dev probe0; ip link set probe0 up',
  );
  const end = await machine.run(change({ ping: '10.77.0.1' }), {
    onEvent: (event) => {
      if (event.type === 'network-change' && event.phase === 'armed') void inside('ip link delete probe0');
    },
  });
  await inside('ip link delete probe0 2>/dev/null; true');
  return end;
}

/**
 * Makes a bridge over ens33 by a controller of its own, and kills that while it proves the change.
 * @param confirmWithin seconds until the host goes back by itself
 */
export async function leavePending(machine: Machine, confirmWithin: number): Promise<void> {
  const path = join(machine.directory, 'bridge.ts');
  writeFileSync(path, site);
  const child = startCommand([path, ...machine.arguments, '--json', '-e', `confirmWithin=${confirmWithin}`]);
  if (child.stdout === null || child.pid === undefined) throw new Error('the command did not start');
  for await (const line of createInterface({ input: child.stdout })) {
    const { phase }: { phase?: string } = JSON.parse(line);
    if (phase !== 'proving') continue;
    process.kill(-child.pid, 'SIGKILL');
    await once(child, 'close');
    return;
  }
  throw new Error('the change was never proved');
}

/** How a host is tried. */
export interface BridgeHostOptions {
  /** Seconds in which a change must be confirmed. */
  readonly confirmWithin: number;
  /** A script that prints what the network stack itself knows of links and bridges. */
  readonly own: string;
}

export class BridgeHost {
  readonly machine: Machine;
  readonly #options: BridgeHostOptions;
  #before: Awaited<ReturnType<typeof hostState>> = {};
  #ownBefore = '';

  constructor(machine: Machine, options: BridgeHostOptions) {
    this.machine = machine;
    this.#options = options;
  }

  /** Notes what the host is like now. */
  async begin(): Promise<void> {
    this.#before = await hostState(this.machine.lab);
    this.#ownBefore = await this.machine.inside(this.#options.own);
  }

  /** Expects the host to be as it was: files byte for byte, links, and what the stack itself knows. A DHCP client may take a moment. */
  async expectAsBefore(): Promise<void> {
    const own = await waitUntil(
      () => this.machine.inside(`ip -4 -o address show dev ens33 | grep -q 221.150 && { ${this.#options.own}\n}`),
      (text) => text === this.#ownBefore,
      { within: 30, interval: 0.5 },
    );
    expect(own).toBe(this.#ownBefore);
    const now = await hostState(this.machine.lab);
    for (const what of looks) expect({ what, seen: now[what] }).toEqual({ what, seen: this.#before[what] });
  }

  /** The bridge and what loads it, within a network change. */
  change(args: Partial<BridgeArgs> = {}, options: NetworkChangeOptions = {}): readonly PlayItem[] {
    const br0 = bridge({ name: 'br0', port: 'ens33', ...args, disrupts: ['guest'] });
    const { confirmWithin } = this.#options;
    return [networkChange({ confirmWithin, ...options }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
  }

  /** Makes the change, or checks it, and gives what became of each task. */
  async run(args: Partial<BridgeArgs> = {}, options: { check?: boolean } = {}): Promise<readonly string[]> {
    return (await this.machine.run(this.change(args), options)).ends;
  }

  /** Makes a change that cannot be proved, and expects the host to go back. */
  async expectUnproved(args: Partial<BridgeArgs> = {}): Promise<void> {
    // It is proved as long as there is time for it.
    const { ends } = await runUnproved(this.machine, (probe) =>
      this.change(args, { confirmWithin: 15, prove: [probe] }),
    );
    expect(ends.join('\n')).toMatch(/rolled back/);
  }

  /** What is plugged into the bridge. */
  ports(): Promise<string> {
    return this.machine.inside('ls /sys/class/net/br0/brif');
  }

  /** Plugs a tap into the bridge, as a guest has one. */
  async plugIn(): Promise<void> {
    await this.machine.inside(
      'ip link show vnet0 >/dev/null 2>&1 || ip tuntap add vnet0 mode tap; ip link set vnet0 master br0 up',
    );
  }

  /** Expects the bridge to have the address, the MAC and the default route of its port. */
  async expectBridged(): Promise<void> {
    const script = 'ip -4 -o address show br0; cat /sys/class/net/br0/address; ip route show default';
    expect(await this.machine.inside(script)).toMatch(
      /192\.168\.221\.150\/24[\s\S]*52:54:00:aa:00:01\ndefault via 192\.168\.221\.1 dev br0/,
    );
  }
}
