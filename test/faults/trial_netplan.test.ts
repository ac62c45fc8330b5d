import { beforeAll, expect, test } from '@jest/globals';
import type { BridgeArgs } from '../../modules/bridge.ts';
import { leavePending, runUnproved } from '../lab/bridge_host.ts';
import type { TasksEnd } from '../lab/machine.ts';
import { withLab } from '../lab/support.ts';
import { change, moreFile, NetplanHost } from './netplan_host.ts';

for (const kind of ['netplan', 'netplan-nm'] as const) {
  withLab(
    `a bridge of ${kind}`,
    (machine) => {
      const { inside } = machine;
      const host = new NetplanHost(machine);
      const ends = ({ ends: all }: TasksEnd): unknown => ({ all });
      const unproved = (args: Partial<BridgeArgs>) => runUnproved(machine, (probe) => change(args, [probe]));

      beforeAll(() => host.begin(kind));

      test('that cannot be proved goes back: files byte for byte, and nothing is left of it', async () => {
        expect((await unproved({})).ends.join('\n')).toMatch(/rolled back/);
        await host.expectAsBefore();
      });

      test('is taken back at boot when the power fails before it is confirmed', async () => {
        await leavePending(machine, 600);
        await machine.lab.powerOff();
        await machine.lab.powerOn();
        expect(await inside('ls -d /sys/class/net/br0 2>/dev/null; true')).toBe('');
        await host.expectAsBefore();
      });

      test('takes the address, the MAC and the routes of its port over, and again changes nothing', async () => {
        expect(ends(await machine.run(change({})))).toMatchObject({ all: ['changed', 'changed'] });
        expect(
          await inside('ip -4 -o address show br0; cat /sys/class/net/br0/address; ip route show default'),
        ).toMatch(/192\.168\.221\.150\/24[\s\S]*52:54:00:aa:00:01\ndefault via 192\.168\.221\.1 dev br0 /);
        expect(
          await inside(
            'stat -c %a /etc/netplan/90-kvm-play-br0.yaml; grep -c 192.168.221.7 /etc/netplan/90-kvm-play-br0.yaml',
          ),
        ).toBe('600\n1');
        expect(ends(await machine.run(change({})))).toMatchObject({ all: ['ok', 'ok'] });
      });

      test('keeps the taps of guests when it is loaded again, and its link up', async () => {
        await host.plugIn();
        const index = await inside('cat /sys/class/net/br0/ifindex');
        const changed = change({ search: ['corp.test'], mtu: 1400 });
        expect(ends(await machine.run(changed))).toMatchObject({ all: ['changed', 'changed'] });
        expect(await host.ports()).toBe('ens33\nvnet0');
        expect(await inside('cat /sys/class/net/br0/ifindex /sys/class/net/br0/mtu /sys/class/net/ens33/mtu')).toBe(
          `${index}\n1400\n1400`,
        );
        expect(ends(await machine.run(changed))).toMatchObject({ all: ['ok', 'ok'] });
        await host.expectLinkLocal('br0');
      });

      test('that is taken away keeps the taps of guests, and comes back with them when that is rolled back', async () => {
        expect((await unproved({ state: 'absent' })).ends.join('\n')).toMatch(/rolled back/);
        expect(await host.ports()).toBe('ens33\nvnet0');
        expect(await inside('ip -4 -o address show br0')).toContain('192.168.221.150/24');
      });

      test('that is taken away gives its port everything back', async () => {
        expect(ends(await machine.run(change({ search: [], mtu: 1500 })))).toMatchObject({
          all: ['changed', 'changed'],
        });
        await host.plugIn();
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['changed', 'changed'] });
        expect(await host.ports()).toBe('vnet0');
        expect(await inside('ip -4 -o address show br0')).toBe('');
        await inside('ip link delete vnet0; ip link delete br0');
        await host.expectAsBefore();
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['ok', 'ok'] });
      });

      test('that is taken away with another address gives it to its port, and what had not changed stays', async () => {
        const changed = change({ address: '192.168.221.150/24', gateway: '192.168.221.1' });
        expect(ends(await machine.run(changed))).toMatchObject({ all: ['changed', 'changed'] });
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['changed', 'changed'] });
        expect(await inside('ip -4 -o address show dev ens33; ip -4 route show default')).toMatch(
          /192\.168\.221\.150\/24[\s\S]*via 192\.168\.221\.1 dev ens33 proto static/,
        );
        expect(await inside('cat /etc/netplan/60-more.yaml; grep -r br0 /etc/netplan || true')).toBe(moreFile);
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['ok', 'ok'] });
        expect(ends(await machine.run(change({ bootproto: 'dhcp' })))).toMatchObject({ all: ['changed', 'changed'] });
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['changed', 'changed'] });
        await host.reset(kind);
      });

      test('goes back when the DHCP server is gone', async () => {
        await machine.lab.stopDhcp();
        const taken = await machine.run(change({}));
        await machine.lab.startDhcp();
        expect(taken.ends.join('\n')).toMatch(/rolled back/);
        await host.expectAsBefore();
      });

      test('that netplan would not understand is refused before a file is written', async () => {
        await machine.lab.putFile(
          '/etc/netplan/70-wrong.yaml',
          'network: {ethernets: {ens33: {wakeonlan: ture}}}\n',
          0o600,
        );
        const taken = await machine.run(change({}));
        await inside('rm /etc/netplan/70-wrong.yaml');
        expect(taken.ends.join('\n')).toMatch(
          /70-wrong\.yaml:1:\d+: Error in network definition: invalid boolean value 'ture'/,
        );
        await host.expectAsBefore();
      });
    },
    { network: kind },
  );
}
