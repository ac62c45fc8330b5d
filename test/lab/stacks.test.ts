import { beforeAll, expect, test } from '@jest/globals';
import type { LabNetwork } from '../../lib/lab/index.ts';
import { until } from '../support/until.ts';
import { BridgeHost, leavePending, untilChangeIsOver } from './bridge_host.ts';
import type { Machine } from './machine.ts';
import { expectDevicesReadOnly, expectNameServer, expectOwned, expectUdev, today } from './owned.ts';
import { withLab } from './support.ts';

/** What systemd-networkd says of the interface and of a bridge: one that it has given up is `failed`. */
const networkdLinks = 'networkctl --no-legend list | grep -e ens33 -e br0';

/** What each network stack itself knows of its links; nothing of a bridge may stay in it. */
const own: Readonly<Partial<Record<LabNetwork, string>>> = {
  networkmanager:
    'nmcli -t -f UUID,NAME,FILENAME connection show | grep -v ":lo:"; ls /var/lib/NetworkManager | grep br0; true',
  networkd: `ls /etc/systemd/network /run/systemd/network; ${networkdLinks}; true`,
  netplan: `ls /run/systemd/network /etc/systemd/network; ls -d /run/kvm-play-netplan* 2>/dev/null; ${networkdLinks}; true`,
  'netplan-nm':
    'nmcli -t -f NAME,FILENAME connection show | grep -v "^lo:"; ls /run/NetworkManager/system-connections; true',
  ifupdown: 'cat /run/network/ifstate; ls /var/lib/dhcp /etc/network/interfaces.d',
};

/**
 * Has systemd-networkd give up ens33, with the address that it has had: it is to plug the link into a bridge, and the kernel refuses
 * that while a macvlan sits on it.
 */
async function giveUpPort({ inside }: Machine): Promise<void> {
  const isGivenUp = async (): Promise<boolean> => /failed/.test(await inside('networkctl --no-legend list ens33'));
  await inside(`ip link add link ens33 name macvlan0 type macvlan
printf '[NetDev]\\nName=other0\\nKind=bridge\\n' > /run/systemd/network/01-other0.netdev
printf '[Match]\\nName=ens33\\n[Network]\\nBridge=other0\\n' > /run/systemd/network/01-ens33.network
networkctl reload`);
  await until(isGivenUp, 'systemd-networkd gives ens33 up');
  await inside(`rm /run/systemd/network/01-other0.netdev /run/systemd/network/01-ens33.network
ip link delete macvlan0; ip link delete other0; networkctl reload
ip address replace 192.168.221.150/24 dev ens33; ip route replace default via 192.168.221.1 dev ens33`);
  expect(await isGivenUp()).toBe(true);
}

/** What the post does, and three faults, on each stack of today. All faults: npm run test:faults. */
for (const kind of today) {
  withLab(
    `a host of ${kind.network}`,
    (machine) => {
      const host = new BridgeHost(machine, { confirmWithin: 60, own: own[kind.network] ?? '' });
      let clientId: string | undefined;

      beforeAll(async () => {
        clientId = await expectOwned(machine.lab, kind);
        await expectNameServer(machine.lab);
        await host.begin();
      });

      test('has its interface from it', async () => {
        await expectUdev(machine.lab);
        await expectDevicesReadOnly(machine.lab);
      });

      test('goes back when the change cannot be proved, and nothing is left of it', async () => {
        expect(await host.run({}, { check: true })).toEqual(['changed', 'changed']);
        await host.expectUnproved();
        await host.expectAsBefore();
      });

      test('goes back by itself when the controller is killed', async () => {
        await leavePending(machine, 15);
        await untilChangeIsOver(machine);
        await host.expectAsBefore();
      });

      if (kind.running.includes('systemd-networkd')) {
        test('gets a bridge over a port that systemd-networkd has given up', async () => {
          await giveUpPort(machine);
          expect(await host.run()).toEqual(['changed', 'changed']);
          await host.expectBridged();
          expect(await host.run({ state: 'absent' })).toEqual(['changed', 'changed']);
          await host.expectAsBefore();
        });
      }

      test('gets a bridge that keeps guests through another change, and gives the interface everything back', async () => {
        expect(await host.run()).toEqual(['changed', 'changed']);
        await host.expectBridged();
        expect(await host.run()).toEqual(['ok', 'ok']);
        await host.plugIn();
        expect(await host.run({ mtu: 1400 })).toEqual(['changed', 'changed']);
        expect(await host.ports()).toBe('ens33\nvnet0');
        await machine.inside('ip link delete vnet0');
        expect(await host.run({ mtu: 1500 })).toEqual(['changed', 'changed']);
        expect(await host.run({ state: 'absent' })).toEqual(['changed', 'changed']);
        await host.expectAsBefore();
        expect(await host.run({ state: 'absent' })).toEqual(['ok', 'ok']);
      });

      test('goes back at boot when the power fails before the change is confirmed, and is the host that it was', async () => {
        await leavePending(machine, 600);
        await machine.lab.powerOff();
        await machine.lab.powerOn();
        await untilChangeIsOver(machine);
        expect(await expectOwned(machine.lab, kind)).toBe(clientId);
        await host.expectAsBefore();
      });
    },
    { network: kind.network },
  );
}
