import { beforeAll, expect, test } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge } from '../../modules/bridge.ts';
import { network } from '../../modules/network.ts';
import { runUnproved } from '../lab/bridge_host.ts';
import { withLab } from '../lab/support.ts';

function change(args: Partial<BridgeArgs> = {}, prove: readonly { ping: string }[] = []): readonly PlayItem[] {
  const br0 = bridge({ name: 'br0', port: 'ens33', ...args });
  return [networkChange({ confirmWithin: 60, prove }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
}

/**
 * What Debian's package puts into /lib/udev/rules.d/80-ifupdown.rules. A throwaway host keeps only those of udev's rules that name and
 * mark interfaces: without this one nothing brings an interface up that stands behind `allow-hotplug`.
 */
const rule = 'SUBSYSTEM=="net", ACTION=="add|remove", RUN+="ifupdown-hotplug"\n';

const path = '/etc/network/interfaces';

withLab(
  'a port behind allow-hotplug, as the installer of Debian writes it',
  (machine) => {
    const { inside } = machine;
    let before: string;

    /** The unit that a link's DHCP client belongs to. */
    const unitOfClient = (link: string): Promise<string> =>
      inside(`grep -oE '[^/]+[.](service|scope)$' /proc/$(cat /run/dhclient.${link}.pid)/cgroup | sort -u`);

    async function expectFirst(): Promise<void> {
      expect(await inside(`cat ${path}`)).toBe(before);
      expect(await inside('ip route show default; ls /sys/class/net')).toMatch(
        /^default via 192\.168\.221\.1 dev ens33 *\nens33\nlo$/,
      );
      // The DHCP client that ifup has started is in none of kvm-play's units, which would be listed for as long as it lives.
      expect(await inside("systemctl list-units --all --plain --no-legend 'kvm-play*'")).toBe('');
    }

    beforeAll(async () => {
      await machine.lab.putFile('/etc/udev/rules.d/80-ifupdown.rules', rule);
      await inside(`sed -i 's/^auto ens33/allow-hotplug ens33/' ${path}`);
      before = await inside(`cat ${path}`);
      await machine.lab.reboot();
    });

    test('is brought up by udev', async () => {
      expect(before).toContain('\nallow-hotplug ens33\n');
      await expectFirst();
      expect(await unitOfClient('ens33')).toBe('ifup@ens33.service');
    });

    test('becomes a port, and its bridge is there after a reboot', async () => {
      expect((await machine.run(change())).ends).toEqual(['changed', 'changed']);
      expect(await unitOfClient('br0')).toMatch(/^ifup-br0-\d+\.scope$/);
      await machine.lab.reboot();
      expect((await machine.run(change())).ends).toEqual(['ok', 'ok']);
      expect(await inside('ls /sys/class/net/br0/brif; ip route show default')).toMatch(/^ens33\ndefault .* dev br0/);
      expect(await unitOfClient('br0')).toBe('networking.service');
    });

    test('comes back, and after a reboot as well', async () => {
      expect((await machine.run(change({ state: 'absent' }))).ends).toEqual(['changed', 'changed']);
      await expectFirst();
      await machine.lab.reboot();
      await expectFirst();
      expect((await machine.run(change({ state: 'absent' }))).ends).toEqual(['ok', 'ok']);
    });

    test('comes back when the change cannot be proved, and its DHCP client runs in no unit of the change', async () => {
      const { ends } = await runUnproved(machine, (probe) => change({}, [probe]));
      expect(ends.join('\n')).toMatch(/rolled back/);
      await expectFirst();
      expect(await unitOfClient('ens33')).toMatch(/^ifup-ens33-\d+\.scope$/);
    });
  },
  { network: 'ifupdown' },
);
