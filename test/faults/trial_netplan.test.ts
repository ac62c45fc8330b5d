import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { waitUntil } from '../../lib/process/wait_until.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge } from '../../modules/bridge.ts';
import { network } from '../../modules/network.ts';
import { hostState } from '../lab/host_state.ts';
import type { TasksEnd } from '../lab/machine.ts';
import { withLab } from '../lab/support.ts';
import { startCommand } from '../support/command.ts';

function change(args: Partial<BridgeArgs>, prove: readonly { ping: string }[] = []): readonly PlayItem[] {
  const br0 = bridge({ name: 'br0', port: 'ens33', ...args, disrupts: ['guest'] });
  return [networkChange({ confirmWithin: 60, prove }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
}

/** Two of an administrator's files: lists add up, so that the name servers must leave theirs. */
const more = `# ours
network:
  ethernets:
    ens33:
      nameservers: {addresses: [192.168.221.7]} # the office
      optional: true`;

for (const kind of ['netplan', 'netplan-nm'] as const) {
  withLab(
    `a bridge of ${kind}`,
    (machine) => {
      const { inside } = machine;
      const looks = ['files', 'modes', 'links', 'addresses', 'routes', 'unitFiles'] as const;
      const generated = (): Promise<string> =>
        inside(`for file in /etc/netplan/* /run/systemd/network/10-netplan-* /run/NetworkManager/system-connections/netplan-*; do
  [ ! -e "$file" ] || { stat -c '%n %a' "$file"; cat "$file"; }
done
ls /var/lib/NetworkManager 2>/dev/null | grep br0
ls -d /etc/systemd/network/* /run/kvm-play-netplan* 2>/dev/null; true`);
      let before: Awaited<ReturnType<typeof hostState>>;
      let filesBefore: string;

      async function expectAsBefore(): Promise<void> {
        const isAsBefore = async (): Promise<boolean> => (await generated()) === filesBefore;
        await waitUntil(isAsBefore, Boolean, { within: 20, interval: 0.5 });
        expect(await generated()).toBe(filesBefore);
        const now = await hostState(machine.lab);
        for (const what of looks) expect({ what, seen: now[what] }).toEqual({ what, seen: before[what] });
      }

      const ends = ({ ends: all }: TasksEnd): unknown => ({ all });
      const ports = (): Promise<string> => inside('ls /sys/class/net/br0/brif');
      const plugIn = (): Promise<string> =>
        inside('ip link show vnet0 >/dev/null 2>&1 || ip tuntap add vnet0 mode tap; ip link set vnet0 master br0 up');
      /** Runs a change, and takes its probe away once it is armed. */
      async function unproved(args: Partial<BridgeArgs>): Promise<TasksEnd> {
        await inside(
          'ip link add probe0 type veth peer name probe1; ip address add 10.77.0.1/32 dev probe0; ip link set probe0 up',
        );
        const end = await machine.run(change(args, [{ ping: '10.77.0.1' }]), {
          onEvent: (event) => {
            if (event.type === 'network-change' && event.phase === 'armed') void inside('ip link delete probe0');
          },
        });
        await inside('ip link delete probe0 2>/dev/null; true');
        return end;
      }

      beforeAll(async () => {
        await machine.lab.putFile('/etc/netplan/60-more.yaml', more, 0o600);
        await inside(
          kind === 'netplan'
            ? 'netplan generate && networkctl reload'
            : 'netplan generate && nmcli connection reload && nmcli connection up netplan-ens33',
        );
        await waitUntil(
          () => inside('ip -4 address show ens33'),
          (text) => text.includes('221.150'),
          { within: 30, interval: 0.5 },
        );
        before = await hostState(machine.lab);
        filesBefore = await generated();
      });

      test('that cannot be proved goes back: files byte for byte, and nothing is left of it', async () => {
        expect((await unproved({})).ends.join('\n')).toMatch(/rolled back/);
        await expectAsBefore();
      });

      test('is taken back at boot when the power fails before it is confirmed', async () => {
        const site = join(machine.directory, 'site.ts');
        writeFileSync(
          site,
          `import { networkChange, play } from 'kvm-play';
import { bridge, network } from 'kvm-play/modules';
const br0 = bridge({ name: 'br0', port: 'ens33' });
export default play({ name: 'Bridge', tasks: [networkChange({ confirmWithin: 600 }, [br0, network({ reflects: [br0], disrupts: ['link'] })])] });
`,
        );
        const child: ChildProcess = startCommand([site, ...machine.arguments, '--json']);
        if (child.stdout === null || child.pid === undefined) throw new Error('the command did not start');
        for await (const line of createInterface({ input: child.stdout })) {
          const { phase }: { phase?: string } = JSON.parse(line);
          if (phase !== 'proving') continue;
          process.kill(-child.pid, 'SIGKILL');
          await once(child, 'close');
          break;
        }
        await machine.lab.powerOff();
        await machine.lab.powerOn();
        expect(await inside('ls -d /sys/class/net/br0 2>/dev/null; true')).toBe('');
        await expectAsBefore();
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
        await plugIn();
        const index = await inside('cat /sys/class/net/br0/ifindex');
        const changed = change({ search: ['corp.test'], mtu: 1400 });
        expect(ends(await machine.run(changed))).toMatchObject({ all: ['changed', 'changed'] });
        expect(await ports()).toBe('ens33\nvnet0');
        expect(await inside('cat /sys/class/net/br0/ifindex /sys/class/net/br0/mtu /sys/class/net/ens33/mtu')).toBe(
          `${index}\n1400\n1400`,
        );
        expect(ends(await machine.run(changed))).toMatchObject({ all: ['ok', 'ok'] });
      });

      test('that is taken away keeps the taps of guests, and comes back with them when that is rolled back', async () => {
        expect((await unproved({ state: 'absent' })).ends.join('\n')).toMatch(/rolled back/);
        expect(await ports()).toBe('ens33\nvnet0');
        expect(await inside('ip -4 -o address show br0')).toContain('192.168.221.150/24');
      });

      test('that is taken away gives its port everything back', async () => {
        expect(ends(await machine.run(change({ search: [], mtu: 1500 })))).toMatchObject({
          all: ['changed', 'changed'],
        });
        await plugIn();
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['changed', 'changed'] });
        expect(await ports()).toBe('vnet0');
        expect(await inside('ip -4 -o address show br0')).toBe('');
        await inside('ip link delete vnet0; ip link delete br0');
        await expectAsBefore();
        expect(ends(await machine.run(change({ state: 'absent' })))).toMatchObject({ all: ['ok', 'ok'] });
      });

      test('goes back when the DHCP server is gone', async () => {
        await machine.lab.stopDhcp();
        const taken = await machine.run(change({}));
        await machine.lab.startDhcp();
        expect(taken.ends.join('\n')).toMatch(/rolled back/);
        await expectAsBefore();
      });

      test('that netplan would not understand is refused before a file is written', async () => {
        await machine.lab.putFile(
          '/etc/netplan/70-wrong.yaml',
          'network: {ethernets: {ens33: {dhcp4: ture}}}\n',
          0o600,
        );
        const taken = await machine.run(change({}));
        await inside('rm /etc/netplan/70-wrong.yaml');
        expect(taken.ends.join('\n')).toMatch(
          /70-wrong\.yaml:1:\d+: Error in network definition: invalid boolean value 'ture'/,
        );
        await expectAsBefore();
      });
    },
    { network: kind },
  );
}
