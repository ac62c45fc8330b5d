/** `playbooks/kvm_host.ts`, unchanged, on a throwaway host of every network stack: from a bare host to a guest, and back. */
import { beforeAll, expect, test } from '@jest/globals';
import type { PlayEvent, Summary } from '../../lib/events/events.ts';
import type { LabNetwork } from '../../lib/lab/index.ts';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { waitUntil } from '../../lib/process/wait_until.ts';
import { type RunOptions, run } from '../../lib/run/run.ts';
import { bridge } from '../../modules/bridge.ts';
import { network } from '../../modules/network.ts';
import { virtInstall } from '../../modules/virt_install.ts';
import site from '../../playbooks/kvm_host.ts';
import { hostState } from '../lab/host_state.ts';
import { withLab } from '../lab/support.ts';

const kinds: readonly LabNetwork[] = [
  'networkd',
  'netplan',
  'networkmanager',
  'netplan-nm',
  'ifupdown',
  'network-scripts',
];

const iso = '/var/lib/libvirt/images/debian-12-netinst.iso';

/** What the daemons know of links and connections; a daemon that does not run is not asked, because the question would start it. */
const daemonLists = `if systemctl -q is-active NetworkManager; then
  nmcli -t -f NAME,UUID,TYPE,DEVICE,FILENAME connection show | sort; nmcli -t -f DEVICE,TYPE,STATE,CONNECTION device | sort
fi
if systemctl -q is-active systemd-networkd; then networkctl --no-pager --no-legend list | sort -n; fi
for file in /run/network/ifstate* /run/systemd/network/* /run/systemd/netif/links/*; do
  [ ! -f "$file" ] || { echo "== $file"; cat "$file"; }
done`;

/** Files that what stays of the site has changed: libvirt with its pool, and the host's kernel parameters. */
const staysOnTheHost =
  /^\/(etc\/libvirt|var\/lib\/libvirt|etc\/systemd\/system\/\S+\.wants(\/\S*virt\S*)?$|etc\/sysctl\.d\/90-kvm-host)/;

for (const kind of kinds) {
  withLab(
    `kvm_host.ts on a host with ${kind}`,
    (machine) => {
      const { inside } = machine;
      let before: Awaited<ReturnType<typeof hostState>>;

      async function runSite(options: RunOptions = {}): Promise<{ summary: Summary; statuses: readonly string[] }> {
        const events: PlayEvent[] = [];
        const summary = await run(site, {
          hosts: [machine.login],
          sshConfig: machine.lab.sshConfig,
          vars: { virtType: machine.lab.virtType, memory: 128, capacity: '1G' },
          ...options,
          onEvent: (event) => events.push(event),
        });
        const statuses = events.flatMap((event) => {
          if (event.type === 'host-failed') return [event.error.message];
          if (event.type !== 'task-end' || event.status === 'skipped') return [];
          return [`${event.task.title}: ${event.error?.message ?? event.status}`];
        });
        return { summary, statuses };
      }

      /** The tasks that did something else than what was expected. */
      async function othersThan(status: 'ok' | 'changed', options?: RunOptions): Promise<readonly string[]> {
        const { statuses } = await runSite(options);
        expect(statuses.length).toBeGreaterThan(5);
        return statuses.filter((each) => !each.endsWith(`: ${status}`));
      }

      async function expectNothingToDo(): Promise<void> {
        expect(await othersThan('ok', { check: true })).toEqual([]);
        expect(await othersThan('ok')).toEqual([]);
      }

      async function guestHasLease(): Promise<boolean> {
        const [mac] = /52:54:00:[0-9a-f:]{8}/.exec(await inside('virsh domiflist web')) ?? [];
        return (await machine.lab.leases()).some((lease) => lease.mac === mac);
      }

      /** The paths of files that are not as they were, by their contents or their owners and modes. */
      async function changedFiles(): Promise<readonly string[]> {
        const now = await hostState(machine.lab);
        const all = (state: typeof now): readonly string[] => [...(state.files ?? []), ...(state.modes ?? [])];
        const [old, young] = [all(before), all(now)];
        const differing = [
          ...old.filter((line) => !young.includes(line)),
          ...young.filter((line) => !old.includes(line)),
        ];
        return [...new Set(differing.map((line) => /\/\S+/.exec(line)?.[0] ?? line))];
      }

      beforeAll(async () => {
        await machine.lab.run(['install', '-D', '-m', '644', machine.lab.bootIso, iso]);
        before = await hostState(machine.lab);
      });

      test('check changes nothing: no file, link, unit or process, and nothing that a daemon knows', async () => {
        const lists = await inside(daemonLists);
        const { summary, statuses } = await runSite({ check: true });
        expect(statuses.filter((each) => !/: (ok|changed)$/.test(each))).toEqual([]);
        expect(summary.hosts[machine.login]?.changed).toBeGreaterThan(4);
        expect(await hostState(machine.lab)).toEqual(before);
        expect(await inside(daemonLists)).toBe(lists);
      });

      test('apply makes the bridge and the guest, and the host keeps its address and its MAC', async () => {
        const foreseen = await runSite({ check: true });
        const applied = await runSite();
        expect(applied.statuses).toEqual(foreseen.statuses);
        expect(await inside('ip -4 -o address show br0; cat /sys/class/net/br0/address')).toMatch(
          /192\.168\.221\.150\/24[\s\S]*\n52:54:00:aa:00:01$/,
        );
        expect(await inside('ip -4 route show default')).toMatch(/^default via 192\.168\.221\.1 dev br0\b[^\n]*$/);
        await expectNothingToDo();
      });

      test('the guest has a lease of the LAN, through the bridge', async () => {
        expect(await waitUntil(guestHasLease, Boolean, { within: 500, interval: 0.5 })).toBe(true);
      });

      test('after a reboot the host answers at its address, the guest runs, and nothing has to be changed', async () => {
        await machine.lab.reboot();
        await waitUntil(
          () => inside('virsh list --name'),
          (names) => names === 'web',
          { within: 120, interval: 0.5 },
        );
        expect(await inside('virsh list --name')).toBe('web');
        await expectNothingToDo();
      });

      test('absent gives the interface everything back, and the files are as they were byte for byte', async () => {
        const guest = virtInstall({ name: 'web', state: 'absent', disrupts: ['guest'] });
        const br0 = bridge({ name: 'br0', port: 'ens33', state: 'absent', disrupts: ['guest'] });
        const absent = [guest, networkChange({}, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
        expect((await machine.run(absent)).ends).toEqual(['changed', 'changed', 'changed']);
        expect((await machine.run(absent)).ends).toEqual(['ok', 'ok', 'ok']);
        expect(await inside('ls /sys/class/net; ip -4 -o address show ens33')).toMatch(
          /^ens33\nlo\n[\s\S]*192\.168\.221\.150\/24/,
        );
        expect((await changedFiles()).filter((path) => !staysOnTheHost.test(path))).toEqual([]);
      });
    },
    { network: kind },
  );
}
