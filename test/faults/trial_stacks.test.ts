import { beforeAll, expect, test } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { waitUntil } from '../../lib/process/wait_until.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge } from '../../modules/bridge.ts';
import { network } from '../../modules/network.ts';
import { runUnproved } from '../lab/bridge_host.ts';
import { hostState } from '../lab/host_state.ts';
import type { TasksEnd } from '../lab/machine.ts';
import { withLab } from '../lab/support.ts';

function change(args: Partial<BridgeArgs>, prove: readonly { ping: string }[] = []): readonly PlayItem[] {
  const br0 = bridge({ name: 'br0', port: 'ens33', ...args });
  return [networkChange({ confirmWithin: 60, prove }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
}

/** The stacks that have no lab test of their own, and what the bridge leaves behind on them: nothing. */
const kinds = {
  networkd: 'ls /etc/systemd/network',
  ifupdown: 'cat /run/network/ifstate; ls -A /run/network /var/lib/dhcp /etc/network/interfaces.d; ls /run/dhclient*',
} as const;

for (const kind of ['networkd', 'ifupdown'] as const) {
  withLab(
    `a bridge of ${kind}`,
    (machine) => {
      const { inside } = machine;
      const looks = ['files', 'modes', 'links', 'addresses', 'routes', 'unitFiles', 'processes'] as const;
      const ends = ({ ends: all }: TasksEnd): unknown => ({ all });
      let before: Awaited<ReturnType<typeof hostState>>;
      let leftBefore: string;

      async function expectAsBefore(): Promise<void> {
        const isAsBefore = async (): Promise<boolean> =>
          (await inside('ip route show default')).includes(' dev ens33') && (await inside(kinds[kind])) === leftBefore;
        await waitUntil(isAsBefore, Boolean, { within: 30, interval: 0.5 });
        expect(await inside(kinds[kind])).toBe(leftBefore);
        const now = await hostState(machine.lab);
        // A DHCP client that ifup has started runs in a scope of its own, and is among the processes.
        const seen = (lines: readonly string[] = []): readonly string[] =>
          lines.filter((line) => !/^ifup-ens33-\d+\.scope transient$/.test(line));
        for (const what of looks) expect({ what, seen: seen(now[what]) }).toEqual({ what, seen: seen(before[what]) });
      }

      beforeAll(async () => {
        before = await hostState(machine.lab);
        leftBefore = await inside(kinds[kind]);
      });

      test('is foreseen by check, which changes nothing', async () => {
        expect(ends(await machine.run(change({}), { check: true }))).toMatchObject({ all: ['changed', 'changed'] });
        await expectAsBefore();
      });

      test('that cannot be proved goes back: files byte for byte, and nothing is left of it', async () => {
        const end = await runUnproved(machine, (probe) => change({}, [probe]));
        expect(end.ends.join('\n')).toMatch(/rolled back/);
        await expectAsBefore();
      });

      test('takes the address, the MAC and the routes of its port over, and again changes nothing', async () => {
        expect(ends(await machine.run(change({})))).toMatchObject({ all: ['changed', 'changed'] });
        expect(
          await inside('ip -4 -o address show br0; cat /sys/class/net/br0/address; ip route show default'),
        ).toMatch(/192\.168\.221\.150\/24[\s\S]*52:54:00:aa:00:01\ndefault via 192\.168\.221\.1 dev br0/);
        expect(ends(await machine.run(change({})))).toMatchObject({ all: ['ok', 'ok'] });
      });

      test('keeps the taps of guests through another change', async () => {
        await inside('ip tuntap add vnet0 mode tap; ip link set vnet0 master br0 up');
        expect(ends(await machine.run(change({ mtu: 1400 })))).toMatchObject({ all: ['changed', 'changed'] });
        expect(await inside('ls /sys/class/net/br0/brif; cat /sys/class/net/br0/mtu')).toBe('ens33\nvnet0\n1400');
        expect(ends(await machine.run(change({ mtu: 1500 })))).toMatchObject({ all: ['changed', 'changed'] });
        await inside('ip link delete vnet0');
      });

      test('is there after a reboot, and nothing has to be changed', async () => {
        await machine.lab.reboot();
        expect(ends(await machine.run(change({})))).toMatchObject({ all: ['ok', 'ok'] });
      });

      test('that is taken away gives its port everything back', async () => {
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['changed', 'changed'] });
        await expectAsBefore();
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['ok', 'ok'] });
      });
    },
    { network: kind },
  );
}
