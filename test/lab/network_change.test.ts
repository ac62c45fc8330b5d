import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test } from '@jest/globals';
import { begin, newId } from '../../lib/network_change/transaction.ts';
import { type CommandEnd, runCommand, startCommand } from '../support/command.ts';
import { hostState } from './host_state.ts';
import { withLab } from './support.ts';

/** The post's network part; `mtu` makes another change of it. */
const site = `import { networkChange, play } from 'kvm-play';
import { ifcfgBridge, service } from 'kvm-play/modules';

export default play({
  name: 'Bridge',
  vars: { mtu: 1500 },
  tasks: ({ mtu }: { mtu: number }) => {
    const bridge = ifcfgBridge({ name: 'br0', port: 'ens33', bootproto: 'dhcp', mtu });
    const network = service({ name: 'network', enabled: true, reflects: [bridge], disrupts: ['link'] });
    const manager = service({ name: 'NetworkManager', state: 'stopped', enabled: false });
    return [networkChange({ confirmWithin: 60, prove: [{ ping: '10.77.0.1' }] }, [bridge, manager, network])];
  },
});
`;

withLab('a network change that is left pending', (machine) => {
  let before: Awaited<ReturnType<typeof hostState>>;
  beforeAll(async () => {
    writeFileSync(join(machine.directory, 'site.ts'), site);
    before = await hostState(machine.lab);
  });

  const args = (...more: readonly string[]): readonly string[] => [
    join(machine.directory, 'site.ts'),
    ...machine.arguments,
    ...['--json', ...more],
  ];
  const network = (action: string, ...more: readonly string[]): Promise<CommandEnd> =>
    runCommand(['network', action, machine.login, ...more, '--ssh-config', machine.lab.sshConfig]);
  const probe = (what: 'add' | 'delete'): Promise<unknown> =>
    machine.inside(
      what === 'add'
        ? 'ip link add probe0 type veth peer name probe1; ip address add 10.77.0.1/32 dev probe0; ip link set probe0 up'
        : 'ip link delete probe0',
    );

  /** Starts the site, takes its probe away so that nothing can be proved, and kills the controller while it proves. */
  async function leavePending(): Promise<void> {
    await probe('add');
    const child: ChildProcess = startCommand(args());
    if (child.stdout === null || child.pid === undefined) throw new Error('the command did not start');
    for await (const line of createInterface({ input: child.stdout })) {
      const { phase }: { phase?: string } = JSON.parse(line);
      if (phase === 'armed') await probe('delete');
      if (phase !== 'proving') continue;
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'close');
      return;
    }
    throw new Error('it was never proved');
  }

  test('is named to others, and is given more time', async () => {
    await leavePending();
    expect((await network('status')).stdout).toMatch(
      /^\S+: the network change [0-9a-f]{8} \('network change', by .*\) is pending for \d+ s; it rolls back in [1-5]?\d s unless it is confirmed$/m,
    );
    const other = await runCommand(args('-e', 'mtu=1400'));
    expect(other.exitCode).toBe(2);
    expect(other.stdout).toMatch(/PendingChangeError.*is pending for \d+ s; it rolls back by itself in \d+ s/);
    expect(await network('extend', '300')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/rolls back in 300 s/),
    });
    expect((await network('status')).stdout).toMatch(/it rolls back in (2[89]\d|300) s/);
    const { stdout } = await machine.lab.run(['systemctl', 'list-timers', '--no-legend', 'kvm-play*']);
    expect(stdout).toMatch(/(4min|5min).*kvm-play-roll-back-[0-9a-f]{8}\.timer/);
  });

  test('is rolled back by hand: the host is as it was, and nothing is left', async () => {
    expect(await network('rollback')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        // The test itself has taken it away, after the snapshot.
        / is rolled back: the host is not as it was before in:\n {2}the link probe0 is gone\n {2}the link probe1 is gone\n {2}the address 10\.77\.0\.1\/32 of probe0 is gone[^\n]*$/m,
      ),
    });
    expect((await network('status')).stdout).toMatch(
      /^\S+: the last one, the network change .* was rolled back: the host is not as it was before in:$/m,
    );
    expect(await network('confirm')).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(/no network change is pending/),
    });
    const now = await hostState(machine.lab);
    for (const what of ['files', 'modes', 'links', 'unitFiles', 'processes', 'parameters']) {
      expect({ what, seen: now[what] }).toEqual({ what, seen: before[what] });
    }
    const ofNic = (state: typeof now) => state.addresses?.filter((line) => !line.startsWith('lo '));
    expect(ofNic(now)).toEqual(ofNic(before));
  });

  test('puts files back past links that another user has put there, and takes away what dead runs have left', async () => {
    const { inside } = machine;
    const host = await machine.connect();
    try {
      await inside(`mkdir /srv/shared; echo old > /srv/shared/file; chmod 640 /srv/shared/file; echo decoy > /root/decoy; chmod 600 /root/decoy
ln -s /srv/shared/file /root/link; : > /srv/shared/.kvm-play.77.tmp; ln -s /root/decoy /srv/shared/.kvm-play.78.tmp
chown admin /srv/shared; mkdir -p /var/lib/kvm-play/change/new.deadbeef /etc/systemd/system/sysinit.target.wants
cd /etc/systemd/system; : > kvm-play-roll-back-deadbeef-at-boot.service
ln -s ../kvm-play-roll-back-deadbeef-at-boot.service sysinit.target.wants/`);
      const files = ['/srv/shared/file', '/root/link', '/srv/shared/absent'];
      const touched = {
        title: 'links',
        fingerprint: 'links',
        limit: 600,
        steps: [],
        links: [],
        carrier: undefined,
        files,
      };
      await begin(host, newId(), touched);
      expect(
        await inside(
          'cd /var/lib/kvm-play/change; ls -d new.* 2>/dev/null; find /etc/systemd -name "*deadbeef*"; ls -A /srv/shared',
        ),
      ).toBe('.kvm-play.78.tmp\nfile');
      await inside(`su admin -c 'cd /srv/shared && rm -f file && ln -s /root/decoy file && ln -s /root/decoy absent'
ln -sfn /root/decoy /root/link`);
      await inside('sh /var/lib/kvm-play/change/current/program roll-back');
      expect(
        await inside(`cat /var/lib/kvm-play/change/last/differences /root/decoy /srv/shared/file
stat -c '%F %a %U' /root/decoy /srv/shared/file; readlink /root/link; ls -A /srv/shared`),
      ).toBe('decoy\nold\nregular file 600 root\nregular file 640 root\n/srv/shared/file\n.kvm-play.78.tmp\nfile');
    } finally {
      await host.close();
    }
  });

  test('is confirmed by hand, and stays', async () => {
    await leavePending();
    expect(await network('confirm')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/ is confirmed: it stays$/m),
    });
    expect(await network('rollback')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/was confirmed; to undo it, run a site whose tasks say state: 'absent', or /),
    });
    expect((await runCommand(args('--expect-no-change'))).exitCode).toBe(0);
    const { stdout } = await machine.lab.run(
      [
        ...[
          'sh',
          '-c',
          'systemctl list-timers --all --no-legend "kvm-play*"; ls /var/lib/kvm-play/change/current; find /etc/systemd /run/systemd/system -name "kvm-play*"',
        ],
      ],
      { reject: false },
    );
    expect(stdout).toBe('');
  });
});
