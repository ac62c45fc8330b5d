import { describe, expect, test } from '@jest/globals';
import { UnsupportedChangeError } from '../../../../lib/errors.ts';
import { apply, check, dhcp, fixed, host, isWrite, mac, own, written } from './support.ts';

describe('the files of netplan', () => {
  test('the definition is found by its own name, not by the link’s', async () => {
    const text = `network:
  ethernets:
    uplink:
      match: {macaddress: "${mac.toUpperCase()}"}
      set-name: ens33
      addresses: [192.168.221.150/24]
      dhcp6: true
`;
    const on = host({ files: { '01.yaml': text }, id: 'uplink' });
    await apply(on);
    expect(written(on)[own]).toMatch(/ethernets:\n {4}uplink:\n {6}dhcp4: false\n {6}dhcp6: false\n[\s\S]*- uplink\n/);
    expect(written(on)['01.yaml']).toContain('      set-name: ens33\n# before br0:       addresses');
  });

  test('a definition for several links is left alone: one of the port’s own comes before it', async () => {
    const text = 'network:\n  ethernets:\n    all-en: {match: {name: "en*"}, dhcp4: true}\n';
    const on = host({ files: { '90-default.yaml': text }, id: 'all-en' });
    await apply(on);
    const { [own]: bridgeFile = '', ...others } = written(on);
    expect(others).toEqual({ '90-default.yaml': text });
    expect(bridgeFile).toMatch(
      /0-br0-ens33:\n {6}match:\n {8}name: ens33\n {6}dhcp4: false\n[\s\S]*interfaces:\n {8}- 0-br0-ens33\n {6}dhcp4: true\n/,
    );
    expect((await check(on)).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '90-default.yaml': text });
  });

  test('NetworkManager would not know which of the two definitions comes first', async () => {
    const text = 'network:\n  renderer: NetworkManager\n  ethernets: {all-en: {match: {name: "en*"}, dhcp4: true}}\n';
    await expect(check(host({ files: { '90.yaml': text }, id: 'all-en', manager: true }))).rejects.toThrow(
      /all-en matches several links/,
    );
  });

  test('the bridge gets its port’s renderer, wherever that was said', async () => {
    const one = (text: string) => host({ files: { '01.yaml': text }, manager: true });
    const all = one(`network:\n  renderer: NetworkManager\n${dhcp.slice('network:\n'.length)}`);
    await apply(all);
    expect(written(all)[own]).not.toContain('renderer');
    const single = one(`${dhcp}      renderer: NetworkManager\n`);
    await apply(single);
    expect(written(single)[own]).toContain('      renderer: NetworkManager\n');
  });

  test('one that cannot be parsed is named with its line', async () => {
    const on = host({ files: { '01.yaml': dhcp, '20-new.yaml': 'network:\n  bridges:\n    br1: [a\n' } });
    await expect(apply(on)).rejects.toThrow(UnsupportedChangeError);
    await expect(apply(on)).rejects.toThrow(/\/etc\/netplan\/20-new\.yaml cannot be read.*: line \d: /);
    expect(on.executed.filter(isWrite).filter((step) => 'path' in step && step.path.startsWith('/etc'))).toEqual([]);
  });

  test('of two files with the same name the one in /etc counts', async () => {
    const on = host({
      files: { '01.yaml': dhcp },
      more: { '/run/netplan/01.yaml': 'network: {ethernets: {ens33: {addresses: [1.2.3.4/24]}}}' },
    });
    await apply(on);
    expect(written(on)[own]).not.toContain('1.2.3.4');
  });

  test('scalars of a later file win', async () => {
    const on = host({
      files: { '01.yaml': dhcp, '02.yaml': 'network: {ethernets: {ens33: {dhcp4: off, addresses: [10.0.0.1/8]}}}' },
    });
    await apply(on);
    expect(written(on)[own]).toMatch(/dhcp4: off\n {6}addresses:\n {8}- 10\.0\.0\.1\/8\n/);
  });

  test.each([
    [
      'a file that is made anew at every boot',
      { more: { '/run/netplan/00.yaml': 'network: {ethernets: {ens33: {addresses: [10.0.0.1/8]}}}' } },
      {},
      /addresses of ens33 must leave \/run\/netplan\/00\.yaml/,
    ],
    [
      'a file with a password',
      { files: { '01.yaml': `${fixed}    wifis: {w: {access-points: {x: {password: p}}}}\n` } },
      {},
      /holds a secret \(password\)/,
    ],
    [
      'aliases',
      {
        files: {
          '01.yaml':
            'network:\n  ethernets:\n    ens33:\n      addresses: &a [10.0.0.1/8]\n    e2:\n      addresses: *a\n',
        },
      },
      {},
      /addresses of ens33 must leave .*without aliases/,
    ],
    [
      'settings that NetworkManager alone knows',
      { files: { '01.yaml': `${dhcp}      networkmanager: {passthrough: {connection.zone: dmz}}\n` } },
      {},
      /passthrough of ens33 holds connection\.zone/,
    ],
    ['Open vSwitch', { files: { '01.yaml': `${dhcp}      openvswitch: {}\n` } }, {}, /Open vSwitch/],
    [
      'a port of another bridge',
      { files: { '01.yaml': `${dhcp}  bridges: {br7: {interfaces: [ens33]}}\n` } },
      {},
      /ens33 belongs to br7/,
    ],
    ['no definition', { files: { '01.yaml': 'network: {}' } }, {}, /no file of netplan describes ens33/],
    [
      'settings of systemd-networkd beside',
      { more: { '/etc/systemd/network/10-netplan-ens33.network.d/x.conf': '' } },
      {},
      /10-netplan-ens33\.network\.d holds settings/,
    ],
    ['a zone', {}, { zone: 'dmz' }, /netplan knows no zones/],
    ['a bridge that does not come up', {}, { onboot: false }, /leave 'onboot' out/],
    [
      'another backend',
      {},
      { backend: 'networkd' as const },
      /'backend' is networkd, and netplan with systemd-networkd owns ens33/,
    ],
  ])('%s: refused', async (_what, more, args, words) => {
    const on = host({ files: { '01.yaml': dhcp }, ...more });
    await expect(apply(on, args)).rejects.toThrow(words);
    expect(Object.keys(written(on))).not.toContain(own);
  });
});
