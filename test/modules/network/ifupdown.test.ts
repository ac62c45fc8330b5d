import { describe, expect, test } from '@jest/globals';
import { formatInterfaces, parseInterfaces } from '../../../lib/formats/interfaces.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { stanzasOf } from '../../../modules/network/ifupdown/files.ts';
import { parseIfstate } from '../../../modules/network/ifupdown/owner.ts';
import { settingsOf } from '../../../modules/network/ifupdown/settings.ts';
import { after, apply, before, check, host, later, mac, main, printed } from './ifupdown_host.ts';

const made = `iface ens33 inet manual

auto br0
iface br0 inet dhcp
    bridge_ports ens33
    bridge_stp off
    bridge_fd 0
    bridge_hw ${mac}
iface br0 inet6 auto
`;

describe('what ifupdown says', () => {
  test('of the links that it has brought up', () => {
    expect([...parseIfstate(printed('ifupdown-before', 'cat /run/network/ifstate'))]).toEqual([
      ['lo', 'lo'],
      ['ens33', 'ens33'],
    ]);
    expect(parseIfstate(printed('ifupdown-after', 'cat /run/network/ifstate')).has('ens33')).toBe(false);
  });

  test('of a bridge: the captured file is read as the state', () => {
    const file = {
      path: main,
      text: { path: main, text: after, encoding: 'utf8' as const },
      content: parseInterfaces(after),
    };
    const stanzas = stanzasOf({ files: [file], unread: [] }, 'br0');
    const names = { port: 'ens33', mac: '52:54:00:aa:00:53' };
    expect(settingsOf(stanzas, true, { mac: 'port' }, names)).toEqual({
      ...{ ipv4: 'dhcp', ipv6: 'auto', ipv6Addresses: [], dns: [], search: [], routes: [] },
      ...{ stp: false, delay: 0, mac: 'port', onboot: true },
    });
  });
});

describe('a file of ifupdown', () => {
  test.each([
    ['', 'an empty one'],
    [before, 'the one of a fresh host'],
    [
      'auto lo \\\n  ens33\n# a comment \\\niface ens33 inet dhcp\n\n\tup echo \\\n a',
      'continuations, and no line break at the end',
    ],
  ])('is given back byte for byte %#', (text) => {
    expect(formatInterfaces(parseInterfaces(text))).toBe(text);
  });

  test('a comment ends with its line, also behind a backslash', () => {
    expect(parseInterfaces('# one \\\nauto lo\n').lines).toHaveLength(2);
  });
});

describe('a bridge', () => {
  test('takes the lines of its port over, which stay behind as comments; again nothing changes', async () => {
    const on = host();
    expect((await apply(on)).changed).toBe(true);
    expect(on.files.get(main)).toBe(
      `${before.slice(0, before.indexOf('auto ens33'))}# before br0: auto ens33
# before br0: iface ens33 inet dhcp
# before br0: iface ens33 inet6 auto
# br0: from here on made by kvm-play
${made}# br0: up to here made by kvm-play
`,
    );
    expect((await check(on)).changed).toBe(false);
  });

  test('check writes nothing', async () => {
    const on = host();
    expect((await check(on)).changed).toBe(true);
    expect(on.files.get(main)).toBe(before);
  });

  test.each<readonly [string, string]>([
    ['DHCP', before],
    ['no line break at the end', before.trimEnd()],
    ['several links behind auto', before.replace('auto ens33', 'auto eth1 ens33 eth2')],
    ['allow-hotplug', before.replace('auto ens33', 'allow-hotplug ens33')],
    [
      'static, several stanzas, continuation, comments, options of the link',
      `auto lo
iface lo inet loopback
allow-hotplug ens33
iface ens33 inet static
\taddress 192.168.221.150
\tnetmask 255.255.255.0
\t# the router
\tgateway 192.168.221.1
\tdns-nameservers 192.168.221.1 \\
\t  192.168.221.2
\tup ip route add 10.9.0.0/16 via 192.168.221.9 dev $IFACE
\tethernet-wol g

iface ens33 inet6 static
  address fd00:221::150/64
iface ens34 inet manual
`,
    ],
  ])('absent gives the file back byte for byte: %s', async (_name, text) => {
    const on = host({ text });
    await apply(on);
    expect(on.files.get(main)).not.toBe(text);
    await apply(on, { state: 'absent' });
    expect(on.files.get(main)).toBe(text);
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('is written where its port stands, in a sourced file; nobody else’s lines change', async () => {
    const text = 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n';
    const path = '/etc/network/interfaces.d/ens33';
    const own = 'auto ens33\niface ens33 inet dhcp\n';
    const on = host({ text, more: { [path]: own } });
    await apply(on);
    expect(on.files.get(main)).toBe(text);
    expect(on.files.get(path)).toContain('\nauto br0\niface br0 inet dhcp\n');
    await apply(on, { state: 'absent' });
    expect(on.files.get(path)).toBe(own);
  });

  test('the addresses that it was given later go back to the port with it', async () => {
    const on = host();
    await apply(on);
    await apply(on, { address: '192.168.221.151/24', gateway: '192.168.221.1' });
    expect(on.files.get(main)).toMatch(
      /iface br0 inet static\n {4}address 192\.168\.221\.151\/24\n {4}gateway 192\.168\.221\.1\n {4}bridge_ports ens33\n/,
    );
    expect(on.files.get(main)).toContain('iface br0 inet6 auto\n');
    await apply(on, { state: 'absent' });
    expect(on.files.get(main)).toContain('iface ens33 inet static\n    address 192.168.221.151/24\n');
  });
});

describe('absent', () => {
  const text = before.replace(
    'iface ens33 inet dhcp',
    'iface ens33 inet static\n  address 192.168.221.150\n  netmask 255.255.255.0\n  gateway 192.168.221.1',
  );
  const named = {
    dns: ['192.168.221.1'],
    search: ['example.org'],
    routes: [{ to: '10.0.0.0/8', via: '192.168.221.9' }],
  };
  const tools = ['brctl', 'resolvconf'];

  test.each<readonly [string, Partial<BridgeArgs>]>([
    ['name servers, search domains and routes', named],
    ['the address that the port had, in other words', { address: '192.168.221.150/24', gateway: '192.168.221.1' }],
    ['an MTU and spanning tree', { mtu: 1400, stp: true }],
  ])('gives the file back byte for byte where the task has named %s', async (_name, args) => {
    const on = host({ text, tools });
    await apply(on, args);
    await apply(on, { ...args, state: 'absent' });
    expect(on.files.get(main)).toBe(text);
  });

  test('gives the port the name servers and routes of the bridge along with another address', async () => {
    const on = host({ text, tools });
    await apply(on, { ...named, address: '192.168.221.151/24', gateway: '192.168.221.1' });
    await apply(on, { state: 'absent' });
    expect(on.files.get(main)).toMatch(
      /address 192\.168\.221\.151\/24[\s\S]*dns-nameservers 192\.168\.221\.1\n[\s\S]*route replace 10\.0\.0\.0\/8/,
    );
  });
});

test('a task that says what the port has already changes none of its lines', async () => {
  const on = host({ text: before.replace('inet dhcp', 'inet dhcp\n  hostname kvm\n  client kvm-1') });
  await apply(on, { bootproto: 'dhcp' });
  expect(on.files.get(main)).toContain('iface br0 inet dhcp\n  hostname kvm\n  client kvm-1\n');
});

test('a second port that has an address is told of, because the host loses it', async () => {
  const addresses = '3: ens34    inet 10.9.0.7/24 brd 10.9.0.255 scope global ens34\\       valid_lft forever\n';
  const on = host({ more: { '/sys/class/net/ens34/address': '52:54:00:aa:00:02\n' }, addresses });
  const given = { name: 'br0', ports: ['ens33', 'ens34'], ...later };
  expect((await bridge.check(on, given)).warnings).toContainEqual(
    expect.stringMatching(/^ens34 has 10\.9\.0\.7\/24: br0 takes over the addresses of ens33 only/),
  );
});

test('ifupdown2 is refused by name, because its reload throws guests off the bridge', async () => {
  const on = new FakeHost({
    files: {
      '/sys/class/net/ens33/address': `${mac}\n`,
      '/run/network/ifstatelock': '',
      '/usr/share/ifupdown2/__init__.py': '',
      [main]: printed('ifupdown2-before', `cat ${main}`),
    },
    answer: () => ({ exitCode: 1 }),
  });
  await expect(apply(on)).rejects.toThrow(/ifupdown2 owns ens33: .*throws the guests of a bridge out of it/);
});

test.each(['wicked', 'ConnMan', 'dhcpcd'])('%s is refused by name', async (title) => {
  const word = { wicked: 'wickedd', ConnMan: 'connman', dhcpcd: 'dhcpcd' }[title] ?? '';
  const on = new FakeHost({
    files: { '/sys/class/net/ens33/address': `${mac}\n` },
    answer: (argv) => (argv[2]?.includes(`--quiet ${word}`) ? { stdout: 'ens33\n' } : { exitCode: 3 }),
  });
  await expect(apply(on)).rejects.toThrow(new RegExp(`${title} owns ens33`));
});
