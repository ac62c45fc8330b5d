/** What the lab test and the trial of network-scripts look at, and what they run. */
import { afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge, network } from '../../modules/index.ts';
import { untilChangeIsOver } from './bridge_host.ts';
import type { Machine } from './machine.ts';
import { withLab } from './support.ts';

export const scripts = '/etc/sysconfig/network-scripts';

export type Args = Partial<BridgeArgs> & { readonly disrupts?: readonly 'guest'[] };

/** A bridge over ens33, and the task that loads it, within a network change. */
export function bridged(args: Args = {}): readonly PlayItem[] {
  const br0 = bridge('bridge', { name: 'br0', ...(args.ports === undefined && { port: 'ens33' }), ...args });
  const loaded = network('network', { reflects: [br0], disrupts: ['link'] });
  return [networkChange({ confirmWithin: 60 }, [br0, loaded])];
}

/**
 * Describes tests on one host of the network scripts, with a tap. Each begins with the host as it was at first; the bridge is taken away
 * after each, and nothing may be left of it.
 */
export function onScriptsHost(name: string, tests: (host: ScriptsHost) => void): void {
  withLab(
    name,
    (machine) => {
      const host = new ScriptsHost(machine);
      beforeAll(() => host.begin());
      beforeEach(async () => {
        expect(await host.live()).toBe(host.before);
      });
      afterEach(async () => {
        await machine.inside('ip link set tap9 nomaster');
        await host.run({ state: 'absent' });
        await host.expectAsBefore();
      });
      tests(host);
    },
    { network: 'network-scripts' },
  );
}

/** A host of the network scripts, and what it was like before the first test. */
export class ScriptsHost {
  readonly machine: Machine;
  before = '';
  files = '';

  constructor(machine: Machine) {
    this.machine = machine;
  }

  async begin(): Promise<void> {
    await this.addTap();
    this.files = await this.allFiles();
    this.before = await this.live();
  }

  async expectAsBefore(): Promise<void> {
    expect(await this.allFiles()).toBe(this.files);
    expect(await this.live()).toBe(this.before);
  }

  readonly inside = (script: string): Promise<string> => this.machine.inside(script);

  /** Every file below /etc, with its mode. */
  allFiles(): Promise<string> {
    return this.machine.inside(
      "find /etc -xdev -type f -exec sha256sum {} + | sort -k 2; find /etc -xdev -printf '%M %U:%G %p %l\\n' | sort -k 3",
    );
  }

  /** Links with MAC and bridge, addresses, routes, rules, name servers, DHCP clients. */
  live(): Promise<string> {
    return this.machine.inside(`ip -o link | sed 's/^[0-9]*: //; s/@[^:]*//; s/qlen [0-9]*//; s/link-netnsid.*//; s/<[^>]*>//' | sort
ip -o address | grep -v 'inet6 fe80' | sed 's/^[0-9]*: //; s/ valid_lft.*//; s/ dynamic//; s/ tentative//' | awk '$1 != "lo"' | sort
ip route | sed 's/ metric 10[0-9][0-9]//' | sort; ip -6 route show default; ip rule; cat /etc/resolv.conf; pgrep -a dhclient | sed 's/.* //'
systemctl is-active network`);
  }

  /** Waits for the end of a change: units that were at work are taken away a moment after it is over. */
  async untilOver(): Promise<void> {
    await untilChangeIsOver(this.machine);
  }

  /** What is plugged into the bridge. */
  async plugged(): Promise<string> {
    return (await this.machine.inside('ls /sys/class/net/br0/brif')).replaceAll('\n', ' ');
  }

  /** Makes a tap, as a guest has one. */
  async addTap(): Promise<void> {
    await this.machine.inside('ip tuntap add tap9 mode tap; ip link set tap9 up');
  }

  /** Runs {@link bridged}, and gives what became of each task. */
  async run(args: Args = {}, options: { check?: boolean } = {}): Promise<readonly string[]> {
    return (await this.machine.run(bridged(args), options)).ends;
  }

  /**
   * Makes the bridge with an `ifup` that does something else for it, and expects the host to go back.
   * @param fault a shell command
   */
  async expectRollBack(fault: string): Promise<void> {
    await this.inside(`cd ${scripts}; cp -p ifup /root/ifup
sed -i '2i case $1 in br0 | ifcfg-br0) ${fault.replaceAll('/', '\\/')};; esac' ifup`);
    const item = bridge('bridge', { name: 'br0', port: 'ens33' });
    const loaded = network('network', { reflects: [item], disrupts: ['link'], timeLimit: 8 });
    const { ends } = await this.machine.run([networkChange({ confirmWithin: 15 }, [item, loaded])]);
    await this.inside(`cp -p /root/ifup ${scripts}/ifup`);
    expect(ends.join('\n')).toMatch(/the host is as it was before/);
    await this.untilOver();
    await this.expectAsBefore();
  }
}
