import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test } from '@jest/globals';
import { onScriptsHost } from '../lab/scripts_host.ts';
import { startCommand } from '../support/command.ts';

/** The bridge, and what loads it; `mtu` makes another change of it. */
const site = `import { networkChange, play } from 'kvm-play';
import { bridge, network } from 'kvm-play/modules';

export default play({
  name: 'Bridge',
  vars: { mtu: 1500 },
  tasks: ({ mtu }: { mtu: number }) => {
    const br0 = bridge({ name: 'br0', port: 'ens33', mtu });
    const loaded = network({ reflects: [br0], disrupts: ['link'] });
    return [networkChange({ confirmWithin: 12, prove: [{ ping: '10.77.0.1' }] }, [br0, loaded])];
  },
});
`;

/** What takes too long for test/lab/network_scripts.test.ts. */
onScriptsHost('a network change of network-scripts', (host) => {
  const { inside, machine } = host;
  beforeAll(() => writeFileSync(join(machine.directory, 'site.ts'), site));

  /** Starts the site, takes its probe away so that nothing can be proved, and kills the controller while it proves. */
  async function leavePending(...more: readonly string[]): Promise<void> {
    await inside(
      'ip link add probe0 type veth peer name probe1; ip address add 10.77.0.1/32 dev probe0; ip link set probe0 up',
    );
    const child: ChildProcess = startCommand([
      ...[join(machine.directory, 'site.ts'), ...machine.arguments, '--json', ...more],
    ]);
    if (child.stdout === null || child.pid === undefined) throw new Error('the command did not start');
    for await (const line of createInterface({ input: child.stdout })) {
      const { phase }: { phase?: string } = JSON.parse(line);
      if (phase === 'armed') await inside('ip link delete probe0');
      if (phase !== 'proving') continue;
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'close');
      return;
    }
    throw new Error('it was never proved');
  }

  test('that nobody confirms goes back by itself, and a guest stays in the bridge that was there', async () => {
    await leavePending();
    await host.untilOver();
    await host.expectAsBefore();
    await host.run({ mtu: 1500 });
    await inside('ip link set tap9 master br0');
    const bridged = await host.live();
    await leavePending('-e', 'mtu=1400');
    expect(await inside('cat /sys/class/net/br0/mtu')).toBe('1400');
    await host.untilOver();
    expect(await host.plugged()).toBe('ens33 tap9');
    expect(await host.live()).toBe(bridged);
  });

  test('that nobody confirms before a power cut is gone at boot', async () => {
    await leavePending();
    await machine.lab.powerOff();
    await machine.lab.powerOn();
    await host.untilOver();
    await host.addTap();
    expect(await host.allFiles()).toBe(host.files);
    expect(await inside('systemctl show -p Result network; ls /etc/systemd/system | grep kvm-play || :')).toBe(
      'Result=success',
    );
    host.before = await host.live();
    expect(host.before).toContain('192.168.221.150/24');
    expect(host.before).not.toContain('br0');
  });

  test('whose ifup leaves the bridge without an address goes back', () =>
    host.expectRollBack('ip link add br0 type bridge 2>/dev/null; ip link set br0 up; exit 0'));
});
