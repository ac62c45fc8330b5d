import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge, ifcfgBridge, network } from '../../modules/index.ts';
import { startCommand } from '../support/command.ts';
import { until } from '../support/until.ts';
import { withLab } from './support.ts';

const scripts = '/etc/sysconfig/network-scripts';

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

type Args = Partial<BridgeArgs> & { readonly disrupts?: readonly 'guest'[] };

withLab(
  'network-scripts as a stack of the module bridge',
  (machine) => {
    const { inside } = machine;
    let before: string;
    let files: string;
    beforeAll(async () => {
      writeFileSync(join(machine.directory, 'site.ts'), site);
      await inside('ip tuntap add tap9 mode tap; ip link set tap9 up');
      files = await allFiles();
      before = await live();
    });

    /** Every file below /etc, with its mode. */
    const allFiles = (): Promise<string> =>
      inside(
        "find /etc -xdev -type f -exec sha256sum {} + | sort -k 2; find /etc -xdev -printf '%M %U:%G %p %l\\n' | sort -k 3",
      );

    /** Links with MAC and bridge, addresses, routes, rules, name servers, DHCP clients. */
    const live = (): Promise<string> =>
      inside(`ip -o link | sed 's/^[0-9]*: //; s/@[^:]*//; s/qlen [0-9]*//; s/link-netnsid.*//; s/<[^>]*>//' | sort
ip -o address | grep -v 'inet6 fe80' | sed 's/^[0-9]*: //; s/ valid_lft.*//; s/ dynamic//; s/ tentative//' | awk '$1 != "lo"' | sort
ip route | sed 's/ metric 10[0-9][0-9]//' | sort; ip -6 route show default; ip rule; cat /etc/resolv.conf; pgrep -a dhclient | sed 's/.* //'
systemctl is-active network`);

    const plugged = async (): Promise<string> => (await inside('ls /sys/class/net/br0/brif')).replaceAll('\n', ' ');
    const tasks = (args: Args = {}): readonly PlayItem[] => {
      const br0 = bridge('bridge', { name: 'br0', ...(args.ports === undefined && { port: 'ens33' }), ...args });
      const loaded = network('network', { reflects: [br0], disrupts: ['link'] });
      return [networkChange({ confirmWithin: 60 }, [br0, loaded])];
    };
    const run = async (args: Args = {}, options: { check?: boolean } = {}): Promise<readonly string[]> =>
      (await machine.run(tasks(args), options)).ends;

    /** When the service was started last: a restart would be seen. */
    const startedAt = (): Promise<string> => inside('systemctl show -p ActiveEnterTimestampMonotonic network');

    beforeEach(async () => {
      expect(await live()).toBe(before);
    });

    /** Takes the bridge away, and sees that nothing is left of it. */
    afterEach(async () => {
      await inside('ip link set tap9 nomaster');
      await run({ state: 'absent' });
      expect(await allFiles()).toBe(files);
      expect(await live()).toBe(before);
    });

    test('is made, again without a change, loaded anew with a guest in it, and taken back', async () => {
      expect(await run({}, { check: true })).toEqual(['changed', 'changed']);
      expect(await allFiles()).toBe(files);
      expect(await run()).toEqual(['changed', 'changed']);
      expect(await inside('ip -o -4 address show dev br0; cat /sys/class/net/br0/address; ip route')).toMatch(
        /inet 192\.168\.221\.150\/24[\s\S]*\n52:54:00:aa:00:01\ndefault via 192\.168\.221\.1 dev br0/,
      );
      await inside('ip link set tap9 master br0');
      const at = await startedAt();
      expect(await run()).toEqual(['ok', 'ok']);
      expect(await startedAt()).toBe(at);
      // It cuts the links, and the guest stays where it is.
      expect(await run({ zone: 'internal' })).toEqual(['changed', 'changed']);
      expect(await startedAt()).not.toBe(at);
      expect(await plugged()).toBe('ens33 tap9');
      await inside('systemctl restart network');
      expect(await plugged()).toBe('ens33 tap9');
      expect(await run({ zone: 'internal' })).toEqual(['ok', 'ok']);
      // What the bridge is given its port would get with absent.
      await inside(`sed -i /ZONE/d ${scripts}/ifcfg-br0`);
      expect((await run({ state: 'absent' }))[0]).toMatch(/tap9 on br0: .*shut those guests down first/);
    });

    test('takes over several addresses, IPv6, routes and rules from its port, and gives them back', async () => {
      const own = await inside(`cat ${scripts}/ifcfg-ens33`);
      await inside(`cd ${scripts}; sed -i 's/BOOTPROTO=dhcp/BOOTPROTO=none/' ifcfg-ens33
cat >> ifcfg-ens33 <<'EOF'
IPADDR=192.168.221.150
PREFIX=24
IPADDR1=192.168.221.171
PREFIX1=24
GATEWAY=192.168.221.1
IPV6INIT=yes
IPV6_AUTOCONF=no
IPV6ADDR=fd00:221::150/64
IPV6_DEFAULTGW=fd00:221::1
EOF
echo '10.9.0.0/16 via 192.168.221.1 dev ens33' > route-ens33
echo 'iif ens33 table 100 pref 200' > rule-ens33
systemctl restart network`);
      const moved = await allFiles();
      const addressed = await live();
      expect(await run()).toEqual(['changed', 'changed']);
      const seen = await inside('ip -o address show dev br0; ip route; ip -6 route show default; ip rule');
      for (const part of [
        '192.168.221.150/24',
        '192.168.221.171/24',
        'fd00:221::150/64',
        '10.9.0.0/16 via',
        'iif br0',
      ]) {
        expect(seen).toContain(part);
      }
      expect(seen).toContain('default via fd00:221::1 dev br0');
      expect(await run()).toEqual(['ok', 'ok']);
      expect(await run({ state: 'absent' })).toEqual(['changed', 'changed']);
      expect(await allFiles()).toBe(moved);
      expect(await live()).toBe(addressed);
      await inside(`cd ${scripts}; systemctl stop network; rm route-ens33 rule-ens33; cat > ifcfg-ens33 <<'EOF'
${own}
EOF
ip rule del pref 200; systemctl start network`);
    });

    test('has several ports, and network loads what ifcfg_bridge has written too', async () => {
      await inside('ip link add ens34 type veth peer name lan34; ip link set lan34 up');
      expect(await run({ ports: ['ens33', 'ens34'] })).toEqual(['changed', 'changed']);
      expect(await plugged()).toBe('ens33 ens34');
      expect(await run({ ports: ['ens33', 'ens34'] })).toEqual(['ok', 'ok']);
      expect(await run({ ports: ['ens33', 'ens34'], state: 'absent' })).toEqual(['changed', 'changed']);
      await inside(`ip link delete ens34; rm ${scripts}/ifcfg-ens34`);
      const br0 = ifcfgBridge('bridge', { name: 'br0', port: 'ens33' });
      const items = [
        networkChange({ confirmWithin: 60 }, [br0, network('network', { reflects: [br0], disrupts: ['link'] })]),
      ];
      expect((await machine.run(items)).ends).toEqual(['changed', 'changed']);
      expect((await machine.run(items)).ends).toEqual(['ok', 'ok']);
      // Both modules write the same files: what one has made the other takes for its own.
      expect((await run())[0]).toBe('ok');
    });

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

    /** Units that were at work are taken away a moment after the change is over. */
    const isOver = (): Promise<void> =>
      until(
        async () =>
          (await inside(
            "ls /var/lib/kvm-play/change/current 2>/dev/null; find /etc/systemd /run/systemd/system -name 'kvm-play*'",
          )) === '',
      );

    test('that nobody confirms goes back by itself, and a guest stays in the bridge that was there', async () => {
      await leavePending();
      await isOver();
      expect(await allFiles()).toBe(files);
      expect(await live()).toBe(before);
      await run({ mtu: 1500 });
      await inside('ip link set tap9 master br0');
      const bridged = await live();
      await leavePending('-e', 'mtu=1400');
      expect(await inside('cat /sys/class/net/br0/mtu')).toBe('1400');
      await isOver();
      expect(await plugged()).toBe('ens33 tap9');
      expect(await live()).toBe(bridged);
    });

    test('that nobody confirms before a power cut is gone at boot', async () => {
      await leavePending();
      await machine.lab.powerOff();
      await machine.lab.powerOn();
      await isOver();
      await inside('ip tuntap add tap9 mode tap; ip link set tap9 up');
      expect(await allFiles()).toBe(files);
      expect(await inside('systemctl show -p Result network; ls /etc/systemd/system | grep kvm-play || :')).toBe(
        'Result=success',
      );
      before = await live();
      expect(before).toContain('192.168.221.150/24');
      expect(before).not.toContain('br0');
    });

    test.each([
      ['fails for the bridge', 'exit 1'],
      ['leaves the bridge without an address', 'ip link add br0 type bridge 2>/dev/null; ip link set br0 up; exit 0'],
      ['hangs', 'sleep 1000'],
    ])('whose ifup %s goes back', async (_what, fault) => {
      await inside(`cd ${scripts}; cp -p ifup /root/ifup
sed -i '2i case $1 in br0 | ifcfg-br0) ${fault.replaceAll('/', '\\/')};; esac' ifup`);
      const item = bridge('bridge', { name: 'br0', port: 'ens33' });
      const loaded = network('network', { reflects: [item], disrupts: ['link'], timeLimit: 8 });
      const { ends } = await machine.run([networkChange({ confirmWithin: 15 }, [item, loaded])]);
      await inside(`cp -p /root/ifup ${scripts}/ifup`);
      expect(ends.join('\n')).toMatch(/the host is as it was before/);
      expect(await allFiles()).toBe(files);
      expect(await live()).toBe(before);
    });

    test('is refused where NetworkManager has the port, with what was seen', async () => {
      await inside(
        'systemctl stop network; systemctl start NetworkManager; nmcli device set ens33 managed yes; nmcli --wait 20 device connect ens33',
      );
      expect((await run({ backend: 'network-scripts' }))[0]).toMatch(
        /'backend' is network-scripts, and NetworkManager owns ens33: .*the service network is inactive/,
      );
      expect(await allFiles()).toBe(files);
      await inside('nmcli device disconnect ens33; systemctl stop NetworkManager; systemctl start network');
    });
  },
  { network: 'network-scripts' },
);
