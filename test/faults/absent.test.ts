import { expect, test } from '@jest/globals';
import { runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { type Injection, note } from './fault.ts';
import { killed, once, powerCut } from './injections.ts';
import { Watch } from './watch.ts';

const absent = { bridge: { state: 'absent' } } as const;

/** What addresses the host and its bridge, and what asks for a lease. */
const look = `ip -o -4 address show | awk '$2 != "lo" { print $2, $4 }'
ip -4 route show default | cut -d' ' -f1-5
pgrep -a dhclient | sed 's/.* //' | sort
[ ! -e /sys/class/net/br0 ] || ls /sys/class/net/br0/brif`;

const bridged = 'br0 192.168.221.150/24\ndefault via 192.168.221.1 dev br0\nbr0\nens33';
const alone = 'ens33 192.168.221.150/24\ndefault via 192.168.221.1 dev ens33\nens33';

const noDhcp: Injection = (host) => host.lab.stopDhcp();

describeFaults('the bridge that carries the connection is to go', [], (host) => {
  test.each<[string, string, string, Injection, number | undefined]>([
    ['controller killed', 'while the network restarts', 'applying network', once('current/cut', killed), undefined],
    ['power cut', 'while the network restarts', 'applying network', once('current/cut', powerCut), 5],
    ['the DHCP server is gone', 'from before the restart', 'armed', noDhcp, 5],
  ])(
    '%s: %s',
    async (what, where, phase, inject, exitCode) => {
      const on = host();
      await on.reset();
      expect((await runController(on.lab)).message).toBe('');
      expect(await on.inside(look)).toBe(bridged);
      const files = await on.files();

      const watch = new Watch(on.lab);
      let isDone = false;
      const end = await runController(on.lab, {
        site: absent,
        onPhase: async (at, kill) => {
          if (at !== phase || isDone) return;
          isDone = true;
          await inject(on, kill);
        },
      });
      await on.settle(120);
      await on.lab.startDhcp();
      await on.untilAnswers(30);
      const away = watch.end();
      expect([end.exitCode, await on.files(), await on.leftovers()]).toEqual([exitCode, files, '']);
      await on.until(60, 'the bridge is not back', async () =>
        (await on.inside(look)).startsWith('br0 192.168.221.150/24'),
      );

      const again = await runController(on.lab, { site: absent });
      expect([again.exitCode, again.message]).toEqual([0, '']);
      expect(await on.inside(look)).toBe(alone);
      expect((await runController(on.lab, { site: absent, expectNoChange: true })).exitCode).toBe(0);
      note({
        what: `${what}; the bridge that carries the connection is to go`,
        where,
        ending: 'rolled back',
        exitCode: exitCode === undefined ? 'killed' : String(exitCode),
        away,
        files: 'old',
        again: 'yes',
      });
    },
    480_000,
  );

  test('spanning tree there and back, on a bridge that a tap holds', async () => {
    const on = host();
    await on.reset();
    expect((await runController(on.lab)).message).toBe('');
    await on.inside('ip tuntap add tap9 mode tap; ip link set tap9 master br0 up');
    const options = () => on.inside('cd /sys/class/net/br0/bridge && cat stp_state forward_delay');
    const watch = new Watch(on.lab);
    for (const [bridge, seen] of [
      [{ stp: true, delay: 4 }, '1\n400'],
      [{ stp: false, delay: 0 }, '0\n0'],
    ] as const) {
      const site = { confirmWithin: 60, bridge };
      const end = await runController(on.lab, { site });
      expect([end.exitCode, end.message, await options()]).toEqual([0, '', seen]);
      expect((await runController(on.lab, { site, expectNoChange: true })).exitCode).toBe(0);
    }
    note({
      what: 'spanning tree on, and off again',
      where: 'on a bridge that a tap holds',
      ending: 'confirmed',
      exitCode: '0',
      away: watch.end(),
      files: 'new',
      again: 'yes',
    });
  });
});
