import { describe, expect, test } from '@jest/globals';
import { formatUnitFile, parseUnitFile } from '../../../lib/formats/unit_file.ts';
import type { FakeHost } from '../../../lib/testing/index.ts';
import type { BridgeArgs } from '../../../modules/bridge.ts';
import { bridge } from '../../../modules/bridge.ts';
import type { BridgeSettings } from '../../../modules/network/bridge_state.ts';
import type { LiveBridge } from '../../../modules/network/live.ts';
import { pathBefore } from '../../../modules/network/networkd/files.ts';
import { networkdInForce } from '../../../modules/network/networkd/in_force.ts';
import { readNetworkd } from '../../../modules/network/networkd/read.ts';
import { emptyFile, settingsOf } from '../../../modules/network/networkd/settings.ts';
import { writeNetwork } from '../../../modules/network/networkd/write.ts';
import { apply, check, files, host, mac, written } from './networkd_host.ts';

const port = { file: undefined, mac, iaid: undefined };

/** Changes the file of a bridge, and sees that it says then what was wanted. */
function change(text: string, wanted: BridgeSettings): string {
  const before = parseUnitFile(`[Match]\nName=br0\n\n${text}`);
  const actual = settingsOf(emptyFile, before, wanted, mac);
  const after = writeNetwork('br0', before, wanted, actual, port);
  expect(settingsOf(emptyFile, after, wanted, mac)).toMatchObject(wanted);
  return formatUnitFile(after).replace('[Match]\nName=br0\n\n', '');
}

const onLink = `[Route]
Destination=0.0.0.0/0
Gateway=192.168.221.1
GatewayOnLink=yes
Metric=50
`;
const ofPolicy = `[Route]
Gateway=192.168.221.254
Table=100
`;
const address = '[Network]\nAddress=192.168.221.150/24\n';

describe('routes', () => {
  test('leave the default route of the main table, and those of others, however they are written', () => {
    const text = `${address}\n${onLink}\n${ofPolicy}\n[Route]\nDestination=::/0\nGateway=fe80::1\n`;
    expect(change(text, { routes: [{ to: '10.0.0.0/8', via: '192.168.221.1' }] })).toBe(
      `${text}\n[Route]\nDestination=10.0.0.0/8\nGateway=192.168.221.1\n`,
    );
  });

  test('that stay in the list keep what else their sections say; the others go', () => {
    const kept = '[Route]\nDestination=10.8.0.0/16\nGateway=192.168.221.8\nPreferredSource=192.168.221.150\n';
    const gone = '[Route]\nDestination=10.7.0.0/16\nGateway=192.168.221.7\n';
    const routes = [{ to: '10.9.0.0/16' }, { to: '10.8.0.0/16', via: '192.168.221.8' }];
    expect(change(`${address}\n${kept}\n${gone}`, { routes })).toBe(
      `${address}\n[Route]\nDestination=10.9.0.0/16\n\n${kept}`,
    );
  });
});

describe('the gateway', () => {
  test('changes in the section that holds it', () => {
    expect(change(`${address}\n${onLink}`, { gateway: '192.168.221.2' })).toBe(
      `${address}\n${onLink.replace('221.1', '221.2')}`,
    );
  });

  test('is not the default route of another table, which stays', () => {
    const rule = '[RoutingPolicyRule]\nFrom=192.168.221.0/24\nTable=100\n';
    const text = `[Network]\nDHCP=ipv4\n\n${ofPolicy}\n${rule}`;
    expect(change(text, { ipv4: ['192.168.221.150/24'], gateway: '192.168.221.254' })).toBe(
      `[Network]\nDHCP=no\nAddress=192.168.221.150/24\nGateway=192.168.221.254\n\n${ofPolicy}\n${rule}`,
    );
    const fixed = `[Network]\nAddress=192.168.221.150/24\nGateway=192.168.221.1\n\n${ofPolicy}`;
    expect(change(fixed, { gateway: '192.168.221.2' })).toBe(fixed.replace('221.1\n', '221.2\n'));
    expect(change(fixed, { ipv4: 'dhcp' })).toBe(`[Network]\nDHCP=ipv4\n\n${ofPolicy}`);
  });

  test('goes with the static address, in whatever form', () => {
    expect(change(`${address}\n${onLink}`, { ipv4: 'dhcp' })).not.toContain('Gateway=');
  });

  test('leaves the word for the gateway of a DHCP server alone', () => {
    const text = '[Network]\nAddress=fd00:221::150/64\nGateway=_dhcp4\n';
    expect(change(text, { ipv6Gateway: 'fd00:221::1' })).toBe(`${text}Gateway=fd00:221::1\n`);
  });
});

test('search domains change, and routing domains stay', () => {
  const text = '[Network]\nDHCP=yes\nDomains=corp.test ~. ~lab.test\n';
  expect(change(text, { search: ['example.org'] })).toBe('[Network]\nDHCP=yes\nDomains=example.org ~. ~lab.test\n');
  expect(change(text, { search: [] })).toBe('[Network]\nDHCP=yes\nDomains=~. ~lab.test\n');
});

test('an address that stays keeps what else its section says', () => {
  const kept = '[Address]\nAddress=192.168.221.150/24\nLabel=br0:1\nPreferredLifetime=0\n';
  const gone = '[Address]\nAddress=192.168.221.151/24\n';
  const ipv4 = ['192.168.221.149/24', '192.168.221.150/24', '192.168.221.152/24'];
  expect(change(`[Network]\nDHCP=no\n\n${kept}\n${gone}`, { ipv4 })).toBe(
    `[Network]\nDHCP=no\nAddress=192.168.221.149/24\n\n${kept}\n[Address]\nAddress=192.168.221.152/24\n`,
  );
});

test('an address without a prefix is refused before anything is written', async () => {
  const text = '[Match]\nName=ens33\n\n[Network]\nAddress=192.168.221.150\n';
  const on = host({ files: { '10-ens33.network': text } });
  await expect(apply(on)).rejects.toThrow(
    "192.168.221.150 has no prefix in the files, and systemd-networkd's versions take different ones",
  );
  expect(written(on)).toEqual({ '10-ens33.network': text });
  await apply(on, { address: '192.168.221.150/24' });
  expect((await check(on, { address: '192.168.221.150/24' })).changed).toBe(false);
});

/** The host once what was written is loaded. */
function loaded(on: FakeHost, links: Readonly<Record<string, string>>): FakeHost {
  const inForce = Object.entries(links).map(([link, file]) => [link, { file: `${files}/${file}` }]);
  return host({ files: written(on), links: Object.fromEntries(inForce) });
}

const owned = { links: [], seen: '' };
const live: LiveBridge = {
  ...{ sys: {}, names: [], details: [], isBridge: true, bridges: [], plugged: [], masters: {}, wireless: [] },
  ...{ addresses: [], ipv6Addresses: [], defaultRoutes: [], ipv6DefaultRoutes: [] },
  macs: { ens33: mac },
};
const stateOf = (args: Partial<BridgeArgs>) => bridge({ name: 'br0', port: 'ens33', ...args }).desired;

describe('a port whose old file matches other links too', () => {
  const shared = '[Match]\nName=en*\n\n[Network]\nDescription=wired\nDHCP=yes\nVLAN=v5\n\n[Link]\nMTUBytes=9000\n';
  const fixed = { address: '192.168.221.60/24', gateway: '192.168.221.1' };

  async function bridged(args: Partial<BridgeArgs>): Promise<FakeHost> {
    const on = host({
      files: { '20-wired.network': shared },
      links: { ens33: { file: `${files}/20-wired.network` } },
    });
    await apply(on);
    const result = loaded(on, { ens33: '00-br0-ens33.network', br0: '10-br0.network' });
    await apply(result, args);
    return result;
  }

  test('gets what the bridge has in a file of its own, and what is expected is the same', async () => {
    const on = await bridged(fixed);
    const { links } = await readNetworkd(on.reader, stateOf({ state: 'absent' }), owned, live);
    expect(links[0]).toMatchObject({ link: 'ens33', ipv4: '192.168.221.60/24', gateway: '192.168.221.1' });
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '20-wired.network': shared,
      '00-kvm-play-ens33.network': `# Made by kvm-play: ens33, with what br0 had.
[Match]
Name=ens33

[Network]
Description=wired
VLAN=v5
DHCP=ipv6
Address=192.168.221.60/24
Gateway=192.168.221.1

[Link]
MTUBytes=9000
`,
    });
    const after = loaded(on, { ens33: '00-kvm-play-ens33.network' });
    const before = written(after);
    expect((await check(after, { state: 'absent' })).changed).toBe(false);
    await apply(after);
    await apply(after, { state: 'absent' });
    expect(written(after)).toEqual(before);
  });

  test('goes back to that file where the addresses are the same', async () => {
    const on = await bridged({});
    const { links } = await readNetworkd(on.reader, stateOf({ state: 'absent' }), owned, live);
    expect(links[0]).toMatchObject({ link: 'ens33', ipv4: 'dhcp' });
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '20-wired.network': shared });
  });

  test('keeps its settings of the link while it is a port', async () => {
    const on = await bridged({});
    expect(written(on)['00-br0-ens33.network']).toContain(
      '[Network]\nDescription=wired\nVLAN=v5\nBridge=br0\n\n[Link]\nMTUBytes=9000\n',
    );
  });
});

test('name servers, search domains and routes go back to the port along with another address only', async () => {
  const text = '[Match]\nName=ens33\n\n[Network]\nAddress=192.168.221.150/24\nDNS=192.168.221.7\n';
  const named = { dns: ['192.168.221.8'], search: ['corp.test'], routes: [{ to: '10.9.0.0/16' }] };
  const on = host({ files: { '10-ens33.network': text } });
  await apply(on, named);
  await apply(on, { state: 'absent' });
  expect(written(on)).toEqual({ '10-ens33.network': text });
  await apply(on, { ...named, address: '192.168.221.160/24' });
  await apply(on, { state: 'absent' });
  expect(written(on)['10-ens33.network']).toBe(`[Match]
Name=ens33

[Network]
Address=192.168.221.160/24
DNS=192.168.221.8
DHCP=no
Domains=corp.test

[Route]
Destination=10.9.0.0/16
`);
});

describe('a port whose file goes by its MAC', () => {
  const byMac = `[Match]\nMACAddress=${mac}\n\n[Network]\nDHCP=yes\n`;

  test('names the port, because the bridge has that MAC too, and gets its file back byte for byte', async () => {
    const on = host({ files: { '10-ens33.network': byMac } });
    await apply(on, { name: 'vmbr0' });
    const { '10-ens33.network': text = '', ...others } = written(on);
    expect(text.split('# before vmbr0: DHCP=yes\n')[1]).toBe(
      `[Match]\nMACAddress=${mac}\nName=ens33\n\n[Network]\nBridge=vmbr0\n`,
    );
    expect(Object.keys(others).sort()).toEqual(['00-vmbr0.network', '10-vmbr0.netdev']);
    await apply(on, { name: 'vmbr0', state: 'absent' });
    expect(written(on)).toEqual({ '10-ens33.network': byMac });
  });

  test('is not the file of the bridge, although systemd-networkd gave it to the bridge', async () => {
    const on = host({ files: { '05-ens33.network': byMac }, links: { ens33: { file: `${files}/05-ens33.network` } } });
    await apply(on);
    const bad = loaded(on, { ens33: '05-ens33.network', br0: '05-ens33.network' });
    expect((await check(bad)).changed).toBe(false);
    const { loaded: due } = await networkdInForce(bad.reader, stateOf({}), owned, live);
    expect(due).toEqual([
      { path: 'networkd.br0.file', wanted: `${files}/00-br0.network`, actual: `${files}/05-ens33.network` },
    ]);
    await apply(bad, { state: 'absent' });
    expect(written(bad)).toEqual({ '05-ens33.network': byMac });
  });
});

test.each([
  ['20-x', '[Match]\nName=*\n', '10-br0'],
  ['05-x', '[Match]\nName=*\n', '00-br0'],
  ['00-a', '[Match]\nName=b[rx]?\n', '0-br0'],
  ['05-x', `[Match]\nMACAddress=52:54:00:AA:00:02 ${mac.toUpperCase()}\n`, '00-br0'],
  ['05-x', '[Match]\nMACAddress=52:54:00:aa:00:02\n', '10-br0'],
  ['05-x', '[Match]\nType=ether\n', '00-br0'],
  ['05-x', '[Match]\nName=en* eth*\n', '10-br0'],
  ['05-x', '[Match]\nName=!en* lo\n', '00-br0'],
  ['05-x', '[Match]\nName=!br* lo\n', '10-br0'],
])('beside %s with %j the bridge is read from %s', (name, text, expected) => {
  const file = {
    path: `${files}/${name}.network`,
    text: { path: '', text, encoding: 'utf8' as const },
    content: parseUnitFile(text),
  };
  const names = ['10-br0.network', '00-br0.network', '0-br0.network'] as const;
  expect(pathBefore([...names], [file], 'br0', mac)).toBe(`${files}/${expected}.network`);
});

describe('an MTU that a bridge gets later', () => {
  test('is written for its port as well, and the old file comes back', async () => {
    const text = '[Match]\nName=ens33\n\n[Network]\nDHCP=yes\n';
    const on = host({ files: { '10-ens33.network': text } });
    await apply(on);
    await apply(on, { mtu: 1400 });
    expect(written(on)['10-br0.netdev']).toContain('MTUBytes=1400\n');
    expect(written(on)['10-ens33.network']?.split('# before br0: DHCP=yes\n')[1]).toBe(
      '[Match]\nName=ens33\n\n[Network]\nBridge=br0\n\n[Link]\nMTUBytes=1400\n',
    );
    expect((await check(on, { mtu: 1400 })).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '10-ens33.network': text });
  });

  test('is missing where the file of its port does not say it, or the port has another one', async () => {
    const on = host({ files: { '10-ens33.network': '[Match]\nName=ens33\n\n[Network]\nDHCP=yes\n' } });
    await apply(on, { mtu: 1400 });
    const path = `${files}/10-ens33.network`;
    on.files.set(path, (on.files.get(path) ?? '').replace('MTUBytes=1400', ''));
    expect((await check(on, { mtu: 1400 })).changed).toBe(true);
    const details = [{ name: 'ens33', lower: undefined, mtu: 1500, addresses: 'ether', kind: '' }];
    const { loaded: due } = await networkdInForce(on.reader, stateOf({ mtu: 1400 }), owned, { ...live, details });
    expect(due).toEqual([{ path: 'live.ens33.mtu', wanted: 1400, actual: 1500 }]);
  });
});
