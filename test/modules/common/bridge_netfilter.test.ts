import { expect, test } from '@jest/globals';
import { FakeHost } from '../../../lib/testing/index.ts';
import { bridgeFilterWarnings } from '../../../modules/common/bridge_netfilter.ts';
import { ifcfgBridge } from '../../../modules/index.ts';

const on = { '/proc/sys/net/bridge/bridge-nf-call-iptables': '1\n' };
const legacy = { ...on, '/proc/net/ip_tables_names': 'nat\nfilter\n' };
const save = (...rules: readonly string[]): string =>
  ['*filter', ':INPUT ACCEPT [5:9]', ':FORWARD DROP [0:0]', ':DOCKER-USER - [0:0]', ...rules, 'COMMIT', ''].join('\n');
const dropped =
  "the policy of iptables' chain FORWARD is DROP, and br_netfilter hands it what guests on br0 send and get: the host's firewall swallows it; set net.bridge.bridge-nf-call-iptables to 0, or accept bridged packets there";

function host(files: Record<string, string>, stdout = save(), chains = ''): FakeHost {
  const commands = {
    'iptables-save -t filter': { stdout },
    'iptables-legacy-save -t filter': { exitCode: 127 },
    'nft list chains': { stdout: chains },
  };
  return new FakeHost({ files, commands });
}
const warnings = (fake: FakeHost, bridges = ['br0']) => bridgeFilterWarnings(fake.reader, bridges);

test('a policy that swallows what guests send is named', async () => {
  expect(await warnings(host(legacy))).toEqual([dropped]);
  const own = { ...legacy, '/proc/sys/net/bridge/bridge-nf-call-iptables': '0\n' };
  expect(await warnings(host(own))).toEqual([]);
  const perBridge = await warnings(host({ ...own, '/sys/class/net/br0/bridge/nf_call_iptables': '1\n' }));
  expect(perBridge).toEqual([expect.stringContaining('set nf_call_iptables of br0 to 0')]);
});

test.each([
  '-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT',
  '-A DOCKER-USER -i br0 -o br0 -j ACCEPT',
  '-A FORWARD -j ACCEPT',
])('none where %s takes them before', async (rule) => {
  expect(await warnings(host(legacy, save(rule)))).toEqual([]);
});

test('a rule of another bridge takes nothing of this one', async () => {
  expect(await warnings(host(legacy, save('-A FORWARD -i virbr0 -o virbr0 -j ACCEPT')))).toEqual([dropped]);
});

test('none where it accepts what it forwards', async () => {
  expect(await warnings(host(legacy, save().replace('DROP', 'ACCEPT')))).toEqual([]);
});

test('nftables has its policies by table', async () => {
  const chains = [
    ...['table ip filter {', '\tchain INPUT {', '\t\ttype filter hook input priority filter; policy drop;', '\t}'],
    ...['\tchain FORWARD {', '\t\ttype filter hook forward priority filter; policy drop;', '\t}', '}'],
    ...[
      'table ip6 filter {',
      '\tchain FORWARD {',
      '\t\ttype filter hook forward priority filter; policy drop;',
      '\t}',
      '}',
    ],
    ...[
      'table inet mine {',
      '\tchain fwd {',
      '\t\ttype filter hook forward priority 0; policy accept;',
      '\t}',
      '}',
      '',
    ],
  ].join('\n');
  expect(await warnings(host({ ...on, '/sys/module/nf_tables/refcnt': '1' }, '', chains))).toEqual([
    expect.stringMatching(/^the policy of nftables' chain FORWARD \(table ip filter\) is drop, and br_netfilter/),
  ]);
});

test('nothing is asked for that would load a module, or that does not matter', async () => {
  const asked = async (fake: FakeHost, bridges?: string[]): Promise<string[]> => {
    expect(await warnings(fake, bridges)).toEqual([]);
    return fake.asked;
  };
  expect(await asked(host({}))).toEqual([]);
  expect(await asked(host(on))).toEqual([]);
  expect(await asked(host({ ...on, '/proc/net/ip_tables_names': 'nat\n' }))).toEqual([]);
  expect(await asked(host(legacy), [])).toEqual([]);
});

test('it is told where a bridge is made, and not where one is taken away', async () => {
  const bridge = await ifcfgBridge({ name: 'br0', port: 'ens33' }).read(host(legacy).reader);
  expect(bridge.warnings).toContain(dropped);
  const gone = ifcfgBridge({ name: 'br0', port: 'ens33', state: 'absent' });
  expect((await gone.read(host(legacy).reader)).warnings).not.toContain(dropped);
});
