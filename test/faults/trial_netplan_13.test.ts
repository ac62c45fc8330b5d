import { beforeAll, expect, test } from '@jest/globals';
import { withLab } from '../lab/support.ts';
import { change, NetplanHost } from './netplan_host.ts';

for (const kind of ['netplan', 'netplan-nm'] as const) {
  withLab(
    `a bridge of ${kind} of Debian 13`,
    (machine) => {
      const { inside } = machine;
      const host = new NetplanHost(machine);
      const ends = async (...args: Parameters<typeof change>): Promise<readonly string[]> =>
        (await machine.run(change(...args))).ends;

      beforeAll(() => host.begin(kind));

      test('takes the address, the MAC and the routes of its port over, and again changes nothing', async () => {
        expect(await ends({})).toEqual(['changed', 'changed']);
        expect(
          await inside('ip -4 -o address show br0; cat /sys/class/net/br0/address; ip route show default'),
        ).toMatch(/192\.168\.221\.150\/24[\s\S]*52:54:00:aa:00:01\ndefault via 192\.168\.221\.1 dev br0 /);
        expect(await ends({})).toEqual(['ok', 'ok']);
        await host.expectLinkLocal('br0');
      });

      test('keeps the taps of guests when it is loaded again, and its link up', async () => {
        await host.plugIn();
        const index = await inside('cat /sys/class/net/br0/ifindex');
        expect(await ends({ search: ['corp.test'], mtu: 1400 })).toEqual(['changed', 'changed']);
        expect(await host.ports()).toBe('ens33\nvnet0');
        expect(await inside('cat /sys/class/net/br0/ifindex /sys/class/net/br0/mtu')).toBe(`${index}\n1400`);
        expect(await ends({ search: ['corp.test'], mtu: 1400 })).toEqual(['ok', 'ok']);
        await host.expectLinkLocal('br0');
      });

      test('is there after a reboot, and again changes nothing', async () => {
        await machine.lab.reboot();
        expect(await host.ports()).toBe('ens33');
        expect(await ends({ search: ['corp.test'], mtu: 1400 })).toEqual(['ok', 'ok']);
      });

      test('that is taken away gives its port everything back, and after a reboot nothing is left of it', async () => {
        expect(await ends({ search: [], mtu: 1500 })).toEqual(['changed', 'changed']);
        await host.plugIn();
        expect(await ends({ state: 'absent' })).toEqual(['changed', 'changed']);
        expect(await host.ports()).toBe('vnet0');
        await inside('ip link delete vnet0; ip link delete br0');
        await host.expectAsBefore();
        expect(await ends({ state: 'absent' })).toEqual(['ok', 'ok']);
        await machine.lab.reboot();
        await host.expectAsBefore();
      });
    },
    { network: kind, debian: 13 },
  );
}
