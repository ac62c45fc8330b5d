import { expect, test } from '@jest/globals';
import { runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { note } from './fault.ts';
import type { FaultLab } from './fault_lab.ts';
import { farawayGone, farawayThere, withProbe } from './injections.ts';
import { Watch } from './watch.ts';

const mac = '52:54:00:12:34:56';

/** A guest that asks for a lease when it boots. */
const start = (virtType: string): string => `ip tuntap add tap9 mode tap
ip link set tap9 master br0 up
qemu-system-x86_64 -accel ${virtType === 'kvm' ? 'kvm' : 'tcg'} -m 64 -display none -cdrom /usr/lib/ipxe/ipxe.iso -boot d \\
  -netdev tap,id=n,ifname=tap9,script=no,downscript=no -device virtio-net-pci,netdev=n,mac=${mac} \\
  -daemonize -pidfile /run/guest.pid`;

const look = `basename "$(readlink /sys/class/net/tap9/master)"
kill -0 "$(cat /run/guest.pid)" && echo runs`;

describeFaults('a running guest', [], (host) => {
  const address = async (on: FaultLab): Promise<string | undefined> =>
    (await on.lab.leases()).find((each) => each.mac === mac)?.address;

  test('keeps its lease and its tap through apply, roll-back and a second apply', async () => {
    const on = host();
    await on.reset();
    await farawayThere(on, () => {});
    const first = await runController(on.lab);
    expect([first.exitCode, first.message]).toEqual([0, '']);
    await on.inside(start(on.lab.virtType));
    await on.until(150, 'the guest has no lease', async () => (await address(on)) !== undefined);
    const [lease, files] = [await address(on), await on.files()];
    const answers = ['br0\nruns', lease];

    const watch = new Watch(on.lab);
    const site = { bridge: { mtu: 1400 } };
    const failed = await runController(on.lab, {
      site: { ...withProbe, ...site },
      onPhase: async (phase) => (phase === 'applying network' ? farawayGone(on, () => {}) : undefined),
    });
    await on.settle(60);
    const away = watch.end();
    expect([failed.exitCode, failed.message]).toEqual([5, expect.stringContaining('as it was before')]);
    expect(await on.files()).toBe(files);
    expect([await on.inside(look), await address(on)]).toEqual(answers);
    expect(await on.leftovers()).toBe('');

    const second = await runController(on.lab, { site });
    expect([second.exitCode, second.message]).toEqual([0, '']);
    const third = await runController(on.lab, { site, expectNoChange: true });
    expect(third.exitCode).toBe(0);
    expect([await on.inside(look), await address(on)]).toEqual(answers);
    expect(await on.leftovers()).toBe('');
    note({
      what: 'a running guest on the bridge',
      where: 'through apply, roll-back and a second apply: it keeps its lease and its tap',
      ending: 'rolled back',
      exitCode: '5',
      away,
      files: 'old',
      again: 'yes',
    });
  });
});
