import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { connect } from '../../lib/hosts/connect.ts';
import type { Lab } from '../../lib/lab/index.ts';
import { runCommand, startCommand } from '../support/command.ts';
import type { Machine } from './machine.ts';
import { withTwoLabs } from './support.ts';

const site = fileURLToPath(new URL('../../playbooks/site.ts', import.meta.url));
const iso = '/var/lib/libvirt/images/CentOS-7-x86_64-Minimal-1708.iso';

/** What must be the same, however often a run was killed on the way: uuids and MACs of a new guest are left out. */
const looks = [
  'cat /etc/sysconfig/network-scripts/ifcfg-* /etc/sysctl.conf',
  'systemctl is-enabled NetworkManager network libvirtd; systemctl is-active NetworkManager network; true',
  "ip -o link | sed 's/^[0-9]*: //; s/@[^:]*//; s/qlen.*//' | grep -v vnet; ip -o -4 address | sed 's/^[0-9]*: //; s/ valid_lft.*//'",
  'ip route | sed "s/metric [0-9]*//"; pgrep -a dhclient | cut -d" " -f2-; cat /proc/sys/net/ipv4/ip_forward',
  'virsh list --all | sed "s/^ *[0-9-]* *//"; virsh pool-list --autostart; virsh net-list --autostart; virsh vol-list default',
  "virsh dumpxml --inactive gibbon | grep -vE 'uuid|mac address'",
  'ls /var/lib/kvm-play/pending',
];

async function state(lab: Lab): Promise<readonly string[]> {
  return Promise.all(looks.map(async (script) => (await lab.run(['sh', '-c', script], { reject: false })).stdout));
}

/** Waits for the start of a task, then a little, and kills the controller: nothing of it gets a chance to tidy up. */
async function killAt(child: ChildProcess, index: number, milliseconds: number): Promise<void> {
  if (child.stdout === null || child.pid === undefined) throw new Error('the command did not start');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const event: { type?: string; task?: { index: number } } = JSON.parse(line);
    if (event.type !== 'task-start' || event.task?.index !== index) continue;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    process.kill(-child.pid, 'SIGKILL');
    await once(child, 'close');
    return;
  }
  const told = lines.filter((line) => line.includes('"error"') || line.includes('"run-end"'));
  throw new Error(`task ${index} never started:\n${told.join('\n')}`);
}

/** Waits until the host can be reached: a restart of its network goes on without the controller. */
async function untilReachable(lab: Lab): Promise<void> {
  const deadline = Date.now() + 240_000;
  for (;;) {
    const reached = await connect(`root@${lab.hostAddress}`, { sshConfig: lab.sshConfig }).catch(() => undefined);
    if (reached !== undefined) return reached.close();
    if (Date.now() > deadline) throw new Error('the host does not answer any more');
  }
}

withTwoLabs('a controller that is killed', ['kvmhost', 'kvmhost'], (undisturbed, disturbed) => {
  const args = (machine: Machine): readonly string[] => [
    site,
    ...machine.arguments,
    ...['-e', `virtType=${machine.lab.virtType}`, '--json'],
  ];

  beforeAll(async () => {
    for (const machine of [undisturbed, disturbed]) await machine.putBlankMedium(iso);
  });

  test('at every task of the network and two of the guest, and is run again, ends where an undisturbed one does', async () => {
    const whole = runCommand(args(undisturbed));
    // Tasks 0 to 3 are the network's, 7 and 8 the volume and the guest. The waits fall into their writes, and into the restart.
    for (const [index, wait] of [
      [0, 30],
      [0, 250],
      [1, 100],
      [2, 150],
      [3, 30],
      [3, 1500],
      [7, 100],
      [8, 300],
    ] as const) {
      await killAt(startCommand(args(disturbed)), index, wait);
      await untilReachable(disturbed.lab);
    }
    const last = await runCommand(args(disturbed));
    expect({ exitCode: last.exitCode, stderr: last.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect((await whole).exitCode).toBe(0);
    expect(await state(disturbed.lab)).toEqual(await state(undisturbed.lab));
    const again = await runCommand([...args(disturbed), '--expect-no-change']);
    expect(again.exitCode).toBe(0);
  });
});
