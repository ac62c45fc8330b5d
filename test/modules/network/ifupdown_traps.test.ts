import { describe, expect, test } from '@jest/globals';
import { apply, bridged, bridgedFiles, host, lease, load, mac, main } from './ifupdown_host.ts';

describe('traps of ifupdown', () => {
  test('a DUID per lease file: the bridge gets the one of its port, and nothing is left', async () => {
    const path = '/var/lib/dhcp/dhclient.ens33.leases';
    const on = host({ more: { [path]: `${lease}lease {\n  interface "ens33";\n}\n` } });
    await apply(on);
    expect(on.files.get('/var/lib/dhcp/dhclient.br0.leases')).toBe(lease);
    await apply(on, { state: 'absent' });
    expect(on.files.has('/var/lib/dhcp/dhclient.br0.leases')).toBe(false);
    expect(on.files.get(path)).toContain(lease);
  });

  test('without brctl nothing would be made', async () => {
    await expect(apply(host({ tools: [] }))).rejects.toThrow(/no brctl.*\n?.*apt-get install bridge-utils/);
  });

  test('ifdown with the new file leaves the old dhclient running: the old stanzas are given to it, written or not', async () => {
    const on = host();
    const first = (await load(on)).map(({ argv }) => argv);
    await apply(on);
    expect((await load(on)).map(({ argv }) => argv)).toEqual(first);
    const [check, make, down, up, handOver, ...more] = first;
    expect(check).toEqual(['ifup', '--no-act', '--force', 'br0']);
    expect(make).toEqual(['ip', 'link', 'add', 'name', 'br0', 'address', mac, 'type', 'bridge']);
    expect(down?.[2]).toContain('ifdown --force');
    expect(down?.slice(4)).toEqual(['iface ens33 inet dhcp\niface ens33 inet6 auto\n', 'ens33']);
    expect(up).toEqual(['ifup', 'br0']);
    expect([handOver?.at(-1), more]).toEqual(['br0', []]);
  });

  test('without ifdown of the port there are two dhclients: it comes before ifup of the bridge', async () => {
    const names = (await load(host())).map(({ argv }) => argv.join(' '));
    const [down, up] = [names.findIndex((line) => line.includes('ifdown')), names.indexOf('ifup br0')];
    expect(down).toBeGreaterThan(0);
    expect(up).toBeGreaterThan(down);
  });

  test('a unit kills, or keeps, the dhclient that ifup has started: the client gets a scope of its own', async () => {
    const steps = await load(host());
    const at = steps.findIndex(({ argv }) => argv.join(' ') === 'ifup br0');
    expect(steps[at + 1]?.argv[2]).toContain('StartTransientUnit');
    expect(steps[at + 1]?.judgedBy).toBe('state');
  });

  test('bridge_hw sleeps a second in Debian’s script: the bridge has its MAC before the port is taken down', async () => {
    const [, make, down] = await load(host());
    expect(make?.argv).toEqual(['ip', 'link', 'add', 'name', 'br0', 'address', mac, 'type', 'bridge']);
    expect(down?.argv.join(' ')).toContain('ifdown');
  });

  test('ifup fails with the link already down: the files are checked while it is up', async () => {
    const [check] = await load(host());
    expect(check?.argv).toEqual(['ifup', '--no-act', '--force', 'br0']);
    expect(check?.judgedBy).toBeUndefined();
  });

  test('ifup blocks for a minute without a DHCP server: its time is longer than that', async () => {
    const up = (await load(host())).find(({ argv }) => argv.join(' ') === 'ifup br0');
    expect(up?.timeLimit).toBeGreaterThan(63);
  });

  test('a second load makes the bridge anew where it restarts networking: this one takes nothing down', async () => {
    const names = (await load(await bridged())).map(({ argv }) => argv.join(' '));
    expect(names).toEqual(['ifup --no-act --force br0']);
  });

  test('ifup does nothing for a bridge in ifstate: with other addresses it is taken down first, and guests stay in', async () => {
    const steps = await load(await bridged(), { address: '192.168.221.151/24', gateway: '192.168.221.1' });
    const down = steps.findIndex(({ argv }) => argv[2]?.includes('ifdown'));
    expect(steps[down]?.argv.slice(4)).toEqual(['iface br0 inet dhcp\niface br0 inet6 auto\n', 'br0']);
    expect(steps[down + 1]?.argv).toEqual(['ifup', 'br0']);
    expect(steps.flatMap(({ undo }) => undo?.withNewFiles ?? []).join(' ')).not.toMatch(/bridge_|rm -f/);
  });

  test('the port keeps addrgenmode none, which only a link that is down takes back', async () => {
    const lines = (await load(await bridged(), { state: 'absent' })).map(({ argv }) => argv.join(' '));
    const mode = lines.indexOf('ip link set dev ens33 addrgenmode eui64');
    expect(lines.slice(mode - 1, mode + 2)).toEqual([
      'ip link set dev ens33 down',
      'ip link set dev ens33 addrgenmode eui64',
      'ifup ens33',
    ]);
  });

  test('left behind are ifstate, pid files and leases of the bridge: absent and the way back remove them', async () => {
    const files = ['/run/network/ifstate.br0', '/run/dhclient.br0.pid', '/run/dhclient6.br0.pid'];
    const leases = ['/var/lib/dhcp/dhclient.br0.leases', '/var/lib/dhcp/dhclient6.br0.leases'];
    expect((await load(await bridged(), { state: 'absent' })).at(-1)?.argv).toEqual([
      'rm',
      '-f',
      '--',
      ...leases,
      ...files,
    ]);
    const undo = (await load(host())).flatMap((step) => step.undo ?? []);
    expect(undo.flatMap(({ withNewFiles = [] }) => withNewFiles).at(-1)).toEqual([
      'rm',
      '-f',
      '--',
      ...leases,
      ...files,
    ]);
    expect(undo.flatMap(({ atBoot = [] }) => atBoot)).toEqual([['rm', '-f', '--', ...leases]]);
    // What was there before belongs to somebody else.
    const old = await load(host({ more: { [leases[0] ?? '']: lease } }));
    expect(old.flatMap(({ undo: way }) => way?.atBoot ?? [])).toEqual([['rm', '-f', '--', leases[1]]]);
  });

  test('dns-nameservers needs resolvconf, and without it nothing reads them', async () => {
    await expect(apply(host(), { dns: ['192.168.221.1'] })).rejects.toThrow(/no resolvconf/);
  });

  describe('where resolvconf is the link of systemd-resolved to resolvectl', () => {
    /** What `systemctl` says of systemd-resolved, and where /etc/resolv.conf leads. */
    const resolved = (active: string, enabled: string, file: string) => {
      const on = host({ tools: ['brctl', 'resolvconf'] });
      const says = (word: string, good: string) => ({ stdout: `${word}\n`, exitCode: word === good ? 0 : 3 });
      on.commands.set('readlink -f /sbin/resolvconf', { stdout: '/usr/bin/resolvectl\n' });
      on.commands.set('readlink -f /etc/resolv.conf', { stdout: `${file}\n` });
      on.commands.set('systemctl is-active systemd-resolved', says(active, 'active'));
      on.commands.set('systemctl is-enabled systemd-resolved', says(enabled, 'enabled'));
      return on;
    };
    const dns = { dns: ['192.168.221.1'] };
    const stub = '/run/systemd/resolve/stub-resolv.conf';

    test('and it does not run, name servers would be in force nowhere: refused, in every run', async () => {
      const words =
        /resolvconf is the link of systemd-resolved to resolvectl, and systemd-resolved is inactive: nothing reads the name servers .*systemctl enable --now systemd-resolved/s;
      const on = resolved('inactive', 'disabled', '/etc/resolv.conf');
      await expect(apply(on, dns)).rejects.toThrow(words);
      expect(on.files.get(main)).toBe(host().files.get(main));
      await expect(apply(on, { search: ['example.org'] })).rejects.toThrow(words);
      await apply(on, { mtu: 1400 });
    });

    test('and it does not start at boot, ifupdown’s script hands it nothing: refused', async () => {
      await expect(apply(resolved('active', 'disabled', stub), dns)).rejects.toThrow(/systemd-resolved is disabled/);
    });

    test('and it runs, the name servers are written; another /etc/resolv.conf is named', async () => {
      expect((await apply(resolved('active', 'enabled', stub), dns)).warnings).toEqual([]);
      expect((await apply(resolved('active', 'enabled', '/etc/resolv.conf'), dns)).warnings).toEqual([
        expect.stringMatching(/\/etc\/resolv\.conf is not its file/),
      ]);
    });
  });

  test('a name of more than 15 characters makes a cut-off bridge and a dead link', async () => {
    await expect(apply(host(), { name: 'bridge0123456789' })).rejects.toThrow(/1 to 15 letters/);
  });

  test('a port that does not exist leaves the bridge without a carrier, and ifup says nothing', async () => {
    await expect(apply(host(), { port: 'ens99' })).rejects.toThrow(/ens99/);
  });

  test('a br0 made by hand does not get the MAC', async () => {
    await expect(apply(host({ more: bridgedFiles }))).rejects.toThrow(/br0 exists already, and no file describes it/);
  });

  test('the MTU of the bridge is the port’s too, from one line', async () => {
    const on = host();
    await apply(on, { mtu: 1400 });
    expect(on.files.get(main)?.match(/mtu 1400/g)).toHaveLength(1);
    expect(on.files.get(main)).toMatch(/iface br0 inet dhcp\n(?: {4}.*\n)* {4}mtu 1400\n/);
  });

  test('a restart of networking throws guests out of the bridge: no load restarts it', async () => {
    const on = host();
    const all = [...(await load(on)), ...(await load(on, { state: 'absent' }))];
    expect(JSON.stringify(all)).not.toMatch(/systemctl/);
  });

  test('the way back takes the bridge down by what it was brought up with, and is before networking at boot', async () => {
    const undo = (await load(host())).flatMap((step) => step.undo ?? []);
    const [up, handOver] = undo.flatMap(({ withOldFiles = [] }) => withOldFiles);
    expect([up, handOver?.at(-1)]).toEqual([['ifup', '--ignore-errors', 'ens33'], 'ens33']);
    expect(undo.flatMap(({ before: units = [] }) => units)).toEqual(['networking.service', 'ifup@ens33.service']);
    const [down = []] = undo.flatMap(({ withNewFiles = [] }) => withNewFiles);
    expect(down.slice(4)).toEqual(['iface br0 inet dhcp\niface br0 inet6 auto\n', 'br0']);
  });

  test.each<readonly [string, string, RegExp]>([
    [
      'a hook that names the port',
      'iface ens33 inet dhcp\n up ip route add 10.0.0.0/8 dev ens33\n',
      /names ens33 .*write \$IFACE/,
    ],
    ['what is inherited', 'iface ens33 inet dhcp inherits office\n', /inherits office/],
    ['an alias', 'iface ens33 inet dhcp\niface ens33:1 inet static\n address 10.0.0.1/8\n', /ens33:1 is an alias/],
    ['another bridge', 'iface ens33 inet dhcp\niface br9 inet manual\n bridge-ports ens33\n', /a port of br9 already/],
    ['a method of another kind', 'iface ens33 inet ppp\n', /'inet ppp'/],
    ['a source that is not followed', 'source /etc/*/x\niface ens33 inet dhcp\n', /only patterns in the last part/],
  ])('%s is refused', async (_name, text, words) => {
    await expect(apply(host({ text }))).rejects.toThrow(words);
  });
});
