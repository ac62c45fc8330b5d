import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { UnsupportedChangeError } from '../../../lib/errors.ts';
import type { BridgeArgs } from '../../../modules/bridge.ts';
import { parseNetworkdStatus } from '../../../modules/network/networkd/owner.ts';
import { apply, check, files, type Given, host, mac, written } from './networkd_host.ts';

function capture(name: string): string {
  return readFileSync(new URL(`../captures/network/${name}.txt`, import.meta.url), 'utf8');
}

/** What a command printed in a capture. */
function printed(name: string, command: string): string {
  const [, after = ''] = capture(name).split(`\n$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

describe('what networkctl says', () => {
  test('of a link with a lease', () => {
    expect(parseNetworkdStatus(printed('networkd-before', 'networkctl --no-pager status ens33'))).toEqual([
      {
        link: 'ens33',
        setup: 'configured',
        operational: 'routable',
        file: `${files}/10-ens33.network`,
        clientId: '52:54:00:aa:00:52',
      },
    ]);
  });

  test('of a bridge and its port', () => {
    const text = ['br0', 'ens33'].map((link) => printed('networkd-after', `networkctl --no-pager -n 0 status ${link}`));
    expect(
      parseNetworkdStatus(text.join('')).map(({ link, setup, operational }) => [link, setup, operational]),
    ).toEqual([
      ['br0', 'configured', 'routable'],
      ['ens33', 'configured', 'enslaved'],
    ]);
  });
});

const dhcp = '[Match]\nName=ens33\n\n[Network]\nDHCP=ipv4\n\n[DHCPv4]\nClientIdentifier=mac\n';
const fixed = `# the office
[Match]
Name=ens33

[Network]
Description=uplink
Address=192.168.221.150/24
Gateway=192.168.221.1
DNS=192.168.221.7 192.168.221.8
Domains=corp.test ~.
VLAN=ens33.5

[Address]
Address=fd00:221::150/64

[Route]
Destination=10.9.0.0/16
Gateway=192.168.221.9
Metric=50

[Link]
RequiredForOnline=yes
`;

describe('a bridge', () => {
  test('takes over what asks the DHCP server, the client identifier included', async () => {
    const on = host({ files: { '10-ens33.network': dhcp } });
    expect((await apply(on)).changed).toBe(true);
    expect(written(on)).toEqual({
      '10-br0.netdev': `[NetDev]\nName=br0\nKind=bridge\nMACAddress=${mac}\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n`,
      '10-br0.network': '[Match]\nName=br0\n\n[Network]\nDHCP=ipv4\n\n[DHCPv4]\nClientIdentifier=mac\n',
      '10-ens33.network': `# A port of br0, made by kvm-play.
# before br0: [Match]
# before br0: Name=ens33
# before br0:
# before br0: [Network]
# before br0: DHCP=ipv4
# before br0:
# before br0: [DHCPv4]
# before br0: ClientIdentifier=mac
[Match]
Name=ens33

[Network]
Bridge=br0
`,
    });
    expect((await check(on)).changed).toBe(false);
  });

  test('takes over static addresses of both families, routes and name servers; what belongs to the port stays', async () => {
    const on = host({ files: { '10-ens33.network': fixed } });
    await apply(on);
    const { '10-br0.network': network, '10-ens33.network': port } = written(on);
    expect(network).toBe(`[Match]
Name=br0

[Network]
Address=192.168.221.150/24
Gateway=192.168.221.1
DNS=192.168.221.7 192.168.221.8
Domains=corp.test ~.

[Address]
Address=fd00:221::150/64

[Route]
Destination=10.9.0.0/16
Gateway=192.168.221.9
Metric=50
`);
    expect(port?.split('# before br0: RequiredForOnline=yes\n')[1]).toBe(`# the office
[Match]
Name=ens33

[Network]
Description=uplink
VLAN=ens33.5
Bridge=br0

[Link]
RequiredForOnline=yes
`);
    const { after } = await check(on);
    expect(after.bridge).toMatchObject({
      ipv4: ['192.168.221.150/24'],
      gateway: '192.168.221.1',
      ipv6Addresses: ['fd00:221::150/64'],
      dns: ['192.168.221.7', '192.168.221.8'],
      search: ['corp.test'],
      routes: [{ to: '10.9.0.0/16', via: '192.168.221.9', metric: 50 }],
    });
  });

  test('sends the number of its port where the client goes by its DUID', async () => {
    const on = host({
      files: { '10-ens33.network': '[Match]\nName=ens33\n\n[Network]\nDHCP=yes\n' },
      links: { ens33: { file: `${files}/10-ens33.network`, clientId: 'IAID:0xed10bdb8/DUID' } },
    });
    await apply(on);
    expect(written(on)['10-br0.network']).toBe(
      `[Match]\nName=br0\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nIAID=${0xed10bdb8}\n`,
    );
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '10-ens33.network': '[Match]\nName=ens33\n\n[Network]\nDHCP=yes\n' });
  });

  test.each([
    ['a line break at the end', dhcp],
    ['no line break at the end', dhcp.trimEnd()],
    ['static addresses and comments', fixed],
    ['blanks at the ends of lines', '[Match] \nName=ens33  \n[Network]\nDHCP = yes \n\n\n'],
  ])('gives its port the file back byte for byte: %s', async (_what, text) => {
    const on = host({ files: { '10-ens33.network': text, 'other.network': '[Match]\nName=ens34\n' } });
    await apply(on);
    expect(written(on)['10-ens33.network']).not.toBe(text);
    expect((await apply(on, { state: 'absent' })).changed).toBe(true);
    expect(written(on)).toEqual({ '10-ens33.network': text, 'other.network': '[Match]\nName=ens34\n' });
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('gives its port the address that it has by then', async () => {
    const on = host({ files: { '10-ens33.network': dhcp } });
    await apply(on);
    await apply(on, { address: '192.168.221.160/24', gateway: '192.168.221.1' });
    expect(written(on)['10-br0.network']).toContain('Address=192.168.221.160/24\nGateway=192.168.221.1\n');
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '10-ens33.network':
        '[Match]\nName=ens33\n\n[Network]\nDHCP=no\nAddress=192.168.221.160/24\nGateway=192.168.221.1\n\n[DHCPv4]\nClientIdentifier=mac\n',
    });
  });

  test('leaves a file that matches other links too as it is, and puts one of the port before it', async () => {
    const shared = '[Match]\nName=en*\n\n[Network]\nDHCP=yes\n';
    const on = host({
      files: { '20-wired.network': shared },
      links: { ens33: { file: `${files}/20-wired.network` } },
    });
    await apply(on);
    expect(written(on)).toMatchObject({
      '20-wired.network': shared,
      '00-br0-ens33.network': `# A port of br0, made by kvm-play.
# Before, this file configured it: ${files}/20-wired.network
[Match]
Name=ens33

[Network]
Bridge=br0
`,
      '10-br0.network': '[Match]\nName=br0\n\n[Network]\nDHCP=yes\n',
    });
    const bridged = host({
      files: written(on),
      links: { ens33: { file: `${files}/00-br0-ens33.network` }, br0: { file: `${files}/10-br0.network` } },
    });
    expect((await check(bridged)).changed).toBe(false);
    await apply(bridged, { state: 'absent' });
    expect(written(bridged)).toEqual({ '20-wired.network': shared });
  });

  test('takes what the task names', async () => {
    const on = host({ files: { '10-ens33.network': dhcp } });
    const args: Partial<BridgeArgs> = {
      addresses: ['192.168.221.150/24', '10.5.0.1/16'],
      gateway: '192.168.221.1',
      ipv6: 'static',
      ipv6Addresses: ['FD00:221:0::150/64'],
      ipv6Gateway: 'fd00:221::1',
      dns: ['192.168.221.7'],
      search: ['corp.test', 'example.org'],
      routes: [
        { to: '10.9.0.0/16', via: '192.168.221.9', metric: 50 },
        { to: 'fd00:9::/48', via: 'fd00:221::9', table: 100 },
      ],
      stp: true,
      delay: 4,
      mtu: 1400,
    };
    await apply(on, args);
    expect(written(on)['10-br0.network']).toBe(`[Match]
Name=br0

[Network]
DHCP=no
Address=192.168.221.150/24
Address=10.5.0.1/16
Address=fd00:221::150/64
Gateway=192.168.221.1
Gateway=fd00:221::1
IPv6AcceptRA=no
DNS=192.168.221.7
Domains=corp.test example.org

[DHCPv4]
ClientIdentifier=mac

[Route]
Destination=10.9.0.0/16
Gateway=192.168.221.9
Metric=50

[Route]
Destination=fd00:9::/48
Gateway=fd00:221::9
Table=100
`);
    expect(written(on)['10-br0.netdev']).toContain('MTUBytes=1400\n\n[Bridge]\nSTP=yes\nForwardDelaySec=4\n');
    expect(written(on)['10-ens33.network']).toContain('[Link]\nMTUBytes=1400\n');
    expect((await check(on, args)).changed).toBe(false);
  });
});

test('a zone of firewalld that names the port alone is warned of', async () => {
  const on = host({ files: { '10-ens33.network': dhcp } });
  const zones = '/etc/firewalld/zones';
  const grep = (link: string): string => `grep -rlsF --include=*.xml interface name="${link}" ${zones}`;
  on.commands.set(grep('ens33'), { stdout: `${zones}/trusted.xml\n` });
  expect((await check(on)).warnings).toEqual([
    `${zones}/trusted.xml puts ens33 into firewalld's zone trusted, and does not name br0, by which the host is reached then; run: firewall-cmd --permanent --zone=trusted --add-interface=br0`,
  ]);
  on.commands.set(grep('br0'), { stdout: `${zones}/trusted.xml\n` });
  expect((await check(on)).warnings).toEqual([]);
});

describe('refused', () => {
  test.each<[string, Given, Partial<BridgeArgs>, RegExp]>([
    [
      'a link that systemd-networkd does not manage',
      { files: {}, links: { ens33: { setup: 'unmanaged' } } },
      {},
      /no network stack .* owns ens33: .*ens33 is unmanaged to systemd-networkd/,
    ],
    [
      'settings in drop-ins',
      { files: { '10-ens33.network': dhcp, '10-ens33.network.d/x.conf': '' } },
      {},
      /10-ens33\.network\.d holds settings that are not in the file itself/,
    ],
    ['a zone', { files: { '10-ens33.network': dhcp } }, { zone: 'trusted' }, /knows no zones/],
    [
      'a port of another bridge',
      { files: { '10-ens33.network': '[Match]\nName=ens33\n[Network]\nBridge=br7\n' } },
      {},
      /port of br7 already/,
    ],
    [
      'a bridge that somebody made by hand',
      { files: { '10-ens33.network': dhcp }, more: { '/sys/class/net/br0/bridge/stp_state': '0\n' } },
      {},
      /no file describes it: somebody made it by hand/,
    ],
    [
      'another stack than the one that the task names',
      { files: { '10-ens33.network': dhcp } },
      { backend: 'networkmanager' },
      /'backend' is networkmanager, and systemd-networkd owns ens33/,
    ],
  ])('%s', async (_what, given, args, message) => {
    const on = host(given);
    const before = written(on);
    await expect(check(on, args)).rejects.toThrow(UnsupportedChangeError);
    await expect(apply(on, args)).rejects.toThrow(message);
    expect(written(on)).toEqual(before);
  });
});
