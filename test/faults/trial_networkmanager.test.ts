import { beforeAll, expect, test } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { waitUntil } from '../../lib/process/wait_until.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge } from '../../modules/bridge.ts';
import { network } from '../../modules/network.ts';
import { leavePending, runUnproved } from '../lab/bridge_host.ts';
import { hostState } from '../lab/host_state.ts';
import type { TasksEnd } from '../lab/machine.ts';
import { withLab } from '../lab/support.ts';

function change(args: Partial<BridgeArgs>, prove: readonly { ping: string }[] = []): readonly PlayItem[] {
  const port = args.ports === undefined ? { port: 'ens33' } : {};
  const br0 = bridge({ name: 'br0', ...port, ...args, disrupts: ['guest'] });
  return [networkChange({ confirmWithin: 25, prove }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
}

const profiles = '/etc/NetworkManager/system-connections';
const link = '[Match]\nOriginalName=ens33\n\n[Link]\nMTUBytes=1600\n';

withLab(
  'a bridge of NetworkManager',
  (machine) => {
    const { inside } = machine;
    const looks = ['files', 'modes', 'links', 'addresses', 'routes', 'unitFiles'] as const;
    const nmcli = (): Promise<string> =>
      inside(`nmcli -t -f DEVICE,STATE,CON-UUID device; nmcli -t -f UUID,NAME,FILENAME connection show; ls ${profiles}
ls /var/lib/NetworkManager | grep br0; cat /etc/resolv.conf; stat -c %a ${profiles}/*`).then((text) =>
        text
          .split('\n')
          .filter((line) => !/\blo\b/.test(line))
          .join('\n'),
      );
    let before: Awaited<ReturnType<typeof hostState>>;
    let beforeByManager: string;

    async function expectAsBefore(): Promise<void> {
      const isAsBefore = async (): Promise<boolean> => (await nmcli()) === beforeByManager;
      await waitUntil(isAsBefore, Boolean, { within: 20, interval: 0.5 });
      expect(await nmcli()).toBe(beforeByManager);
      const now = await hostState(machine.lab);
      for (const what of looks) expect({ what, seen: now[what] }).toEqual({ what, seen: before[what] });
    }

    const ends = ({ ends: all }: TasksEnd): unknown => all;
    const ports = (): Promise<string> => inside('ls /sys/class/net/br0/brif');
    const plugIn = (): Promise<string> =>
      inside('ip link show vnet0 >/dev/null 2>&1 || ip tuntap add vnet0 mode tap; ip link set vnet0 master br0 up');

    beforeAll(async () => {
      // No profile names this MTU: NetworkManager does not know where it comes from.
      await machine.lab.putFile('/etc/systemd/network/10-ens33.link', link);
      await inside('udevadm control --reload; udevadm trigger --action=add /sys/class/net/ens33; udevadm settle');
      expect(await inside('cat /sys/class/net/ens33/mtu')).toBe('1600');
      before = await hostState(machine.lab);
      beforeByManager = await nmcli();
    });

    test.each([
      [
        'that does not come up at boot would lose the host',
        'true',
        { onboot: false },
        /br0, which takes its place, would not come up at the next boot/,
      ],
      [
        'that somebody made by hand is not taken over',
        'ip link add br0 type bridge',
        {},
        /br0 exists already, and no file describes it/,
      ],
      [
        'is not made of a file that others may read',
        `chmod 644 ${profiles}/ens33.nmconnection`,
        {},
        /has mode and owner 644 0, and NetworkManager loads no file that others may read/,
      ],
      [
        "that NetworkManager could not load is taken back, with nmcli's own words",
        `sed -i '/^\\[ipv6]/,$ s/^method=.*/method=atuo/' ${profiles}/ens33.nmconnection`,
        {},
        /NetworkManager cannot use .*br0\.nmconnection: .+[\s\S]*rolled back/,
      ],
    ])('%s', async (_what, prepare, args, words) => {
      const file = `${profiles}/ens33.nmconnection`;
      await inside(`cp -p ${file} /root/kept; ${prepare}`);
      const { ends: found } = await machine.run(change(args));
      await inside(`cp -p /root/kept ${file}; rm /root/kept; ip link delete br0 2>/dev/null; true`);
      expect(found.join('\n')).toMatch(words);
      await expectAsBefore();
    });

    test('that cannot be proved goes back: files byte for byte, and nothing is left of it', async () => {
      const taken = await runUnproved(machine, (probe) => change({}, [probe]));
      expect(taken.ends.join('\n')).toMatch(/rolled back/);
      await expectAsBefore();
    });

    test('is taken back at boot when the power fails before it is confirmed', async () => {
      await leavePending(machine, 600);
      await machine.lab.powerOff();
      await machine.lab.powerOn();
      expect(await inside('ls -d /sys/class/net/br0 2>/dev/null; true')).toBe('');
      await expectAsBefore();
    });

    test('takes the address, the MAC and the routes of its port over, and again changes nothing', async () => {
      expect(ends(await machine.run(change({})))).toEqual(['changed', 'changed']);
      expect(await inside('ip -4 -o address show br0; cat /sys/class/net/br0/address; ip route show default')).toMatch(
        /192\.168\.221\.150\/24[\s\S]*52:54:00:aa:00:01\ndefault via 192\.168\.221\.1 dev br0 /,
      );
      expect(ends(await machine.run(change({})))).toEqual(['ok', 'ok']);
    });

    test('keeps the taps of guests when it is loaded again, and its link up', async () => {
      await plugIn();
      const index = await inside('cat /sys/class/net/br0/ifindex');
      const changed = change({ dns: ['192.168.221.7'], search: ['corp.test'], mtu: 1400 });
      expect(ends(await machine.run(changed))).toEqual(['changed', 'changed']);
      expect(await ports()).toBe('ens33\nvnet0');
      expect(await inside('cat /sys/class/net/br0/ifindex')).toBe(index);
      expect(await inside('cat /sys/class/net/br0/mtu /sys/class/net/ens33/mtu; cat /etc/resolv.conf')).toMatch(
        /^1400\n1400\n[\s\S]*search corp\.test/,
      );
      expect(ends(await machine.run(changed))).toEqual(['ok', 'ok']);
    });

    test('comes up at boot', async () => {
      await machine.lab.reboot();
      expect(await ports()).toBe('ens33');
      await plugIn();
    });

    test('that is taken away keeps the taps of guests, and comes back with them when that is rolled back', async () => {
      const taken = await runUnproved(machine, (probe) => change({ state: 'absent' }, [probe]));
      expect(taken.ends.join('\n')).toMatch(/rolled back/);
      expect(await ports()).toBe('ens33\nvnet0');
      expect(await inside('ip -4 -o address show br0')).toContain('192.168.221.150/24');
    });

    test('that is taken away gives its port everything back', async () => {
      expect(ends(await machine.run(change({ dns: [], search: [], mtu: 1500 })))).toEqual(['changed', 'changed']);
      await plugIn();
      expect(ends(await machine.run(change({ state: 'absent' })))).toEqual(['changed', 'changed']);
      expect(await ports()).toBe('vnet0');
      expect(await inside('ip -o address show br0')).toBe('');
      await inside('ip link delete vnet0; ip link delete br0');
      await expectAsBefore();
      expect(ends(await machine.run(change({ state: 'absent' })))).toEqual(['ok', 'ok']);
    });

    test('without guests goes as a whole', async () => {
      expect(ends(await machine.run(change({})))).toEqual(['changed', 'changed']);
      expect(ends(await machine.run(change({ state: 'absent' })))).toEqual(['changed', 'changed']);
      expect(await inside('ls -d /sys/class/net/br0 2>/dev/null; true')).toBe('');
      await expectAsBefore();
    });

    test('takes a second port, which NetworkManager runs by a connection that it holds in memory', async () => {
      // The peer is no link of the host's: it takes no address.
      await inside(`ip link add ens34 type veth peer name ens34p
until nmcli device set ens34p managed no; do sleep 0.2; done
echo 1 > /proc/sys/net/ipv6/conf/ens34p/disable_ipv6
ip address flush dev ens34p; ip link set ens34p up; ip link set ens34 up`);
      const connection = (): Promise<string> => inside('nmcli -t -f DEVICE,CONNECTION device');
      await waitUntil(connection, (text) => text.includes('ens34:Wired connection'), { within: 20, interval: 0.5 });
      const both = { ports: ['ens33', 'ens34'] };
      expect(ends(await machine.run(change(both)))).toEqual(['changed', 'changed']);
      expect(await ports()).toBe('ens33\nens34');
      expect(ends(await machine.run(change(both)))).toEqual(['ok', 'ok']);
      expect(ends(await machine.run(change({ ...both, state: 'absent' })))).toEqual(['changed', 'changed']);
      // The second link took the port's metric while both were up.
      await inside('ip link delete ens34; nmcli --wait 20 connection up ens33');
      await expectAsBefore();
    });

    test('goes back when the DHCP server is gone', async () => {
      await machine.lab.stopDhcp();
      const taken = await machine.run(change({}));
      await machine.lab.startDhcp();
      expect(taken.ends.join('\n')).toMatch(/rolled back/);
      await expectAsBefore();
    });
  },
  { network: 'networkmanager' },
);
