import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../../../lib/errors.ts';
import { bridge } from '../../../../modules/bridge.ts';
import { apply, check, dhcp, host, isWrite, mac, own, written } from './support.ts';

/** What netplan and its daemons do without a word, or with one that is easily missed. */
describe('traps of netplan', () => {
  test('a name of more than 15 characters is ignored with a warning, and the link is dead: refused at once', () => {
    expect(() => bridge({ name: 'bridge-of-guests0', port: 'ens33' })).toThrow(ArgumentError);
    expect(() => bridge({ name: 'br0', port: 'interface-of-guests' })).toThrow(ArgumentError);
  });

  test('a gateway outside of the subnet is no default route, and the daemon waits for ever: refused at once', () => {
    expect(() => bridge({ name: 'br0', port: 'ens33', address: '192.168.221.150/24', gateway: '192.168.7.1' })).toThrow(
      /not in the subnet/,
    );
  });

  test('a bridge without parameters has spanning tree with NetworkManager, and none with systemd-networkd', async () => {
    const text = `${dhcp}  bridges:\n    br0: {interfaces: [ens33], macaddress: "${mac}"}\n`;
    const files = { '01.yaml': text.replace('dhcp4: true', 'dhcp4: false') };
    expect((await check(host({ files, manager: true }), { stp: false })).differences).toMatchObject([
      { path: 'bridge.stp', wanted: false, actual: true },
    ]);
    expect((await check(host({ files }), { stp: false })).changed).toBe(false);
  });

  test('spanning tree is on where other parameters are given: it is written off', async () => {
    const on = host({ files: { '01.yaml': dhcp }, manager: true });
    await apply(on);
    expect(written(on)[own]).toContain('      parameters:\n        stp: false\n');
  });

  test('a bridge without a MAC in the file gets one of its own, and another lease: the port’s is written', async () => {
    for (const manager of [undefined, true] as const) {
      const on = host({ files: { '01.yaml': dhcp }, ...(manager && { manager }) });
      await apply(on);
      expect(written(on)[own]).toContain(`      macaddress: ${mac}\n`);
    }
  });

  test('an empty list empties nothing: what an earlier file holds leaves that file', async () => {
    const files = {
      '01.yaml': `${dhcp}      addresses:\n        - 10.0.0.5/8\n`,
      '02.yaml': 'network: {ethernets: {ens33: {addresses: []}}}\n',
    };
    const on = host({ files });
    await apply(on);
    expect(written(on)['01.yaml']).toBe(`${dhcp}# before br0:       addresses:\n# before br0:         - 10.0.0.5/8\n`);
    expect(written(on)[own]).toContain('      addresses:\n        - 10.0.0.5/8\n');
  });

  test('link-local is the one list that does not add up: the last file’s counts', async () => {
    const files = {
      '01.yaml': `${dhcp}      link-local: [ipv6]\n`,
      '02.yaml': 'network: {ethernets: {ens33: {link-local: []}}}\n',
    };
    const on = host({ files });
    await apply(on);
    expect(written(on)[own]).toContain('      link-local: []\n');
  });

  test('a file that others may read makes netplan warn: the bridge’s is for root alone', async () => {
    const on = host({ files: { '01.yaml': dhcp } });
    await apply(on);
    expect(on.executed.find((step) => step.kind === 'write' && step.path.endsWith(own))).toMatchObject({ mode: 0o600 });
  });

  test('netplan says what is wrong only when it reads the files: so it does before they are written', async () => {
    const told = "/etc/netplan/90-br0.yaml:14:9: Error in network definition: unknown key 'forward-dealy'";
    const on = host({
      files: { '01.yaml': dhcp },
      onStep: (argv) => (argv.join(' ').includes('netplan generate --root-dir') ? { exitCode: 1, stderr: told } : {}),
    });
    await expect(apply(on)).rejects.toThrow(/unknown key 'forward-dealy'/);
    expect(on.executed.filter(isWrite)).toEqual([]);
  });

  test('a bridge that was made by hand is taken over in part: refused where no file describes it', async () => {
    const on = host({
      files: { '01.yaml': dhcp },
      more: { '/sys/class/net/br0/bridge/stp_state': '0\n', '/sys/class/net/br0/address': '02:00:00:00:00:01\n' },
    });
    await expect(check(on)).rejects.toThrow(/br0 exists already, and no file describes it/);
  });

  test('a port that is not there leaves a bridge without a carrier, with exit code 0: named as missing', async () => {
    const on = host({ files: { '01.yaml': `${dhcp}    ens99: {dhcp4: true}\n` } });
    await expect(check(on, { port: 'ens99' })).rejects.toThrow(/there is no interface ens99/);
  });

  test('NetworkManager never sets a forward delay without spanning tree: it is not compared', async () => {
    const on = host({ files: { '01.yaml': dhcp }, manager: true });
    await apply(on);
    on.files.set(`/etc/netplan/${own}`, (written(on)[own] ?? '').replace('forward-delay: 0', 'forward-delay: 15'));
    expect((await check(on)).changed).toBe(false);
  });

  test('NetworkManager puts a bridge’s default route behind those of other links: it keeps the port’s metric', async () => {
    const routes = 'default via 192.168.221.1 dev ens33 metric 100\ndefault via 10.0.0.1 dev ens34 metric 101\n';
    const two = (text: string, manager?: true) => {
      const on = host({ files: { '01.yaml': text }, ...(manager && { manager }) });
      on.commands.set('ip -4 route show default', { stdout: routes });
      return on;
    };
    const asked = two(dhcp, true);
    await apply(asked);
    expect(written(asked)[own]).toContain('      dhcp4-overrides:\n        route-metric: 100\n');
    await apply(asked, { state: 'absent' });
    expect(written(asked)).toEqual({ '01.yaml': dhcp });
    const fixed = two(
      dhcp.replace('dhcp4: true', 'addresses: [192.168.221.150/24]\n      gateway4: 192.168.221.1'),
      true,
    );
    await apply(fixed);
    expect(written(fixed)[own]).toMatch(/- to: 0\.0\.0\.0\/0\n {10}via: 192\.168\.221\.1\n {10}metric: 100\n/);
    const networkd = two(dhcp);
    await apply(networkd);
    expect(written(networkd)[own]).not.toContain('metric');
  });
});
