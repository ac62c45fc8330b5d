import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { formatInterfaces, parseInterfaces } from '../../../lib/formats/interfaces.ts';
import type { CommandStep } from '../../../lib/task/step.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { stanzasOf } from '../../../modules/network/ifupdown/files.ts';
import { loadIfupdown } from '../../../modules/network/ifupdown/load.ts';
import { parseIfstate } from '../../../modules/network/ifupdown/owner.ts';
import { settingsOf } from '../../../modules/network/ifupdown/settings.ts';
import { readLiveBridge } from '../../../modules/network/live.ts';

const mac = '52:54:00:aa:00:01';
const main = '/etc/network/interfaces';

/** What a command printed in a capture. */
function printed(name: string, command: string): string {
  const text = readFileSync(new URL(`../captures/network/${name}.txt`, import.meta.url), 'utf8');
  const [, after = ''] = text.split(`$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

const before = printed('ifupdown-before', `cat ${main}`);
const after = printed('ifupdown-after', `cat ${main}`);
const lease = 'default-duid "\\000\\001\\000\\0012\\233H\\341RT\\000\\252\\000S";\n';

interface Given {
  readonly text?: string;
  readonly more?: Readonly<Record<string, string>>;
  /** The links that ifupdown has brought up. */
  readonly up?: readonly string[];
  readonly tools?: readonly string[];
}

function host({ text = before, more = {}, up = ['lo', 'ens33'], tools = ['brctl'] }: Given = {}): FakeHost {
  return new FakeHost({
    files: {
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      '/run/network/ifstate': up.map((link) => `${link}=${link}\n`).join(''),
      [main]: text,
      ...more,
    },
    commands: { 'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` } },
    answer: () => ({ exitCode: 1 }),
    tools,
  });
}

const later = { loadedLater: true } as const;
const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.check(on, { name: 'br0', port: 'ens33', ...args, ...later });
const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.apply(on, { name: 'br0', port: 'ens33', ...args, ...later });

const load = async (on: FakeHost, args: Partial<BridgeArgs> = {}): Promise<readonly CommandStep[]> => {
  const { desired } = bridge({ name: 'br0', port: 'ens33', ...args, ...later });
  return loadIfupdown(on.reader, [{ desired, live: await readLiveBridge(on.reader, 'br0', ['ens33']) }]);
};

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
    expect(first.map(([program]) => program)).toEqual(['ifup', 'ip', 'sh', 'ifup']);
    expect(first[0]).toEqual(['ifup', '--no-act', '--force', 'br0']);
    expect(first[2]?.slice(4)).toEqual(['iface ens33 inet dhcp\niface ens33 inet6 auto\n', 'ens33']);
    expect(first[1]).toEqual(['ip', 'link', 'add', 'name', 'br0', 'address', mac, 'type', 'bridge']);
  });

  test('a restart of networking throws guests out of the bridge: no load restarts it', async () => {
    const on = host();
    const all = [...(await load(on)), ...(await load(on, { state: 'absent' }))];
    expect(JSON.stringify(all)).not.toMatch(/systemctl/);
  });

  test('the way back takes the bridge down by what it was brought up with, and is before networking at boot', async () => {
    const undo = (await load(host())).flatMap((step) => step.undo ?? []);
    expect(undo.flatMap(({ withOldFiles = [] }) => withOldFiles)).toEqual([['ifup', '--ignore-errors', 'ens33']]);
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
