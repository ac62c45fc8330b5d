import { expect, test } from '@jest/globals';
import type { PlayEvent, Summary } from '../../lib/events/events.ts';
import { type RunOptions, run } from '../../lib/run/run.ts';
import type { Task } from '../../lib/task/task.ts';
import {
  ifcfgBridge,
  service,
  sysctl,
  virshNetwork,
  virshPool,
  virshVolume,
  virtInstall,
} from '../../modules/index.ts';
import site from '../../playbooks/site.ts';
import { hostState } from './host_state.ts';
import { withLab } from './support.ts';

const iso = '/var/lib/libvirt/images/CentOS-7-x86_64-Minimal-1708.iso';

withLab('the procedure on a throwaway host', (machine) => {
  /** Runs the site, and gives the status of each task by its title. */
  async function runSite(
    options: RunOptions = {},
  ): Promise<{ summary: Summary; tasks: Record<string, string>; events: PlayEvent[] }> {
    const events: PlayEvent[] = [];
    const summary = await run(site, {
      hosts: [machine.login],
      sshConfig: machine.lab.sshConfig,
      ...options,
      vars: { virtType: machine.lab.virtType, ...options.vars },
      onEvent: (event) => events.push(event),
    });
    const ended = events.filter((event) => event.type === 'task-end');
    return {
      summary,
      events,
      tasks: Object.fromEntries(ended.map(({ task, status, error }) => [task.title, error?.message ?? status])),
    };
  }

  const everyTask = [
    'Create the bridge, and make the NIC its port',
    'Forward packets',
    'Stop NetworkManager',
    'Restart the network',
    'Start libvirt',
    'virsh_pool default',
    'virsh_network default',
    'Create the volume',
    'Create the guest',
  ];
  const all = (status: string): Record<string, string> => Object.fromEntries(everyTask.map((title) => [title, status]));

  test('without the ISO, nothing is written, and all that is missing is said', async () => {
    const before = await hostState(machine.lab);
    const { summary, tasks } = await runSite();
    expect(tasks['Create the guest']).toContain(iso);
    expect(summary.hosts[machine.login]).toMatchObject({ changed: 0, failed: 1 });
    expect(await hostState(machine.lab)).toEqual(before);
    await machine.lab.run(['install', '-m', '644', machine.lab.bootIso, iso]);
  });

  test('check says what apply does, and leaves the host as it was', async () => {
    const before = await hostState(machine.lab);
    const { tasks, events } = await runSite({ check: true });
    expect(tasks).toEqual(all('changed'));
    const planned = events.flatMap((event) => (event.type === 'task-end' ? [event.result?.steps.length ?? 0] : []));
    expect(planned.every((steps) => steps > 0)).toBe(true);
    expect(await hostState(machine.lab)).toEqual(before);
  });

  test('apply changes every task, and the host keeps its address', async () => {
    const { tasks } = await runSite();
    expect(tasks).toEqual(all('changed'));
    const { stdout } = await machine.lab.run(['ip', '-o', '-4', 'address', 'show', 'br0']);
    expect(stdout).toContain(`${machine.lab.hostAddress}/24`);
  });

  test('the second run changes nothing, and check agrees', async () => {
    expect((await runSite()).tasks).toEqual(all('ok'));
    expect((await runSite({ check: true })).tasks).toEqual(all('ok'));
  });

  test('law 2: every module’s look at what is there, and at what would change, leaves the host as it was', async () => {
    const before = await hostState(machine.lab);
    const checkAll = async (tasks: readonly Task[]): Promise<string[]> => {
      const { events } = await machine.run(tasks, { check: true });
      return events.flatMap((event) =>
        event.type === 'task-end' ? [event.error?.message ?? `${event.status} ${event.task.module}`] : [],
      );
    };
    expect((await runSite({ check: true })).tasks).toEqual(all('ok'));
    // Each module plans a change, so that each looks at everything that it ever looks at; inForce included.
    const bridge = ifcfgBridge({ name: 'br0', port: 'ens33', mtu: 1400 });
    const disk = 'gibbon-centos74.img';
    const changes = [
      bridge,
      sysctl({ values: { 'net.ipv4.ip_forward': 0 } }),
      service({ name: 'NetworkManager', state: 'started', disrupts: ['link'] }),
      service({ name: 'network', reflects: [bridge], disrupts: ['link'] }),
      virshPool({ name: 'default', autostart: false }),
      virshNetwork({ name: 'default', autostart: false }),
      virshVolume({ name: disk, capacity: '9G' }),
      virtInstall({ name: 'gibbon', memory: 1024, vcpus: 2, import: true, disks: [{ pool: 'default', volume: disk }] }),
    ];
    expect(await checkAll(changes)).toEqual(changes.map(({ module }) => `changed ${module}`));
    const removals = [
      ifcfgBridge({ name: 'br0', port: 'ens33', state: 'absent', loadedLater: true, disrupts: ['guest'] }),
      sysctl({ values: { 'net.ipv4.ip_forward': 1 }, state: 'absent' }),
      virtInstall({ name: 'gibbon', state: 'absent', disrupts: ['guest'] }),
    ];
    expect(await checkAll(removals)).toEqual(removals.map(({ module }) => `changed ${module}`));
    expect(await hostState(machine.lab)).toEqual(before);
  });

  test('more memory is a change, shown in words, once', async () => {
    const { tasks, events } = await runSite({ vars: { memory: 1024 } });
    expect(tasks['Create the guest']).toBe('changed');
    const differences = events.flatMap((event) =>
      event.type === 'task-end' ? [...(event.result?.differences ?? [])] : [],
    );
    expect(differences).toEqual([{ path: 'memory', wanted: '1024 MiB', actual: '512 MiB' }]);
    expect((await runSite({ vars: { memory: 1024 } })).tasks).toEqual(all('ok'));
  });

  test('the guest has a lease on the LAN, through the bridge', async () => {
    const { stdout } = await machine.lab.run(['virsh', 'domiflist', 'gibbon']);
    const mac = /52:54:00:[0-9a-f:]{8}/.exec(stdout)?.[0];
    expect(mac).toBeDefined();
    const deadline = Date.now() + 500_000;
    while (!(await machine.lab.leases()).some((lease) => lease.mac === mac)) {
      if (Date.now() > deadline) throw new Error(`no lease for ${mac}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });

  test('a forwarding that is only live is taken back by the restart, and the run says so', async () => {
    await machine.lab.run(['sed', '-i', '/ip_forward/d', '/etc/sysctl.conf']);
    const bridge = ifcfgBridge({ name: 'br0', port: 'ens33', bootproto: 'dhcp', mtu: 1400 });
    const live = sysctl('Forward, until the next restart', { values: { 'net.ipv4.ip_forward': 1 }, persist: false });
    const network = service({ name: 'network', reflects: [bridge], disrupts: ['link'] });
    await machine.lab.run(['sysctl', '-w', 'net.ipv4.ip_forward=0']);
    const { summary, events } = await machine.run([bridge, live, network]);
    expect(summary.hosts[machine.login]).toMatchObject({ changed: 3, failed: 1 });
    const [failed] = events.flatMap((event) => (event.type === 'host-failed' ? [event.error.message] : []));
    expect(failed).toMatch(
      /'Forward, until the next restart' no longer holds: live\.net\.ipv4\.ip_forward is 0, wanted 1[\s\S]*later task/,
    );
  });
});
