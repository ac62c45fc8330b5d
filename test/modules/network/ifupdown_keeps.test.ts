import { describe, expect, test } from '@jest/globals';
import type { FakeHost } from '../../../lib/testing/index.ts';
import type { BridgeArgs } from '../../../modules/bridge.ts';
import { apply, check, host, load, main } from './ifupdown_host.ts';

/** What ifupdown's files keep through changes that do not name it. */

const head = 'auto lo\niface lo inet loopback\n\n';
const given = { address: '192.168.221.60/24', gateway: '192.168.221.1' };

function twoPorts(text: string): FakeHost {
  return host({
    text,
    up: ['lo', 'ens33', 'ens34'],
    more: { '/sys/class/net/ens34/address': '52:54:00:aa:00:02\n' },
  });
}

async function textAfter(text: string, ...changes: readonly Partial<BridgeArgs>[]): Promise<string> {
  const on = twoPorts(text);
  for (const change of changes) {
    await apply(on, change);
    expect((await check(on, change)).changed).toBe(false);
  }
  return textOf(on);
}

function textOf(on: FakeHost): string {
  return on.files.get(main) ?? '';
}

describe('routes are those beside the default one', () => {
  const routes = [{ to: '10.9.0.0/16', via: '192.168.221.1' }];
  const added = 'up ip -4 route replace 10.9.0.0/16 via 192.168.221.1 dev $IFACE';

  test.each([
    'up ip route add 192.168.221.1 dev $IFACE\n  up ip route add default via 192.168.221.1 dev $IFACE',
    'up ip route add default via 192.168.221.1 dev $IFACE table 100\n  up ip rule add from 192.168.221.150 table 100',
    'up ip route replace 0.0.0.0/0 via 192.168.221.1 dev $IFACE onlink',
    'up ip route add default via 192.168.221.1 dev $IFACE src 192.168.221.150 || true',
    'up ip route add 192.168.221.1 dev $IFACE && ip route add default via 192.168.221.1 dev $IFACE',
    'post-up /sbin/route add default gw 192.168.221.1',
    'up ip route add 192.168.221.1/32 dev $IFACE\n  gateway 192.168.221.1',
    'up echo 1 > /proc/sys/net/ipv4/conf/$IFACE/proxy_arp',
  ])('these stay: %s', async (lines) => {
    const text = `${head}auto ens33\niface ens33 inet static\n  address 192.168.221.150/24\n  ${lines}\n`;
    const made = (await textAfter(text, { routes })).split('# br0: from here on')[1];
    expect(made).toContain(lines);
    expect(made).toContain(added);
    const without = (await textAfter(text, { routes }, { routes: [] })).split('# br0: from here on')[1];
    expect(without).toContain(lines);
    expect(without).not.toContain('10.9.0.0');
    expect(await textAfter(text, { routes }, { state: 'absent' })).toBe(text);
  });

  test('a default route and an on-link route are the task’s where it names them', async () => {
    const hooks =
      'up ip route add default via 192.168.221.1 dev $IFACE table 100\n  up ip route add 192.168.221.1 dev $IFACE';
    const text = `${head}auto ens33\niface ens33 inet static\n  address 192.168.221.150/24\n  ${hooks}\n`;
    const named = [{ to: '0.0.0.0/0', via: '192.168.221.2', table: 100 }, { to: '192.168.221.1/32' }];
    const made = (await textAfter(text, { routes: named })).split('# br0: from here on')[1];
    expect(made).toContain('up ip -4 route replace 0.0.0.0/0 via 192.168.221.2 dev $IFACE table 100');
    expect(made).not.toContain('default via 192.168.221.1');
    expect(made).toContain('up ip route add 192.168.221.1 dev $IFACE\n');
  });

  test('a route that goes takes along the hook that deletes it', async () => {
    const hooks =
      'post-up ip route add 10.0.0.0/8 via 192.168.221.1\n  pre-down ip route del 10.0.0.0/8 via 192.168.221.1';
    const made = await textAfter(`${head}auto ens33\niface ens33 inet dhcp\n  ${hooks}\n`, { routes: [] });
    expect(made.split('# br0: from here on')[1]).not.toContain('10.0.0.0/8');
  });
});

describe('what a task does not name comes back', () => {
  const dhcp = `${head}auto ens33\niface ens33 inet dhcp\n  metric 100\n  hostname foo\niface ens33 inet6 auto\n  privext 2\n`;
  const dhcp6 = `${head}auto ens33\niface ens33 inet dhcp\niface ens33 inet6 dhcp\n  accept_ra 2\n  up echo \\\n    two\n`;

  test('options of the DHCP client, with DHCP', async () => {
    const fixed = await textAfter(dhcp, given);
    const [, made = ''] = fixed.split('iface br0 inet static');
    expect(made).toContain('  metric 100\n');
    expect(made).toContain('# with DHCP:   hostname foo\n');
    expect(made).not.toMatch(/^\s*hostname/m);
    const [, back = ''] = (await textAfter(dhcp, given, { bootproto: 'dhcp' })).split('iface br0 inet dhcp');
    expect(back).toMatch(/^ {2}metric 100$/m);
    expect(back).toMatch(/^ {2}hostname foo$/m);
    expect(back).not.toContain('# with');
  });

  test('a peer and a scope, with a static address', async () => {
    const text = `${head}auto ens33\niface ens33 inet static\n  address 192.168.221.60/32\n  pointopoint 192.168.221.1\n`;
    const [, made = ''] = (await textAfter(text, { bootproto: 'dhcp' })).split('iface br0 inet dhcp');
    expect(made).not.toMatch(/^\s*pointopoint/m);
    const [, back = ''] = (await textAfter(text, { bootproto: 'dhcp' }, given)).split('iface br0 inet static');
    expect(back).toMatch(/^ {2}pointopoint 192\.168\.221\.1$/m);
  });

  test.each<readonly [string, string, readonly Partial<BridgeArgs>[]]>([
    ['DHCP', dhcp, [given, { bootproto: 'dhcp' }]],
    ['DHCP after none', dhcp, [{ bootproto: 'none' }, given, { bootproto: 'dhcp' }]],
    ['IPv6', dhcp, [{ ipv6: false }, { ipv6: true }]],
    ['IPv6 by DHCP', dhcp6, [{ ipv6: false }, { ipv6: true }]],
    ['IPv6 by DHCP, off after the bridge is made', dhcp6, [{}, { ipv6: false }, { ipv6: true }]],
    [
      'both',
      dhcp6,
      [
        { ...given, ipv6: false },
        { bootproto: 'dhcp', ipv6: true },
      ],
    ],
  ])('absent gives the file back byte for byte after %s', async (_name, text, changes) => {
    expect(await textAfter(text, ...changes, { state: 'absent' })).toBe(text);
  });

  test('IPv6 by DHCP is IPv6 by DHCP again, also on a port whose bridge had none', async () => {
    const back = await textAfter(dhcp6, { ipv6: false }, { ipv6: true });
    expect(back).toContain('iface br0 inet6 dhcp\n  accept_ra 2\n  up echo \\\n    two\n');
    expect(back).not.toContain('iface br0 inet6 auto');
    const again = await textAfter(dhcp6, { ipv6: false }, { state: 'absent' }, { ipv6: true });
    expect(again).toContain('iface br0 inet6 dhcp\n  accept_ra 2\n');
  });
});

describe('two bridges whose ports stand in one line', () => {
  const text = 'auto lo ens33 ens34\niface lo inet loopback\niface ens33 inet dhcp\niface ens34 inet dhcp\n';
  const br0 = {};
  const br1 = { name: 'br1', port: 'ens34' };
  const gone = { state: 'absent' } as const;
  const lines = (all: string): readonly string[] => all.split('\n').filter((line) => line.startsWith('auto '));

  test.each([
    ['the first one goes first', text, [br0, br1, gone, br1, { ...br1, ...gone }]],
    ['the second one goes first', text, [br0, br1, { ...br1, ...gone }, br0, gone]],
    ['the first one goes and comes back', text, [br0, br1, gone, br0, { ...br1, ...gone }, gone]],
    ['no other link beside them', text.replace('auto lo ens33', 'auto ens33'), [br0, br1, gone, { ...br1, ...gone }]],
    [
      'further lines behind a backslash',
      text.replace('ens33 ens34', 'ens33 \\\n  ens34'),
      [br0, br1, gone, { ...br1, ...gone }],
    ],
  ])('give every byte back: %s', async (_name, before, changes) => {
    expect(await textAfter(before, ...changes)).toBe(before);
  });

  test('the one that stays keeps its ports out of the line, and the other one’s in', async () => {
    expect(lines(await textAfter(text, br0, br1, gone))).toEqual(['auto lo ens33', 'auto br1']);
    expect(lines(await textAfter(text, br0, br1, { ...br1, ...gone }))).toEqual(['auto lo ens34', 'auto br0']);
  });

  test('a comment and a name that somebody has written below the marks stay', async () => {
    const on = host({ text });
    await apply(on, br0);
    on.files.set(main, textOf(on).replace('\nauto lo ens34\n', '\n# by hand\nauto lo ens34 ens35\n'));
    await apply(on, gone);
    expect(textOf(on)).toBe(text.replace('auto lo ens33 ens34', '# by hand\nauto lo ens33 ens34 ens35'));
  });

  test('a bridge that somebody has made of a port between the marks of another one keeps its memory', async () => {
    const on = twoPorts('auto ens33\niface ens33 inet dhcp\n');
    await apply(on, br0);
    const own = 'auto ens34\niface ens34 inet dhcp\n';
    on.files.set(main, textOf(on).replace('# br0: up to here', `${own}# br0: up to here`));
    await apply(on, br1);
    await apply(on, gone);
    expect((await check(on, br1)).changed).toBe(false);
    await apply(on, { ...br1, ...gone });
    expect(textOf(on)).toBe(`auto ens33\niface ens33 inet dhcp\n${own}`);
  });
});

describe('rules and routes of hooks', () => {
  const stanza = (hooks: string): string => `${head}auto ens33\niface ens33 inet dhcp\n${hooks}`;
  const downText = async (hooks: string): Promise<string> => {
    const steps = await load(host({ text: stanza(hooks) }));
    return steps.find(({ argv }) => argv[2]?.includes('ifdown'))?.argv[4] ?? '';
  };

  test.each([
    ['post-up ip rule add from 192.168.221.150 table 100', 'ip rule del from 192.168.221.150 table 100'],
    ['up /sbin/ip -6 rule add iif $IFACE table 7 || true', '/sbin/ip -6 rule del iif $IFACE table 7'],
    ['up ip route add blackhole 10.0.0.0/8', 'ip route del blackhole 10.0.0.0/8'],
    ['up route add -net 10.0.0.0/8 gw 10.1.1.1', 'route del -net 10.0.0.0/8 gw 10.1.1.1'],
  ])('%s: the port’s is gone before the bridge adds its own', async (hook, removal) => {
    expect(await downText(`  ${hook}\n`)).toContain(`\n    down ${removal} 2>/dev/null || true\n`);
    expect((await check(host({ text: stanza(`  ${hook}\n`) }))).warnings).toEqual([]);
  });

  test.each([
    '  up ip rule add from 10.0.0.7 table 100\n  down ip rule del from 10.0.0.7 table 100\n',
    '  up ip route add 10.0.0.0/8 via 192.168.221.1\n  pre-down ip route del 10.0.0.0/8 || true\n',
  ])('what the stanza takes away itself is left to it: %j', async (hooks) => {
    expect(await downText(hooks)).not.toContain('2>/dev/null');
  });

  test('what cannot be turned round is told of', async () => {
    const hook = 'up for net in 1 2; do ip rule add from 10.0.$net.0/24 table 100; done';
    expect((await check(host({ text: stanza(`  ${hook}\n`) }))).warnings).toContainEqual(
      expect.stringContaining(`'${hook}' adds rules or routes, and no hook takes them away`),
    );
    const paired = `  ${hook}\n  down ip rule del table 100\n`;
    expect((await check(host({ text: stanza(paired) }))).warnings).toEqual([]);
  });
});
