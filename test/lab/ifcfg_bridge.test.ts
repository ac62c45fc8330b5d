import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { execa, execaSync } from 'execa';
import type { Lab } from '../../lib/lab/index.ts';
import { networkChange } from '../../lib/network_change/network_change.ts';
import type { Task } from '../../lib/task/task.ts';
import { type IfcfgBridgeArgs, ifcfgBridge, service } from '../../modules/index.ts';
import { withLab } from './support.ts';

const scripts = '/etc/sysconfig/network-scripts';

/** What each task of a run came to. */
interface End {
  readonly tasks: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
  readonly commands: readonly string[];
}

withLab('ifcfg_bridge on a throwaway host', (machine) => {
  let old: string;
  beforeAll(async () => {
    old = await inside(`cat ${scripts}/ifcfg-ens33`);
  });

  /** Brings the host back to one that the network scripts own, without a bridge. */
  beforeEach(async () => {
    await inside(`systemctl disable --now NetworkManager 2>/dev/null
SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/network stop
systemctl stop network; pkill -x dhclient
for link in br0 tap9 ens34; do ip link delete $link; done
ip -4 rule flush; ip -4 rule add from all lookup main pref 32766; ip -4 rule add from all lookup default pref 32767
cd ${scripts} && rm -f ifcfg-[!l]* route* rule* /etc/sysctl.d/90-kvm-play-* /var/lib/dhclient/*
cat > ifcfg-ens33 <<'EOF'
${old}
EOF
systemctl reset-failed network; systemctl start network
true`);
  });

  /** Runs a script that no process list shows: some of them end processes by their command lines. */
  async function inside(script: string): Promise<string> {
    return (await machine.lab.run(['sh'], { input: script })).stdout.trim();
  }

  async function runTasks(tasks: readonly Task[], options: { change?: boolean; check?: boolean } = {}): Promise<End> {
    const end = {
      exitCode: 0,
      tasks: {} as Record<string, string>,
      warnings: [] as string[],
      commands: [] as string[],
    };
    const items = options.change === true ? [networkChange({ confirmWithin: 60 }, tasks)] : tasks;
    await machine.run(items, {
      check: options.check ?? false,
      onEvent: (event) => {
        if (event.type !== 'task-end') return;
        end.tasks[event.task.title] = event.error?.message ?? event.status;
        end.warnings.push(...(event.result?.warnings ?? []));
        for (const step of event.result?.steps ?? [])
          if (step.kind === 'command') end.commands.push(step.argv.join(' '));
      },
    });
    return end;
  }

  type Args = Partial<IfcfgBridgeArgs> & { readonly disrupts?: readonly 'guest'[] };

  const site = (args: Args = {}): readonly Task[] => {
    const bridge = ifcfgBridge('bridge', { name: 'br0', port: 'ens33', ...args });
    return [bridge, service('network', { name: 'network', enabled: true, reflects: [bridge], disrupts: ['link'] })];
  };

  const both = (status: string): Record<string, string> => ({ bridge: status, network: status });

  /** The links' addresses, the DHCP clients, and what is in br0. */
  const live = (): Promise<string> =>
    inside(`ip -o -4 address show | awk '$2 != "lo" { print $2, $4 }'
pgrep -a dhclient | sed 's/.* //' | sort
[ ! -e /sys/class/net/br0 ] || ls /sys/class/net/br0/brif
[ ! -e /sys/class/net/br0 ] || echo br0 is there`);

  const portAlone = 'ens33 192.168.221.150/24\nens33';

  test.each([
    ['within a network change', true],
    ['outside of one', false],
  ])('the bridge that carries the connection goes, and its port takes the address over, %s', async (_where, change) => {
    expect((await runTasks(site(), { change })).tasks).toEqual(both('changed'));
    expect(await live()).toBe('br0 192.168.221.150/24\nbr0\nens33\nbr0 is there');
    const absent = site({ state: 'absent' });
    const checked = await runTasks(absent, { change, check: true });
    expect(checked.tasks).toEqual(both('changed'));
    const applied = await runTasks(absent, { change });
    expect(applied).toEqual(checked);
    expect(applied.commands).toEqual([
      expect.stringMatching(/^pkill -f .*br0/),
      'ip link set dev ens33 nomaster',
      'ip link delete dev br0',
      'systemctl restart network',
    ]);
    expect(await live()).toBe(portAlone);
    expect(await inside(`cat ${scripts}/ifcfg-ens33`)).toBe(old);
    expect((await runTasks(absent, { change })).tasks).toEqual(both('ok'));
  });

  test('guests that would lose the LAN are a reason to refuse, unless the task names them; the bridge then stays', async () => {
    await runTasks(site());
    await inside('ip tuntap add tap9 mode tap; ip link set tap9 master br0 up');
    const refused = await runTasks(site({ state: 'absent' }));
    expect(refused.tasks.bridge).toMatch(
      /^br0 cannot be changed: tap9 on br0: .*shut those guests down first, or say disrupts/,
    );
    expect(await live()).toBe('br0 192.168.221.150/24\nbr0\nens33\ntap9\nbr0 is there');
    const absent = site({ state: 'absent', disrupts: ['guest'] });
    const { tasks, warnings } = await runTasks(absent, { change: true });
    expect(tasks).toEqual(both('changed'));
    expect(warnings).toEqual(
      expect.arrayContaining([expect.stringMatching(/^tap9 on br0: while it is plugged in, br0 stays/)]),
    );
    expect(await live()).toBe(`${portAlone}\ntap9\nbr0 is there`);
    expect((await runTasks(absent)).tasks).toEqual(both('ok'));
  });

  test('a run that died after its files were written is completed by the next', async () => {
    await runTasks(site());
    const [bridge] = site({ state: 'absent' });
    if (bridge === undefined) throw new Error('no task');
    await runTasks([ifcfgBridge({ name: 'br0', port: 'ens33', state: 'absent', loadedLater: true })]);
    expect(await live()).toContain('br0 is there');
    expect((await runTasks(site({ state: 'absent' }))).tasks).toEqual({ bridge: 'ok', network: 'changed' });
    expect(await live()).toBe(portAlone);
  });

  test('a change that takes the bridge away and cannot be proved is rolled back', async () => {
    await runTasks(site());
    await inside(
      'ip link add probe0 type veth peer name probe1; ip address add 10.77.0.1/32 dev probe0; ip link set probe0 up',
    );
    const gone = service('network', { name: 'network', enabled: true });
    expect(gone.title).toBe('network');
    const tasks = site({ state: 'absent' });
    const messages: string[] = [];
    await machine.run([networkChange({ confirmWithin: 30, prove: [{ ping: '10.77.0.1' }] }, tasks)], {
      onEvent: (event) => {
        if (event.type === 'network-change' && event.phase === 'armed') void inside('ip link delete probe0');
        if (event.type === 'task-end' && event.error !== undefined) messages.push(event.error.message);
      },
    });
    expect(messages.join('\n')).toMatch(/10\.77\.0\.1[\s\S]*the network change was rolled back/);
    expect(await live()).toBe('br0 192.168.221.150/24\nbr0\nens33\nbr0 is there');
    expect((await runTasks(site())).tasks).toEqual(both('ok'));
  });

  test('spanning tree goes on and off on a bridge that a guest holds', async () => {
    await runTasks(site());
    await inside('ip tuntap add tap9 mode tap; ip link set tap9 master br0 up');
    const options = () => inside('cd /sys/class/net/br0/bridge && cat stp_state forward_delay');
    expect((await runTasks(site({ stp: true, delay: 4 }))).tasks).toEqual(both('changed'));
    expect(await options()).toBe('1\n400');
    const off = await runTasks(site({ stp: false }));
    expect(off.tasks).toEqual(both('changed'));
    expect(await options()).toBe('0\n0');
    expect(await live()).toBe('br0 192.168.221.150/24\nbr0\nens33\ntap9\nbr0 is there');
    expect((await runTasks(site({ stp: false }))).tasks).toEqual(both('ok'));
  });

  test('rules move with their file, and none of them stays behind', async () => {
    const ofTable = () => inside("ip rule show | sed -n '/lookup 100/s/^[0-9]*:[ \t]*//p' | sed 's/ *$//'");
    await inside(`cd ${scripts} && printf '%s\\n' 'from 10.9.0.0/16 table 100' 'iif ens33 table 100 pref 200' > rule-ens33
systemctl restart network`);
    expect(await ofTable()).toBe('from all iif ens33 lookup 100\nfrom 10.9.0.0/16 lookup 100');
    expect((await runTasks(site(), { change: true })).tasks).toEqual(both('changed'));
    expect(await ofTable()).toBe('from all iif br0 lookup 100\nfrom 10.9.0.0/16 lookup 100');
    expect((await runTasks(site())).tasks).toEqual(both('ok'));
    expect((await runTasks(site({ state: 'absent' }))).tasks).toEqual(both('changed'));
    expect(await ofTable()).toBe('from all iif ens33 lookup 100\nfrom 10.9.0.0/16 lookup 100');
  });

  test('what no file knows is named beforehand, with what becomes of it', async () => {
    await inside(`ip address add 10.9.9.9/24 dev ens33
ip route add 10.5.0.0/16 via 192.168.221.9 dev ens33
ip route add 10.6.0.0/16 via 192.168.221.9 dev ens33 table 77
ip route add default via 192.168.221.9 dev ens33 metric 500
ip rule add from 10.5.0.0/16 lookup 77
echo 10.8.0.0/16 via 192.168.221.9 dev ens33 > ${scripts}/route-ens33
ip route add 10.8.0.0/16 via 192.168.221.9 dev ens33
ip link add ens34 type veth peer name ens35
printf 'DEVICE=ens34\\nONBOOT=no\\n' > ${scripts}/ifcfg-ens34
ip link set ens34 up; ip address add 10.4.4.4/24 dev ens34; ip -6 address add fd00:9::9/64 dev ens34 nodad`);
    const lost = [
      "'systemctl restart network' cuts network links, and nothing takes it back if the host cannot be reached afterwards; put the task into a networkChange",
      'ens34 is up, and its file says ONBOOT=no: it stays down once the network is restarted',
      '10.9.9.9/24 on ens33 is in no file: it is gone once the network is restarted',
      '10.4.4.4/24 on ens34 is in no file: it is gone once the network is restarted',
      'fd00:9::9/64 on ens34 is in no file: it is gone once the network is restarted',
      "the default route 'default via 192.168.221.9 dev ens33 metric 500' is in no file: it is gone once the network is restarted",
      "the route '10.5.0.0/16 via 192.168.221.9 dev ens33' is in no file: it is gone once the network is restarted",
      "the route '10.6.0.0/16 via 192.168.221.9 dev ens33 table 77' is in no file: it is gone once the network is restarted",
      "the rule 'from 10.5.0.0/16 lookup 77' is in no file: it stays until the next boot",
    ].sort();
    expect((await runTasks(site(), { check: true })).warnings.toSorted()).toEqual(lost);
    expect((await runTasks(site())).warnings.toSorted()).toEqual(lost);
    expect((await runTasks(site())).warnings).toEqual([]);
  });

  test('without IPv6 a bridge takes nothing that a router advertises, also one that a guest holds, and after a reboot', async () => {
    const router = advertise(machine.lab);
    try {
      await runTasks(site());
      await untilPrints('ip -o -6 address show dev br0', / fd00:77::\S+ scope global/);
      await inside('ip tuntap add tap9 mode tap; ip link set tap9 master br0 up');
      const off = site({ ipv6: false });
      expect((await runTasks(off, { change: true })).tasks).toEqual(both('changed'));
      const ipv6 = () => inside('ip -o -6 address show dev br0; ip -6 route show dev br0');
      expect(await ipv6()).toBe('');
      expect((await runTasks(off)).tasks).toEqual(both('ok'));
      await inside('sysctl -q -w net.ipv6.conf.br0.disable_ipv6=0');
      expect((await runTasks(off)).tasks).toEqual({ bridge: 'ok', network: 'changed' });
      expect(await ipv6()).toBe('');
      await machine.lab.reboot();
      expect((await runTasks(off)).tasks).toEqual(both('ok'));
      expect(await ipv6()).toBe('');
      expect((await runTasks(site({ ipv6: 'static' }))).tasks).toEqual(both('changed'));
      expect(await ipv6()).toMatch(/^\d+: br0 +inet6 fe80::\S+ scope link/);
      expect(await ipv6()).not.toContain('fd00:77::');
    } finally {
      router.kill();
      await router.catch(() => {});
    }
  });

  async function untilPrints(script: string, pattern: RegExp): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!pattern.test(await inside(script))) {
      if (performance.now() > deadline) throw new Error(`${script} never printed ${pattern}`);
      await sleep(500);
    }
  }
});

/** A router on the lab's LAN that advertises a prefix and itself. */
function advertise(lab: Lab) {
  const inLan = ['netns', 'exec', lab.lanNamespace];
  execaSync('ip', ['-n', lab.lanNamespace, 'address', 'replace', 'fd00:77::1/64', 'dev', 'lan0', 'nodad']);
  return execa('ip', [
    ...inLan,
    ...['dnsmasq', '--conf-file=/dev/null', '--keep-in-foreground', '--user=root', '--pid-file', '--port=0'],
    ...['--interface=lan0', '--bind-dynamic', '--enable-ra', '--dhcp-range=fd00:77::,ra-only,64', '--leasefile-ro'],
    '--ra-param=lan0,4,1800',
  ]);
}
