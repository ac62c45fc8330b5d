import { expect, test } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { ifcfgBridge, network } from '../../modules/index.ts';
import { type Args, onScriptsHost, scripts } from './scripts_host.ts';

/** The faults that take longer are tried in test/faults/trial_network_scripts.test.ts. */
onScriptsHost('network-scripts as a stack of the module bridge', (host) => {
  const { inside, machine } = host;
  const run = (args?: Args, options?: { check?: boolean }) => host.run(args, options);
  /** When the service was started last: a restart would be seen. */
  const startedAt = (): Promise<string> => inside('systemctl show -p ActiveEnterTimestampMonotonic network');

  test('is made, again without a change, loaded anew with a guest in it, and taken back', async () => {
    expect(await run({}, { check: true })).toEqual(['changed', 'changed']);
    expect(await host.allFiles()).toBe(host.files);
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
    expect(await host.plugged()).toBe('ens33 tap9');
    await inside('systemctl restart network');
    expect(await host.plugged()).toBe('ens33 tap9');
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
    const moved = await host.allFiles();
    const addressed = await host.live();
    expect(await run()).toEqual(['changed', 'changed']);
    const seen = await inside('ip -o address show dev br0; ip route; ip -6 route show default; ip rule');
    for (const part of ['192.168.221.150/24', '192.168.221.171/24', 'fd00:221::150/64', '10.9.0.0/16 via', 'iif br0']) {
      expect(seen).toContain(part);
    }
    expect(seen).toContain('default via fd00:221::1 dev br0');
    expect(await run()).toEqual(['ok', 'ok']);
    expect(await run({ state: 'absent' })).toEqual(['changed', 'changed']);
    expect(await host.allFiles()).toBe(moved);
    expect(await host.live()).toBe(addressed);
    await inside(`cd ${scripts}; systemctl stop network; rm route-ens33 rule-ens33; cat > ifcfg-ens33 <<'EOF'
${own}
EOF
ip rule del pref 200; systemctl start network`);
  });

  test('has several ports, and network loads what ifcfg_bridge has written too', async () => {
    await inside('ip link add ens34 type veth peer name lan34; ip link set lan34 up');
    expect(await run({ ports: ['ens33', 'ens34'] })).toEqual(['changed', 'changed']);
    expect(await host.plugged()).toBe('ens33 ens34');
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

  test.each([
    ['fails for the bridge', 'exit 1'],
    ['hangs', 'sleep 1000'],
  ])('whose ifup %s goes back', (_what, fault) => host.expectRollBack(fault));

  test('is refused where NetworkManager has the port, with what was seen', async () => {
    await inside(
      'systemctl stop network; systemctl start NetworkManager; nmcli device set ens33 managed yes; nmcli --wait 20 device connect ens33',
    );
    expect((await run({ backend: 'network-scripts' }))[0]).toMatch(
      /'backend' is network-scripts, and NetworkManager owns ens33: .*the service network is inactive/,
    );
    expect(await host.allFiles()).toBe(host.files);
    await inside('nmcli device disconnect ens33; systemctl stop NetworkManager; systemctl start network');
  });
});
