import { expect, test } from '@jest/globals';
import { runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { note } from './fault.ts';
import type { FaultLab } from './fault_lab.ts';
import { Watch } from './watch.ts';

/** The network is up by its script alone, and the sessions of a second sshd see no systemd. */
const prepare = `systemctl disable --now NetworkManager
export SYSTEMCTL_SKIP_REDIRECT=1
/etc/init.d/network stop
pkill -x dhclient
pkill -f '[s]shd -D -p 2222'
/etc/init.d/network start
setsid unshare --mount sh -c 'mount -t tmpfs none /run/systemd && exec /usr/sbin/sshd -D -p 2222 -o PidFile=none' \\
  </dev/null >/dev/null 2>&1 &`;

describeFaults('a host without systemd', [], (host) => {
  const site = { withoutSystemd: true } as const;
  const port = (on: FaultLab): string => `root@${on.lab.hostAddress}:2222`;

  test.each(['applying network', 'proving'])(
    'controller killed before %s: a detached process takes it back',
    async (step) => {
      const on = host();
      await on.reset();
      await on.inside(prepare);
      await on.untilAnswers(30);
      const old = await on.files();
      const watch = new Watch(on.lab);
      const onPhase = async (phase: string, kill: () => void): Promise<void> => (phase === step ? kill() : undefined);
      await runController(on.lab, { site, host: port(on), onPhase });
      expect(await on.inside("pgrep -fc '[p]rogram wait'")).toBe('1');
      await on.settle(90);
      await on.untilAnswers(30);
      const away = watch.end();
      expect(await on.files()).toBe(old);
      expect(await on.inside('ls -d /sys/class/net/br0 2>/dev/null; pgrep -c -x dhclient')).toBe('1');

      const again = await runController(on.lab, { site, host: port(on) });
      expect([again.exitCode, again.message]).toEqual([0, '']);
      const third = await runController(on.lab, { site, host: port(on), expectNoChange: true });
      expect([third.exitCode, third.message]).toEqual([0, '']);
      expect(await on.leftovers()).toBe('');
      note({
        what: 'without systemd: controller killed',
        where: `before \`${step}\``,
        ending: 'rolled back',
        exitCode: 'killed',
        away,
        files: 'old',
        again: 'yes',
      });
    },
    240_000,
  );
});
