import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { type ControllerOptions, runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { type Fault, note } from './fault.ts';
import type { FaultLab } from './fault_lab.ts';
import { inside } from './injections.ts';

/** A login that takes its time, as with a name server that does not answer. */
const slowLogin: Fault = {
  what: 'a login that takes 7 s',
  where: 'from before the run; 60 s to be confirmed',
  site: { confirmWithin: 60 },
  prepare: inside("sed -i '1i session optional pam_exec.so quiet /bin/sleep 7' /etc/pam.d/sshd"),
  repair: inside("sed -i '/pam_exec.so quiet .bin.sleep 7/d' /etc/pam.d/sshd"),
  ends: ['confirmed'],
};

/** Counts new connections, and drops those beyond so many in 30 s; each of them starts the 30 s anew. */
const countingFirewall = (most: number): string => `iptables -F INPUT
iptables -A INPUT -p tcp --dport 22 --syn -m recent --name ssh --set
iptables -A INPUT -p tcp --dport 22 --syn -m recent --name ssh --update --seconds 30 --hitcount ${most + 1} -j DROP`;

/** New connections that have arrived since the firewall was set, repeated requests included. */
const arrived = "iptables -nvxL INPUT | awk '/recent: SET/ { print $1 }'";

/** Holds a change that has to succeed against its promise: it converges, nothing is left, and a further run changes nothing. */
async function succeeds(on: FaultLab, what: string, where: string, options: ControllerOptions): Promise<void> {
  const end = await runController(on.lab, options);
  expect([end.exitCode, end.message]).toEqual([0, '']);
  expect(await on.leftovers()).toBe('');
  note({ what, where, ending: 'confirmed', exitCode: '0', away: 0, files: 'new', again: 'yes' });
}

async function changesNothingMore(on: FaultLab, options: ControllerOptions): Promise<void> {
  const again = await runController(on.lab, { ...options, expectNoChange: true });
  expect([again.exitCode, again.message]).toEqual([0, '']);
}

describeFaults('how a host is reached', [slowLogin], (host) => {
  test('a firewall that drops the sixth new connection in 30 s: there are fewer', async () => {
    const on = host();
    await on.reset();
    await on.inside(countingFirewall(5));
    await succeeds(on, 'a firewall that counts new connections', 'it drops the sixth in 30 s', {});
    expect(Number(await on.inside(arrived))).toBeLessThanOrEqual(3);
    await on.inside('iptables -F INPUT');
    await changesNothingMore(on, {});
  });

  test('a firewall that drops the second one: the change waits until it forgets', async () => {
    const on = host();
    await on.reset();
    await on.inside(countingFirewall(1));
    const site = { confirmWithin: 120 };
    await succeeds(on, 'a firewall that counts new connections', 'it drops the second in 30 s; 120 s to be confirmed', {
      site,
    });
    // Four attempts at most before the pause, whose requests the kernel repeats, and two after it.
    expect(Number(await on.inside(arrived))).toBeLessThan(40);
    await on.inside('iptables -F INPUT');
    await changesNothingMore(on, { site });
  });

  test('a host that has no IPv4 at all is reached over IPv6, and keeps its address', async () => {
    const on = host();
    await on.reset();
    const { lab } = on;
    await lab.startIpv6();
    await on.inside(`nmcli connection modify ens33 ipv6.method auto ipv6.addr-gen-mode eui64 ipv4.method disabled
nmcli connection up ens33`);
    const address = (): Promise<string> => on.inside('ip -6 -o address show scope global');
    await on.until(30, 'there is no IPv6 address', async () =>
      /fd00:221::5054:ff:feaa:1\/64(?!.*tentative)/.test(await address()),
    );
    const options = {
      host: `root@[${lab.ipv6HostAddress}]`,
      site: { confirmWithin: 60, bridge: { bootproto: 'none' } },
    } as const;

    const refused = await runController(lab, {
      ...options,
      site: { ...options.site, bridge: { bootproto: 'none', ipv6: false } },
    });
    expect(refused.exitCode).toBe(2);
    expect(refused.message).toMatch(
      /ens33 carries this connection \(fd00:221::5054:ff:feaa:1\), and br0 would end without an IPv6 address/,
    );

    await succeeds(
      on,
      'IPv6 alone',
      'the host is reached at an address that it has from router advertisements',
      options,
    );
    expect(await address()).toMatch(/br0 +inet6 fd00:221::5054:ff:feaa:1\/64/);
    expect(await on.inside('ip -6 route show default')).toMatch(/via fe80::.* dev br0/);
    await changesNothingMore(on, options);

    await lab.stopIpv6();
    await on.inside(`nmcli connection modify ens33 ipv6.method link-local ipv4.method auto
systemctl stop network; systemctl start NetworkManager; true`);
  });

  test('a host that answers by the rules of another table than the main one goes on doing so', async () => {
    const on = host();
    await on.reset();
    const { lab } = on;
    const controller = '10.99.99.98';
    await execa('ip', ['-n', lab.lanNamespace, 'address', 'replace', `${controller}/32`, 'dev', 'lo']);
    const sshConfig = join(lab.directory, 'ssh', 'from_afar');
    const config = await readFile(lab.sshConfig, 'utf8');
    await writeFile(sshConfig, config.replace(' nc -F ', ` nc -s ${controller} -F `), { mode: 0o600 });
    await on.inside(`cd /etc/sysconfig/network-scripts
echo 'default via 192.168.221.1 dev ens33 table 100' > route-ens33
echo 'from 192.168.221.150 lookup 100' > rule-ens33
ip route add default via 192.168.221.1 dev ens33 table 100
ip rule add from 192.168.221.150 lookup 100
ip route delete default`);
    const options = {
      sshConfig,
      site: { confirmWithin: 60, bridge: { bootproto: 'static', address: '192.168.221.150/24' } },
    } as const;
    await succeeds(
      on,
      'policy routing',
      'the controller is found by a rule and a table of its own; there is no other default route',
      options,
    );
    expect(await on.inside(`ip route get ${controller} from 192.168.221.150`)).toMatch(/via 192\.168\.221\.1 dev br0/);
    expect(await on.inside('ip -4 route show default')).toBe('');
    await changesNothingMore(on, options);
    await on.inside('ip rule delete from 192.168.221.150 lookup 100; ip route flush table 100; true');
    await execa('ip', ['-n', lab.lanNamespace, 'address', 'delete', `${controller}/32`, 'dev', 'lo']);
  });
});
